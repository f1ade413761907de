"""The headers that describe an object: taken from a request, or overridden for one answer."""

import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers

from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.records import Description

DEFAULT_CONTENT_TYPE: Final = "binary/octet-stream"
MAX_METADATA_BYTES: Final = 2048
_META: Final = "x-amz-meta-"
_KEPT: Final = (
    *("content-type", "content-disposition", "content-encoding", "content-language"),
    *("cache-control", "expires"),
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def read_description(headers: Headers) -> Description:
    """What a request says about the object it writes. Raises MetadataTooLarge."""
    metadata = {name.removeprefix(_META): ",".join(headers.getlist(name)) for name in headers if name.startswith(_META)}
    size_bytes = sum(len(name) + len(value) for name, value in metadata.items())
    if size_bytes > MAX_METADATA_BYTES:
        raise S3Error(
            ErrorCode.METADATA_TOO_LARGE,
            "Your metadata headers exceed the maximum allowed metadata size",
            details={"Size": str(size_bytes), "MaxSizeAllowed": str(MAX_METADATA_BYTES)},
        )
    kept = {name: headers[name] for name in _KEPT if name in headers}
    kept["content-encoding"] = _without_aws_chunked(kept.get("content-encoding", ""))
    if not kept["content-encoding"]:
        del kept["content-encoding"]
    return Description(headers={"content-type": DEFAULT_CONTENT_TYPE, **kept}, metadata=metadata)


def read_overrides(query: Mapping[str, str]) -> dict[str, str]:
    """The `response-…` parameters of a GET, as headers of its answer."""
    overrides = {}
    for name in _KEPT:
        value = query.get(f"response-{name}")
        if value is None:
            continue
        if _CONTROL.search(value):
            raise S3Error(ErrorCode.INVALID_ARGUMENT, f"response-{name} must not hold control characters.")
        # Headers are bytes behind a latin-1 mask; this keeps the UTF-8 bytes as the client wrote them.
        overrides[name] = value.encode().decode("latin-1")
    return overrides


def _without_aws_chunked(encodings: str) -> str:
    """`aws-chunked` is about the transfer and not about the object."""
    return ",".join(kept for item in encodings.split(",") if (kept := item.strip()) not in ("", "aws-chunked"))
