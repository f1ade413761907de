"""The operations of a multipart upload."""

import asyncio
import re
from typing import Final

from starlette.responses import Response

from devstack.s3.checksums import Algorithm, parse_algorithm
from devstack.s3.descriptions import read_description
from devstack.s3.documents import Field, read_named_parts
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.multipart import MAX_PART_NUMBER, Uploads
from devstack.s3.payload import (
    MAX_DOCUMENT_BYTES,
    MAX_OBJECT_BYTES,
    expect_payload,
    read_checksums,
    receive_document,
    receive_object,
)
from devstack.s3.records import ChecksumType, PartRecord, UploadRecord
from devstack.s3.responses import checksum_fields, checksum_headers, iso, quoted, xml_response
from devstack.s3.routing import Call
from devstack.s3.storage import Store, timestamp

MAX_LISTED_PARTS: Final = 1000


class MultipartUploads:
    """Handlers of the operations of a multipart upload."""

    def __init__(self, store: Store, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads

    async def create(self, call: Call) -> Response:
        """CreateMultipartUpload: fixes everything about the object but its bytes."""
        headers = call.request.headers
        name = headers.get("x-amz-checksum-algorithm")
        algorithm = parse_algorithm(name) if name else None
        record = UploadRecord(
            bucket=call.target.bucket,
            key=call.target.key,
            created=timestamp(),
            description=read_description(headers),
            algorithm=algorithm,
            checksum_type=_checksum_type(headers.get("x-amz-checksum-type"), algorithm),
        )
        upload_id = await asyncio.to_thread(self._uploads.create, record)
        response = xml_response("InitiateMultipartUploadResult", [*_place(call), ("UploadId", upload_id)])
        if algorithm:
            response.headers["x-amz-checksum-algorithm"] = algorithm.upper()
            response.headers["x-amz-checksum-type"] = record.checksum_type.value
        return response

    async def put_part(self, call: Call) -> Response:
        """UploadPart: the part is on disk when this answers; the same number again replaces it."""
        number = _number(call, "partNumber", at_most=MAX_PART_NUMBER)
        upload_id = call.query["uploadId"]
        upload = await self._find(call)
        payload = expect_payload(call.request, call.auth, max_bytes=MAX_OBJECT_BYTES)
        own = {upload.algorithm} if upload.algorithm else set[Algorithm]()
        with self._store.draft(payload.algorithms | own) as draft:
            checksums = await receive_object(call.request, payload, draft)
            part = PartRecord(
                number=number,
                size_bytes=draft.size_bytes,
                etag=draft.digests.etag,
                modified=timestamp(),
                checksums=checksums | {algorithm: draft.digests.checksum(algorithm) for algorithm in own},
            )
            await asyncio.to_thread(self._uploads.put_part, upload_id, part, draft)
        kept = checksum_headers(part.checksums, ChecksumType.FULL_OBJECT)
        kept.pop("x-amz-checksum-type", None)
        return Response(headers={"etag": quoted(part.etag), **kept})

    async def list_parts(self, call: Call) -> Response:
        """ListParts, in pages behind `part-number-marker`."""
        await self._find(call)
        marker = _number(call, "part-number-marker", at_most=2**31, default=0)
        limit = min(_number(call, "max-parts", at_most=2**31, default=MAX_LISTED_PARTS), MAX_LISTED_PARTS)
        parts = await asyncio.to_thread(self._uploads.parts, call.query["uploadId"])
        rest = [part for part in parts if part.number > marker]
        shown = rest[:limit]
        fields: list[Field] = [
            *_place(call),
            ("UploadId", call.query["uploadId"]),
            ("PartNumberMarker", str(marker)),
            ("NextPartNumberMarker", str(shown[-1].number if shown else marker)),
            ("MaxParts", str(limit)),
            ("IsTruncated", "true" if len(rest) > len(shown) else "false"),
            *(("Part", _part_fields(part)) for part in shown),
        ]
        return xml_response("ListPartsResult", fields)

    async def complete(self, call: Call) -> Response:
        """CompleteMultipartUpload: the object is on disk and visible when this answers, or nothing has changed."""
        upload = await self._find(call)
        headers = call.request.headers
        # Checksum headers of this request are about the object, not about the list of parts in its body.
        payload = expect_payload(call.request, call.auth, max_bytes=MAX_DOCUMENT_BYTES, are_checksums_of_body=False)
        named = read_named_parts(await receive_document(payload, call.request))
        watch = self._store.watch(
            upload.bucket, upload.key, if_match=headers.get("if-match"), if_none_match=headers.get("if-none-match")
        )
        with watch as condition:
            record = await asyncio.to_thread(
                self._uploads.complete,
                call.query["uploadId"],
                upload,
                named,
                promised=read_checksums(headers),
                condition=condition,
            )
        fields: list[Field] = [
            ("Location", str(call.request.url.replace(query=""))),
            *_place(call),
            ("ETag", quoted(record.etag)),
            *checksum_fields(record.checksums),
        ]
        if record.checksums:
            fields.append(("ChecksumType", record.checksum_type.value))
        return xml_response("CompleteMultipartUploadResult", fields)

    async def abort(self, call: Call) -> Response:
        """AbortMultipartUpload: forgets the upload and its parts."""
        await self._find(call)
        await asyncio.to_thread(self._uploads.abort, call.query["uploadId"])
        return Response(status_code=204)

    async def _find(self, call: Call) -> UploadRecord:
        self._store.index(call.target.bucket)
        return await asyncio.to_thread(
            self._uploads.get, call.query["uploadId"], bucket=call.target.bucket, key=call.target.key
        )


def _place(call: Call) -> list[Field]:
    return [("Bucket", call.target.bucket), ("Key", call.target.key)]


def _part_fields(part: PartRecord) -> list[Field]:
    return [
        ("PartNumber", str(part.number)),
        ("LastModified", iso(part.modified)),
        ("ETag", quoted(part.etag)),
        ("Size", str(part.size_bytes)),
        *checksum_fields(part.checksums),
    ]


def _checksum_type(asked: str | None, algorithm: Algorithm | None) -> ChecksumType:
    if asked is None:
        return ChecksumType.COMPOSITE
    if asked not in {kind.value for kind in ChecksumType}:
        raise S3Error(ErrorCode.INVALID_ARGUMENT, f"x-amz-checksum-type is not known: {asked!r}.")
    if algorithm is None or (asked == ChecksumType.FULL_OBJECT and algorithm is not Algorithm.CRC32):
        message = f"The {asked} checksum type cannot be used with the algorithm {algorithm or 'none'}."
        raise S3Error(ErrorCode.INVALID_REQUEST, message)
    return ChecksumType(asked)


def _number(call: Call, name: str, *, at_most: int, default: int | None = None) -> int:
    """A whole number from the query, at least 1 unless it has a default."""
    at_least = 1 if default is None else 0
    text = call.query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not at_least <= int(text) <= at_most:
        message = f"{name} must be a number from {at_least} to {at_most}; found {text!r}."
        raise S3Error(ErrorCode.INVALID_ARGUMENT, message, details={"ArgumentName": name})
    return int(text)
