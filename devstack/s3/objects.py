"""The operations on one object: put, copy, get, head, delete."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from starlette.responses import Response, StreamingResponse

from devstack.s3.conditions import WriteCondition, is_not_modified
from devstack.s3.credentials import Action
from devstack.s3.descriptions import read_description, read_overrides
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.files import CHUNK_BYTES, read_range
from devstack.s3.payload import MAX_OBJECT_BYTES, expect_payload, receive_object
from devstack.s3.ranges import ByteRange, read_byte_range
from devstack.s3.records import ChecksumType, Description, ObjectRecord
from devstack.s3.responses import checksum_fields, checksum_headers, iso, object_headers, quoted, xml_response
from devstack.s3.routing import Call, Operation, Target, check_key, denied
from devstack.s3.storage import Store, timestamp


class Objects:
    """Handlers of the operations on one object."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, call: Call) -> Response:
        """PutObject: the object is on disk and visible when this answers, or nothing has changed."""
        target, headers = call.target, call.request.headers
        description = read_description(headers)
        payload = expect_payload(call.request, call.auth, max_bytes=MAX_OBJECT_BYTES)
        with self._watch(target, headers) as condition, self._store.draft(payload.algorithms) as draft:
            checksums = await receive_object(call.request, payload, draft)
            record = ObjectRecord(
                key=target.key,
                size_bytes=draft.size_bytes,
                etag=draft.digests.etag,
                modified=timestamp(),
                description=description,
                checksums=checksums,
            )
            await asyncio.to_thread(self._store.publish, target.bucket, draft, record, condition)
        return _written(record)

    async def copy(self, call: Call) -> Response:
        """CopyObject within this server; the metadata are the source's unless the request says REPLACE."""
        source = _copy_source(call)
        if not call.auth.credential.may(Action.GET_OBJECT, source.key):
            raise denied(call, Action.GET_OBJECT)
        description = _copied_description(call, source)
        record = await asyncio.to_thread(self._copy, source, call.target, description, call.request.headers)
        return xml_response(
            "CopyObjectResult",
            [
                ("LastModified", iso(record.modified)),
                ("ETag", quoted(record.etag)),
                *checksum_fields(record.checksums),
            ],
        )

    async def get(self, call: Call) -> Response:
        """GetObject and HeadObject: whole or one range, conditional, with overridden headers."""
        overrides = read_overrides(call.query)
        record, file = await asyncio.to_thread(self._store.open, call.target.bucket, call.target.key)
        try:
            response = await self._respond(call, record, file, overrides)
        except BaseException:
            file.close()
            raise
        if not isinstance(response, StreamingResponse):
            file.close()
        return response

    async def delete(self, call: Call) -> Response:
        """DeleteObject: 204, whether or not there was something to remove."""
        if "if-match" in call.request.headers:
            raise S3Error(ErrorCode.NOT_IMPLEMENTED, "Conditional deletes are not implemented.")
        await asyncio.to_thread(self._store.delete, call.target.bucket, call.target.key)
        return Response(status_code=204)

    async def _respond(
        self, call: Call, record: ObjectRecord, file: BinaryIO, overrides: Mapping[str, str]
    ) -> Response:
        request_headers = call.request.headers
        if is_not_modified(record, request_headers):
            kept = object_headers(record, with_checksums=False)
            return Response(status_code=304, headers={name: kept[name] for name in ("etag", "last-modified")})
        part = read_byte_range(request_headers, record)
        # A stored checksum is of the whole object; beside a range it would make clients refuse good bytes.
        with_checksums = part is None and request_headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
        headers = object_headers(record, with_checksums=with_checksums) | dict(overrides)
        if part is not None:
            headers["content-range"] = f"bytes {part.start}-{part.start + part.size_bytes - 1}/{record.size_bytes}"
        wanted = part or ByteRange(start=0, size_bytes=record.size_bytes)
        headers["content-length"] = str(wanted.size_bytes)
        status = 200 if part is None else 206
        if call.operation is Operation.HEAD_OBJECT:
            return Response(status_code=status, headers=headers)
        if wanted.size_bytes <= CHUNK_BYTES:
            pieces = await asyncio.to_thread(list, read_range(file, start=wanted.start, size_bytes=wanted.size_bytes))
            return Response(b"".join(pieces), status_code=status, headers=headers)
        return StreamingResponse(_stream(file, wanted), status_code=status, headers=headers)

    def _copy(
        self, source: Target, target: Target, description: Description | None, headers: Mapping[str, str]
    ) -> ObjectRecord:
        with self._watch(target, headers) as condition:
            old, file = self._store.open(source.bucket, source.key)
            with file, self._store.draft(old.checksums) as draft:
                draft.append_from(file, size_bytes=old.size_bytes)
                record = ObjectRecord(
                    key=target.key,
                    size_bytes=old.size_bytes,
                    etag=draft.digests.etag,
                    modified=timestamp(),
                    description=description or old.description,
                    checksums=draft.digests.checksums(),
                )
                self._store.publish(target.bucket, draft, record, condition)
        return record

    def _watch(self, target: Target, headers: Mapping[str, str]) -> WriteCondition:
        return self._store.watch(
            target.bucket, target.key, if_match=headers.get("if-match"), if_none_match=headers.get("if-none-match")
        )


def _written(record: ObjectRecord) -> Response:
    headers = checksum_headers(record.checksums, ChecksumType.FULL_OBJECT)
    return Response(headers={"etag": quoted(record.etag), **headers})


async def _stream(file: BinaryIO, wanted: ByteRange) -> AsyncIterator[bytes]:
    with file:
        pieces = iter(read_range(file, start=wanted.start, size_bytes=wanted.size_bytes))
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


def _copy_source(call: Call) -> Target:
    raw, _, version = call.request.headers["x-amz-copy-source"].partition("?")
    if version:
        raise S3Error(ErrorCode.NOT_IMPLEMENTED, "There are no versions here: x-amz-copy-source must not name one.")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as err:
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "x-amz-copy-source is not UTF-8.") from err
    bucket, _, key = text.removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "x-amz-copy-source must be <bucket>/<key>.")
    check_key(key)
    return Target(bucket=bucket, key=key)


def _copied_description(call: Call, source: Target) -> Description | None:
    """None when the copy keeps the description of its source."""
    directive = call.request.headers.get("x-amz-metadata-directive", "COPY")
    if directive not in ("COPY", "REPLACE"):
        raise S3Error(ErrorCode.INVALID_ARGUMENT, f"x-amz-metadata-directive is COPY or REPLACE; found {directive!r}.")
    if directive == "REPLACE":
        return read_description(call.request.headers)
    if source == call.target:
        message = "This copy request is illegal because it copies an object to itself without changing its metadata."
        raise S3Error(ErrorCode.INVALID_REQUEST, message)
    return None
