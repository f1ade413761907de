"""Artifacts in an S3 store."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import orjson

from pipeline_service.commands.errors import ArtifactMismatch, FailedPrecondition, Unavailable
from pipeline_service.commands.ports import ObjectFacts, Upload
from pipeline_service.domain.garbage import StoredObject
from pipeline_service.domain.values import Json
from servicekit.object_store import ObjectStore
from servicekit.store_errors import ContentMismatch, ObjectMissing, StoreError, StoreRefused

UPLOAD_LIFETIME = timedelta(minutes=15)
MAX_JSON_BYTES = 1024 * 1024
MAX_KEYS = 1000


class S3Artifacts:
    """What the pipeline service asks of the store: looking, small writes, presigned addresses."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def head(self, key: str) -> ObjectFacts | None:
        with _translated():
            facts = await self._store.head(key)
        if facts is None:
            return None
        return ObjectFacts(size_bytes=facts.size_bytes, sha256=facts.sha256 or "", content_type=facts.content_type)

    async def put(self, key: str, content: bytes, *, content_type: str) -> None:
        with _translated():
            await self._store.put_bytes(key, content, content_type=content_type)

    async def read_json(self, key: str) -> Json | None:
        try:
            with _translated():
                value = orjson.loads(await self._store.get_bytes(key, limit=MAX_JSON_BYTES))
        except (ObjectMissing, ArtifactMismatch, orjson.JSONDecodeError):
            return None
        return value if isinstance(value, dict) else None

    async def list_keys(self, prefix: str) -> Sequence[str]:
        keys: list[str] = []
        with _translated():
            async for key, _size in self._store.list_prefix(prefix):
                keys.append(key)
                if len(keys) >= MAX_KEYS:
                    break
        return keys

    async def list_objects(self, *, after: str, limit: int) -> Sequence[StoredObject]:
        with _translated():
            found = await self._store.list_after(after, limit=limit)
        return [StoredObject(key=one.key, size_bytes=one.size_bytes, write_time=one.write_time) for one in found]

    async def remove(self, keys: Sequence[str]) -> None:
        try:
            with _translated():
                await asyncio.gather(*map(self._store.remove, keys))
        except Unavailable as error:
            if isinstance(error.__cause__, StoreRefused):
                raise FailedPrecondition(
                    "the store does not let this service remove objects: its key needs s3:DeleteObject"
                ) from error
            raise

    async def presign_put(self, key: str, *, sha256: str, size_bytes: int, content_type: str) -> Upload:
        upload = self._store.presign_put(
            key, expires=UPLOAD_LIFETIME, sha256=sha256, size_bytes=size_bytes, content_type=content_type
        )
        return Upload(url=upload.url, headers=dict(upload.headers))

    async def presign_get(self, key: str, *, lifetime: timedelta, file_name: str) -> str:
        disposition = f'attachment; filename="{file_name}"'
        return self._store.presign_get(key, expires=lifetime, content_disposition=disposition)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ObjectMissing:
        raise
    except ContentMismatch as error:
        raise ArtifactMismatch(str(error)) from error
    except StoreError as error:
        raise Unavailable(f"the object store did not answer: {type(error).__name__}") from error
