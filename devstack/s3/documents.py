"""The XML documents of the protocol: written with ElementTree, read with entities refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias
from xml.etree import ElementTree

from devstack.s3.checksums import Algorithm, ETag
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.multipart import MAX_PART_NUMBER, NamedPart

Field: TypeAlias = tuple[str, "str | Iterable[Field]"]
"""An element: its name, and its text or its children."""

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_MAX_DELETED_KEYS: Final = 1000
NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry, not even escaped."""


def write(root: str, fields: Iterable[Field]) -> bytes:
    """A document of S3's namespace."""
    element = ElementTree.Element(root, xmlns=_NAMESPACE)
    _fill(element, fields)
    return _DECLARATION + ElementTree.tostring(element)


def write_error(*, code: ErrorCode, message: str, details: Mapping[str, str]) -> bytes:
    """An error document; it has no namespace."""
    element = ElementTree.Element("Error")
    _fill(element, [("Code", code.value), ("Message", message), *details.items()])
    return _DECLARATION + ElementTree.tostring(element)


def read_keys_to_delete(content: bytes) -> tuple[list[str], bool]:
    """The keys of a DeleteObjects request, and whether it asks for a quiet answer. Raises MalformedXML."""
    root = _read(content, root="Delete")
    keys = []
    for item in root.iterfind("Object"):
        key = item.findtext("Key")
        if not key:
            raise _malformed("each Object needs a Key")
        if item.find("VersionId") is not None:
            raise S3Error(ErrorCode.NOT_IMPLEMENTED, "There are no versions here: VersionId cannot be deleted.")
        keys.append(key)
    if not 1 <= len(keys) <= _MAX_DELETED_KEYS:
        raise _malformed(f"expected 1 to {_MAX_DELETED_KEYS} keys, found {len(keys)}")
    return keys, root.findtext("Quiet", "false").strip().lower() == "true"


def read_named_parts(content: bytes) -> list[NamedPart]:
    """The parts of a CompleteMultipartUpload request. Raises MalformedXML."""
    parts = [_named_part(item) for item in _read(content, root="CompleteMultipartUpload").iterfind("Part")]
    if not parts:
        raise _malformed("expected at least one Part")
    return parts


def _named_part(item: ElementTree.Element) -> NamedPart:
    number, etag = item.findtext("PartNumber", ""), item.findtext("ETag", "")
    if not (number.isdecimal() and 1 <= int(number) <= MAX_PART_NUMBER and etag):
        raise _malformed(f"each Part needs an ETag and a PartNumber from 1 to {MAX_PART_NUMBER}")
    named = {algorithm: item.findtext(f"Checksum{algorithm.upper()}") for algorithm in Algorithm}
    return NamedPart(
        number=int(number),
        etag=ETag(etag.strip('"')),
        checksums={algorithm: value for algorithm, value in named.items() if value},
    )


def _read(content: bytes, *, root: str) -> ElementTree.Element:
    """Parse a document and drop its namespace, which clients may leave out."""
    try:
        text = content.decode()
        # Without a document type there are no entities, so nothing can expand without bound.
        if "<!DOCTYPE" in text:
            raise _malformed("a document type is not allowed")
        document = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities
    except (UnicodeDecodeError, ValueError, ElementTree.ParseError) as err:
        raise _malformed("it does not parse") from err
    for element in document.iter():
        element.tag = element.tag.rpartition("}")[2]
    if document.tag != root:
        raise _malformed(f"expected {root}, found {document.tag}")
    return document


def _fill(parent: ElementTree.Element, fields: Iterable[Field]) -> None:
    for name, content in fields:
        element = ElementTree.SubElement(parent, name)
        if isinstance(content, str):
            element.text = NOT_IN_XML.sub("\ufffd", content)
        else:
            _fill(element, content)


def _malformed(problem: str) -> S3Error:
    return S3Error(ErrorCode.MALFORMED_XML, f"The XML you provided is not what this request needs: {problem}.")
