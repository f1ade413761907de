"""Objects in an S3 store: written once, bound to their SHA-256, streamed, without blocking the event loop."""

import asyncio
import contextlib
import functools
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from servicekit.s3 import StoreAddress, base64_of_hex, hex_of_base64, new_s3_client, store_errors
from servicekit.store_errors import AlreadyExists, ContentMismatch, ObjectMissing, StoreUnavailable, WriteConflict

Result = TypeVar("Result")

CHUNK_BYTES: Final = 1024 * 1024
MAX_SINGLE_PUT_BYTES: Final = 5 * 1024**3
"""S3's limit of one PUT; the checksum of a multipart upload is not the SHA-256 of its bytes."""
_CONFLICT_TRIES: Final = 4


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What the store knows of one object."""

    key: str
    size_bytes: int
    etag: str
    content_type: str
    sha256: str | None
    """Hex; None if the object was stored without one."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ListedObject:
    """What a listing says of one object."""

    key: str
    size_bytes: int
    write_time: datetime


@dataclass(frozen=True, kw_only=True)
class PresignedPut:
    """A URL that accepts one PUT of certain bytes, and the headers that must come with it."""

    url: str = field(repr=False)
    headers: Mapping[str, str]


class ObjectStore:
    """One bucket. One per process: it owns a boto3 client, which is safe to share, and its threads."""

    def __init__(self, address: StoreAddress, *, max_parallel: int = 8, timeout_s: float = 30.0) -> None:
        """Raises ConfigError for key files that cannot be used. Opens no connection."""
        self.bucket = address.bucket
        self._client = new_s3_client(address, max_connections=max_parallel, timeout_s=timeout_s)
        self._threads = ThreadPoolExecutor(max_workers=max_parallel, thread_name_prefix="object-store")

    async def close(self) -> None:
        """Wait for running calls, then release threads and connections."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._client.close()

    async def ensure_bucket(self) -> None:
        """Create the bucket unless it exists; safe to repeat and to race."""
        try:
            await self._run(lambda: self._client.head_bucket(Bucket=self.bucket))
        except ObjectMissing:
            with contextlib.suppress(AlreadyExists):
                await self._run(lambda: self._client.create_bucket(Bucket=self.bucket))

    async def check(self) -> None:
        """A readiness check: raises unless the bucket answers."""
        await self._run(lambda: self._client.head_bucket(Bucket=self.bucket))

    async def head(self, key: str) -> ObjectFacts | None:
        """What is stored under `key`, None if nothing. Raises StoreUnavailable, StoreRefused."""
        try:
            answer = await self._run(
                lambda: self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            )
        except ObjectMissing:
            return None
        return _facts(key, answer)

    async def put_file(
        self, key: str, path: Path, *, content_type: str, sha256: str | None = None, if_absent: bool = True
    ) -> ObjectFacts:
        """Store a file, streamed. The store checks the SHA-256 (computed here unless given, in hex).

        With `if_absent` an object is never replaced: the same content again is a success, another is AlreadyExists.
        """
        digest = sha256 if sha256 is not None else await asyncio.to_thread(sha256_of_file, path)
        size = (await asyncio.to_thread(path.stat)).st_size
        if size > MAX_SINGLE_PUT_BYTES:
            raise ContentMismatch(f"{key}: {size} bytes are more than one PUT takes ({MAX_SINGLE_PUT_BYTES})")

        def put(arguments: dict[str, Any]) -> Any:
            with path.open("rb") as body:
                return self._client.put_object(Body=body, **arguments)

        return await self._put(key, put, content_type=content_type, sha256=digest, size=size, if_absent=if_absent)

    async def put_bytes(self, key: str, content: bytes, *, content_type: str, if_absent: bool = True) -> ObjectFacts:
        """Store a small content; as put_file otherwise."""
        digest = hashlib.sha256(content).hexdigest()

        def put(arguments: dict[str, Any]) -> Any:
            return self._client.put_object(Body=content, **arguments)

        return await self._put(
            key, put, content_type=content_type, sha256=digest, size=len(content), if_absent=if_absent
        )

    async def get_file(self, key: str, path: Path, *, max_bytes: int) -> ObjectFacts:
        """Stream an object into a new file.

        Raises ObjectMissing, or ContentMismatch (too large, cut off, other bytes than its SHA-256 says); then no file
        is left behind.
        """
        return await self._run(lambda: self._download(key, path, max_bytes))

    async def get_bytes(self, key: str, *, limit: int) -> bytes:
        """A small object. Raises ObjectMissing, or ContentMismatch when it has more than `limit` bytes."""

        def get() -> bytes:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            with contextlib.closing(answer["Body"]) as body:
                if answer["ContentLength"] > limit:
                    raise ContentMismatch(f"{key} has {answer['ContentLength']} bytes, more than {limit}")
                content: bytes = body.read()
                return content

        return await self._run(get)

    async def list_prefix(self, prefix: str, *, page_size: int = 1000) -> AsyncIterator[tuple[str, int]]:
        """(key, size in bytes) of every object whose key begins with `prefix`, in the order of keys."""
        token: str | None = None
        while True:
            page = await self._run(functools.partial(self._list_page, prefix, token, page_size))
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["Size"]
            token = page.get("NextContinuationToken")
            if token is None:
                return

    async def list_after(self, key: str, *, limit: int) -> list[ListedObject]:
        """The next objects of the bucket behind a key, in their order; "" begins with the first. At most 1,000."""
        page = await self._run(lambda: self._client.list_objects_v2(Bucket=self.bucket, StartAfter=key, MaxKeys=limit))
        return [
            ListedObject(key=entry["Key"], size_bytes=entry["Size"], write_time=entry["LastModified"])
            for entry in page.get("Contents", ())
        ]

    async def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error. Raises StoreUnavailable, StoreRefused."""
        await self._run(lambda: self._client.delete_object(Bucket=self.bucket, Key=key))

    def presign_get(self, key: str, *, expires: timedelta, content_disposition: str | None = None) -> str:
        """A URL that reads one object. It is a secret: never log it. (S3 answers HEAD on it with 403.)"""
        parameters = {"Bucket": self.bucket, "Key": key}
        if content_disposition is not None:
            parameters["ResponseContentDisposition"] = content_disposition
        return self._presign("get_object", parameters, expires)

    def presign_put(
        self, key: str, *, expires: timedelta, sha256: str, size_bytes: int, content_type: str
    ) -> PresignedPut:
        """A URL that writes exactly these bytes, once. The caller of it must send the headers that come with it."""
        parameters = {
            "Bucket": self.bucket,
            "Key": key,
            "ContentType": content_type,
            "ContentLength": size_bytes,
            "ChecksumSHA256": base64_of_hex(sha256),
            "Metadata": {"sha256": sha256},
            "IfNoneMatch": "*",
        }
        url = self._presign("put_object", parameters, expires)
        return PresignedPut(url=url, headers=_put_headers(parameters))

    def presign_put_once(self, key: str, *, expires: timedelta) -> PresignedPut:
        """A URL that writes an object that is not there yet, whatever its bytes; as `presign_put` otherwise."""
        parameters: dict[str, Any] = {"Bucket": self.bucket, "Key": key, "IfNoneMatch": "*"}
        url = self._presign("put_object", parameters, expires)
        return PresignedPut(url=url, headers={"If-None-Match": "*"})

    def _presign(self, operation: str, parameters: dict[str, Any], expires: timedelta) -> str:
        url: str = self._client.generate_presigned_url(
            operation, Params=parameters, ExpiresIn=int(expires.total_seconds())
        )
        return url

    async def _put(
        self,
        key: str,
        put: Callable[[dict[str, Any]], Any],
        *,
        content_type: str,
        sha256: str,
        size: int,
        if_absent: bool,
    ) -> ObjectFacts:
        arguments: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": key,
            "ContentType": content_type,
            "ChecksumSHA256": base64_of_hex(sha256),
            "Metadata": {"sha256": sha256},
        }
        if if_absent:
            arguments["IfNoneMatch"] = "*"
        try:
            answer = await self._without_conflict(lambda: put(arguments))
        except AlreadyExists:
            return await self._same_content_or_raise(key, sha256=sha256, size=size)
        return ObjectFacts(
            key=key,
            size_bytes=size,
            etag=answer["ETag"].strip('"'),
            content_type=content_type,
            sha256=sha256,
            metadata={"sha256": sha256},
        )

    async def _without_conflict(self, call: Callable[[], Any]) -> Any:
        """S3 answers 409 while another conditional write of the key is under way; soon one of them has won."""
        for tries_left in reversed(range(_CONFLICT_TRIES)):
            try:
                return await self._run(call)
            except WriteConflict:
                if tries_left == 0:
                    raise
                await asyncio.sleep(0.1 * (_CONFLICT_TRIES - tries_left))
        raise AssertionError("unreachable")

    async def _same_content_or_raise(self, key: str, *, sha256: str, size: int) -> ObjectFacts:
        stored = await self.head(key)
        if stored is None:
            raise StoreUnavailable(f"{key} existed a moment ago and is gone")
        if stored.sha256 != sha256 or stored.size_bytes != size:
            raise AlreadyExists(f"{key} holds other bytes ({stored.size_bytes}, sha256 {stored.sha256})")
        return stored

    def _list_page(self, prefix: str, token: str | None, page_size: int) -> Any:
        more = {} if token is None else {"ContinuationToken": token}
        return self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=page_size, **more)

    def _download(self, key: str, path: Path, max_bytes: int) -> ObjectFacts:
        answer = self._client.get_object(Bucket=self.bucket, Key=key)
        facts = _facts(key, answer)
        with contextlib.closing(answer["Body"]) as body:
            if facts.size_bytes > max_bytes:
                raise ContentMismatch(f"{key} has {facts.size_bytes} bytes, more than {max_bytes}")
            try:
                with path.open("xb") as file:
                    digest, size = hashlib.sha256(), 0
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        digest.update(chunk)
                        size += len(chunk)
                        file.write(chunk)
                if size != facts.size_bytes or facts.sha256 not in (None, digest.hexdigest()):
                    raise ContentMismatch(f"{key}: got {size} of {facts.size_bytes} bytes, sha256 {digest.hexdigest()}")
            except FileExistsError:
                raise
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return facts

    async def _run(self, call: Callable[[], Result]) -> Result:
        def translated() -> Result:
            with store_errors():
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._threads, translated)


def sha256_of_file(path: Path) -> str:
    """Hex; reads the whole file, so not on the event loop."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(key: str, answer: Mapping[str, Any]) -> ObjectFacts:
    metadata = answer.get("Metadata", {})
    checksum = answer.get("ChecksumSHA256")
    # What the store checked itself is worth more than what somebody wrote beside it. "-N" marks a multipart checksum.
    bound = hex_of_base64(checksum) if checksum and "-" not in checksum else None
    return ObjectFacts(
        key=key,
        size_bytes=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        content_type=answer.get("ContentType", "application/octet-stream"),
        sha256=bound or metadata.get("sha256"),
        metadata=metadata,
    )


def _put_headers(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Content-Type": parameters["ContentType"],
        "Content-Length": str(parameters["ContentLength"]),
        "If-None-Match": parameters["IfNoneMatch"],
        "x-amz-checksum-sha256": parameters["ChecksumSHA256"],
        "x-amz-meta-sha256": parameters["Metadata"]["sha256"],
    }
