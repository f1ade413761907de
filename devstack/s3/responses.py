"""Answers: headers as bytes, XML bodies, and the error document."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime

from starlette.responses import Response

from devstack.s3.checksums import Algorithm, ETag
from devstack.s3.documents import Field, write, write_error
from devstack.s3.errors import S3Error
from devstack.s3.records import ChecksumType, ObjectRecord


def xml_response(root: str, fields: Iterable[Field]) -> Response:
    """A document with status 200."""
    return Response(write(root, fields), media_type="application/xml")


def error_response(error: S3Error, *, resource: str, request_id: str, method: str) -> Response:
    """The error document; a HEAD gets its status only."""
    details = {**error.details, "Resource": resource, "RequestId": request_id}
    body = write_error(code=error.code, message=error.message, details=details)
    is_head = method == "HEAD"
    return Response(
        b"" if is_head else body, status_code=error.status, headers=error.headers, media_type="application/xml"
    )


def object_headers(record: ObjectRecord, *, with_checksums: bool) -> dict[str, str]:
    """What GET and HEAD tell about an object, apart from its length."""
    headers = {
        "accept-ranges": "bytes",
        "etag": quoted(record.etag),
        "last-modified": format_datetime(record.modified, usegmt=True),
        **record.description.headers,
        **{f"x-amz-meta-{name}": value for name, value in record.description.metadata.items()},
    }
    if with_checksums and record.checksums:
        headers |= checksum_headers(record.checksums, record.checksum_type)
    return headers


def checksum_headers(checksums: Mapping[Algorithm, str], kind: ChecksumType) -> dict[str, str]:
    """The checksums of an object or part; nothing when there are none."""
    if not checksums:
        return {}
    return {
        **{f"x-amz-checksum-{algorithm}": value for algorithm, value in checksums.items()},
        "x-amz-checksum-type": kind.value,
    }


def checksum_fields(checksums: Mapping[Algorithm, str]) -> list[Field]:
    """The checksums as elements of a document."""
    return [(f"Checksum{algorithm.upper()}", value) for algorithm, value in checksums.items()]


def quoted(etag: ETag) -> str:
    """An ETag as HTTP spells it."""
    return f'"{etag}"'


def iso(moment: datetime) -> str:
    """A time as S3's documents spell it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
