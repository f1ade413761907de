"""The operations on buckets: create, head, list, list their objects, delete many objects."""

import asyncio
import base64
import re
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from devstack.s3.credentials import Action
from devstack.s3.documents import Field, read_keys_to_delete
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.listing import Entry, Page
from devstack.s3.payload import MAX_DOCUMENT_BYTES, expect_payload, receive_document
from devstack.s3.responses import iso, quoted, xml_response
from devstack.s3.routing import Call, check_key
from devstack.s3.storage import Store

MAX_KEYS: Final = 1000
_BUCKET_NAME: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Buckets:
    """Handlers of the operations on buckets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_all(self, _call: Call) -> Response:
        """ListBuckets."""
        buckets: list[Field] = [
            ("Bucket", [("Name", bucket.name), ("CreationDate", iso(bucket.created))])
            for bucket in self._store.buckets()
        ]
        return xml_response("ListAllMyBucketsResult", [("Buckets", buckets)])

    async def create(self, call: Call) -> Response:
        """CreateBucket; the region in its body makes no difference here. Creating it again is fine, as in us-east-1."""
        if "content-length" in call.request.headers:
            await receive_document(expect_payload(call.request, call.auth, max_bytes=MAX_DOCUMENT_BYTES), call.request)
        name = call.target.bucket
        if not _BUCKET_NAME.fullmatch(name):
            message = "A bucket's name is 3 to 63 of a-z, 0-9, dot and hyphen."
            raise S3Error(ErrorCode.INVALID_BUCKET_NAME, message, details={"BucketName": name})
        await asyncio.to_thread(self._store.create_bucket, name)
        return Response(headers={"location": f"/{name}"})

    async def head(self, call: Call) -> Response:
        """HeadBucket."""
        self._store.index(call.target.bucket)
        return Response()

    async def list_objects(self, call: Call) -> Response:
        """ListObjectsV2."""
        query = call.query
        prefix, delimiter, limit = query.get("prefix", ""), query.get("delimiter", ""), _max_keys(call)
        if delimiter.endswith("\U0010ffff"):
            raise S3Error(ErrorCode.INVALID_ARGUMENT, "A delimiter must not end with U+10FFFF.")
        page = await asyncio.to_thread(
            self._store.page, call.target.bucket, prefix=prefix, delimiter=delimiter, start=_start(call), limit=limit
        )
        return xml_response("ListBucketResult", _listing_fields(call, page, limit=limit))

    async def delete_objects(self, call: Call) -> Response:
        """DeleteObjects: every key has its own outcome."""
        payload = expect_payload(call.request, call.auth, max_bytes=MAX_DOCUMENT_BYTES)
        if not (payload.md5 or payload.checksums or payload.trailing):
            raise S3Error(ErrorCode.INVALID_REQUEST, "Missing required header for this request: Content-MD5")
        keys, is_quiet = read_keys_to_delete(await receive_document(payload, call.request))
        self._store.index(call.target.bucket)
        fields: list[Field] = []
        for key in keys:
            problem = await self._delete_one(call, key)
            if problem is not None:
                outcome: list[Field] = [("Key", key), ("Code", problem.code.value), ("Message", problem.message)]
                fields.append(("Error", outcome))
            elif not is_quiet:
                fields.append(("Deleted", [("Key", key)]))
        return xml_response("DeleteResult", fields)

    async def _delete_one(self, call: Call, key: str) -> S3Error | None:
        if not call.auth.credential.may(Action.DELETE_OBJECT, key):
            return S3Error(ErrorCode.ACCESS_DENIED, f"not allowed: {Action.DELETE_OBJECT}")
        try:
            check_key(key)
            await asyncio.to_thread(self._store.delete, call.target.bucket, key)
        except S3Error as err:
            return err
        return None


def _max_keys(call: Call) -> int:
    text = call.query.get("max-keys", str(MAX_KEYS))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        message = f"max-keys must be a number from 0 on; found {text!r}."
        raise S3Error(ErrorCode.INVALID_ARGUMENT, message, details={"ArgumentName": "max-keys"})
    return min(int(text), MAX_KEYS)


def _start(call: Call) -> str:
    """The first key that may be listed: where the last page ended, or right behind `start-after`."""
    token = call.query.get("continuation-token")
    if token is None:
        after = call.query.get("start-after", "")
        return f"{after}\0" if after else ""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as err:
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "The continuation token provided is incorrect") from err


def _listing_fields(call: Call, page: Page, *, limit: int) -> list[Field]:
    query = call.query
    is_encoded = query.get("encoding-type") == "url"

    def shown(text: str) -> str:
        return quote(text) if is_encoded else text

    fields: list[Field] = [
        ("Name", call.target.bucket),
        ("Prefix", shown(query.get("prefix", ""))),
        ("MaxKeys", str(limit)),
        ("KeyCount", str(len(page.entries) + len(page.common_prefixes))),
        ("IsTruncated", "true" if page.resume_at is not None else "false"),
    ]
    if is_encoded:
        fields.append(("EncodingType", "url"))
    if query.get("delimiter"):
        fields.append(("Delimiter", shown(query["delimiter"])))
    if "start-after" in query:
        fields.append(("StartAfter", shown(query["start-after"])))
    if "continuation-token" in query:
        fields.append(("ContinuationToken", query["continuation-token"]))
    if page.resume_at is not None:
        fields.append(("NextContinuationToken", base64.urlsafe_b64encode(page.resume_at.encode()).decode()))
    fields.extend(("Contents", _entry_fields(entry, key=shown(entry.key))) for entry in page.entries)
    fields.extend(("CommonPrefixes", [("Prefix", shown(prefix))]) for prefix in page.common_prefixes)
    return fields


def _entry_fields(entry: Entry, *, key: str) -> list[Field]:
    return [
        ("Key", key),
        ("LastModified", iso(entry.modified)),
        ("ETag", quoted(entry.etag)),
        ("Size", str(entry.size_bytes)),
        ("StorageClass", "STANDARD"),
    ]
