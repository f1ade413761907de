"""Buckets and objects on disk. Everything here blocks: the HTTP side calls it in worker threads.

<root>/lock                            held while a server runs
<root>/drafts/<uuid>                   unfinished uploads of a running server; removed at start
<root>/buckets/<bucket>/bucket.json    when it was created
<root>/buckets/<bucket>/<hh>/<sha256 of the key>
"""

import fcntl
import hashlib
import shutil
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from devstack.s3.checksums import Algorithm
from devstack.s3.conditions import WriteCondition, WriteConditions
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.files import Draft, make_directory, read_record, sync_directory, write_record
from devstack.s3.listing import Entry, KeyIndex, Page
from devstack.s3.records import ObjectRecord

_BUCKET_FILE: Final = "bucket.json"


class StoreInUseError(Exception):
    """Another server already serves this folder."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket and when it came to be."""

    name: str
    created: datetime


class Store:
    """The buckets and objects below one folder, which belongs to this process until `close`."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file = _lock(root)
        self._buckets_dir = root / "buckets"
        self._drafts_dir = root / "drafts"
        shutil.rmtree(self._drafts_dir, ignore_errors=True)
        for directory in (self._buckets_dir, self._drafts_dir):
            make_directory(directory)
        # Held while something becomes visible or vanishes: condition, rename and index change together.
        self._publishing = threading.Lock()
        self._conditions = WriteConditions()
        self._buckets: dict[str, Bucket] = {}
        self._indexes: dict[str, KeyIndex] = {}
        for directory in self._buckets_dir.iterdir():
            self._load(directory)

    def close(self) -> None:
        """Let another server have the folder."""
        self._lock_file.close()

    def create_bucket(self, name: str) -> None:
        """Create a bucket; creating it again changes nothing."""
        with self._publishing:
            if name in self._buckets:
                return
            bucket = Bucket(name=name, created=timestamp())
            draft = self._drafts_dir / uuid.uuid4().hex
            draft.mkdir(mode=0o700)
            write_record(draft / _BUCKET_FILE, msgspec.json.encode(bucket))
            sync_directory(draft)
            draft.rename(self._buckets_dir / name)
            sync_directory(self._buckets_dir)
            self._indexes[name] = KeyIndex()
            self._buckets[name] = bucket

    def buckets(self) -> list[Bucket]:
        """All buckets by name."""
        return sorted(self._buckets.values(), key=lambda bucket: bucket.name)

    def index(self, bucket: str) -> KeyIndex:
        """The keys of a bucket. Raises NoSuchBucket."""
        index = self._indexes.get(bucket)
        if index is None:
            raise S3Error(
                ErrorCode.NO_SUCH_BUCKET, "The specified bucket does not exist", details={"BucketName": bucket}
            )
        return index

    def draft(self, algorithms: Iterable[Algorithm] = ()) -> Draft:
        """A file to write an object or a part to."""
        return Draft(self._drafts_dir / uuid.uuid4().hex, algorithms)

    def watch(self, bucket: str, key: str, *, if_match: str | None, if_none_match: str | None) -> WriteCondition:
        """Begin a write that depends on what is there. Raises PreconditionFailed when that can be said at once."""
        index = self.index(bucket)
        condition = self._conditions.watch(bucket, key, if_match=if_match, if_none_match=if_none_match)
        try:
            condition.check(index.get(key))
        except S3Error:
            condition.close()
            raise
        return condition

    def publish(self, bucket: str, draft: Draft, record: ObjectRecord, condition: WriteCondition) -> None:
        """Make a complete draft the object of its key, if the condition still holds. On disk when this returns."""
        index = self.index(bucket)
        draft.seal(msgspec.json.encode(record))
        target = self._path(bucket, record.key)
        with self._publishing:
            condition.check(index.get(record.key))
            make_directory(target.parent)
            draft.publish(target)
            index.put(_entry(record))

    def open(self, bucket: str, key: str) -> tuple[ObjectRecord, BinaryIO]:
        """An object's record and bytes, readable also when it is replaced meanwhile. The caller closes the file."""
        self.index(bucket)
        try:
            file = self._path(bucket, key).open("rb", buffering=0)
        except FileNotFoundError as err:
            details = {"Key": key}
            raise S3Error(ErrorCode.NO_SUCH_KEY, "The specified key does not exist.", details=details) from err
        try:
            return msgspec.json.decode(read_record(file), type=ObjectRecord), file
        except BaseException:
            file.close()
            raise

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; removing what is not there changes nothing."""
        index = self.index(bucket)
        with self._publishing:
            if index.get(key) is None:
                return
            self._conditions.deleted(bucket, key)
            path = self._path(bucket, key)
            path.unlink()
            sync_directory(path.parent)
            index.remove(key)

    def page(self, bucket: str, *, prefix: str, delimiter: str, start: str, limit: int) -> Page:
        """One page of a listing."""
        return self.index(bucket).page(prefix=prefix, delimiter=delimiter, start=start, limit=limit)

    def _path(self, bucket: str, key: str) -> Path:
        """Where an object lives. A hash, so that no key can leave the folder or exceed a file name's length."""
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._buckets_dir / bucket / name[:2] / name

    def _load(self, directory: Path) -> None:
        bucket = msgspec.json.decode((directory / _BUCKET_FILE).read_bytes(), type=Bucket)
        index = KeyIndex()
        for path in directory.glob("??/*"):
            with path.open("rb", buffering=0) as file:
                index.put(_entry(msgspec.json.decode(read_record(file), type=ObjectRecord)))
        self._indexes[bucket.name] = index
        self._buckets[bucket.name] = bucket


def timestamp() -> datetime:
    """The present, cut to the millisecond that listings show."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _entry(record: ObjectRecord) -> Entry:
    return Entry(key=record.key, size_bytes=record.size_bytes, etag=record.etag, modified=record.modified)


def _lock(root: Path) -> BinaryIO:
    file = (root / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        file.close()
        raise StoreInUseError(f"{root}: another server holds the lock of this folder") from err
    return file
