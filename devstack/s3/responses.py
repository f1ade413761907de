"""Answers: headers as bytes, XML bodies, and the error document."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devstack.s3.checksums import Algorithm, ETag
from devstack.s3.documents import Field, write, write_error
from devstack.s3.errors import S3Error
from devstack.s3.records import ChecksumType, ObjectRecord

LINGER_S: Final = 2.0


def xml_response(root: str, fields: Iterable[Field]) -> Response:
    """A document with status 200."""
    return Response(write(root, fields), media_type="application/xml")


class LingeringResponse(Response):
    """An answer to a client that holds its body back (Expect: 100-continue), after which the connection is over.

    It cannot go on, since nobody knows whether the next bytes are the body or a request. It must not end at once
    either: a client that sends its body after all would be reset before it has read the answer.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        """Send the answer, then take what still comes until the client hangs up or some time has passed."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def error_response(
    error: S3Error, *, resource: str, request_id: str, method: str, expects_continue: bool = False
) -> Response:
    """The error document; a HEAD gets its status only."""
    details = {**error.details, "Resource": resource, "RequestId": request_id}
    body = write_error(code=error.code, message=error.message, details=details)
    kind = LingeringResponse if expects_continue else Response
    return kind(
        b"" if method == "HEAD" else body,
        status_code=error.status,
        headers=error.headers,
        media_type="application/xml",
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
