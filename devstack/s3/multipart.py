"""Multipart uploads: parts wait on disk until they become one object. Everything here blocks.

<root>/uploads/<upload id>/upload.json
<root>/uploads/<upload id>/part-00001
"""

import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from devstack.s3.checksums import Algorithm, ETag, composite_checksum, etag_of_parts
from devstack.s3.conditions import WriteCondition
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.files import Draft, make_directory, read_record, sync_directory, write_record
from devstack.s3.records import ChecksumType, ObjectRecord, PartRecord, UploadId, UploadRecord
from devstack.s3.storage import Store, timestamp

MIN_PART_BYTES: Final = 5 * 1024 * 1024
MAX_PART_NUMBER: Final = 10_000
ABANDONED_AFTER: Final = timedelta(days=7)
_UPLOAD_FILE: Final = "upload.json"


@dataclass(frozen=True, kw_only=True)
class NamedPart:
    """A part as CompleteMultipartUpload names it."""

    number: int
    etag: ETag
    checksums: dict[Algorithm, str]


class Uploads:
    """The multipart uploads of a store; unfinished ones survive a restart, for a week."""

    def __init__(self, root: Path, store: Store) -> None:
        self._store = store
        self._dir = root / "uploads"
        make_directory(self._dir)
        self._remove_abandoned(datetime.now(UTC) - ABANDONED_AFTER)

    def create(self, record: UploadRecord) -> UploadId:
        """Begin an upload."""
        self._store.index(record.bucket)
        upload_id = UploadId(uuid.uuid4().hex)
        draft = self._dir / f"draft-{upload_id}"
        draft.mkdir(mode=0o700)
        write_record(draft / _UPLOAD_FILE, msgspec.json.encode(record))
        sync_directory(draft)
        draft.rename(self._dir / upload_id)
        sync_directory(self._dir)
        return upload_id

    def get(self, upload_id: str, *, bucket: str, key: str) -> UploadRecord:
        """What an upload was begun with. Raises NoSuchUpload, also when it is for another key."""
        with _upload_must_exist(upload_id):
            record = msgspec.json.decode((self._folder(upload_id) / _UPLOAD_FILE).read_bytes(), type=UploadRecord)
        if (record.bucket, record.key) != (bucket, key):
            raise _no_such_upload(upload_id)
        return record

    def put_part(self, upload_id: str, part: PartRecord, draft: Draft) -> None:
        """Keep a part; the same number again replaces it."""
        draft.seal(msgspec.json.encode(part))
        with _upload_must_exist(upload_id):
            draft.publish(self._part_path(upload_id, part.number))

    def parts(self, upload_id: str) -> list[PartRecord]:
        """The parts received so far, by number."""
        records = []
        with _upload_must_exist(upload_id):
            for path in sorted(self._folder(upload_id).glob("part-*")):
                with path.open("rb", buffering=0) as file:
                    records.append(_part(file))
        return records

    def abort(self, upload_id: str) -> None:
        """Forget an upload and its parts."""
        with _upload_must_exist(upload_id):
            self._discard(upload_id)

    def complete(
        self,
        upload_id: str,
        upload: UploadRecord,
        named: Sequence[NamedPart],
        *,
        promised: Mapping[Algorithm, str],
        condition: WriteCondition,
    ) -> ObjectRecord:
        """Make the named parts one object, whose checksums must be the promised ones, then forget the upload.

        The object is visible before the upload is gone, so a repeat after a crash in between gives the same object.
        """
        full = upload.algorithm if upload.checksum_type is ChecksumType.FULL_OBJECT else None
        with _upload_must_exist(upload_id):
            sizes = self._check(upload_id, named)
            with self._store.draft([full] if full else []) as draft:
                for part, size_bytes in zip(named, sizes, strict=True):
                    with self._part_path(upload_id, part.number).open("rb", buffering=0) as file:
                        _must_match(_part(file), part)
                        draft.append_from(file, size_bytes=size_bytes)
                record = self._record(upload_id, upload, named, draft)
                _must_keep(promised, record)
                self._store.publish(upload.bucket, draft, record, condition)
        # Another request may complete or abort the same upload; the object is there all the same.
        with suppress(FileNotFoundError):
            self._discard(upload_id)
        return record

    def _check(self, upload_id: str, named: Sequence[NamedPart]) -> list[int]:
        """The sizes of the named parts, once they are found fit to become an object."""
        found = {part.number: part for part in self.parts(upload_id)}
        if [part.number for part in named] != sorted({part.number for part in named}):
            raise S3Error(ErrorCode.INVALID_PART_ORDER, "The parts must be listed in ascending order, each once.")
        for position, part in enumerate(named):
            _must_match(found.get(part.number), part)
            size_bytes = found[part.number].size_bytes
            if size_bytes < MIN_PART_BYTES and position < len(named) - 1:
                raise S3Error(
                    ErrorCode.ENTITY_TOO_SMALL,
                    "Your proposed upload is smaller than the minimum allowed size",
                    details={
                        "PartNumber": str(part.number),
                        "ProposedSize": str(size_bytes),
                        "MinSizeAllowed": str(MIN_PART_BYTES),
                        "ETag": part.etag,
                    },
                )
        return [found[part.number].size_bytes for part in named]

    def _record(self, upload_id: str, upload: UploadRecord, named: Sequence[NamedPart], draft: Draft) -> ObjectRecord:
        checksums = draft.digests.checksums()
        if upload.algorithm and not checksums:
            by_number = {part.number: part.checksums[upload.algorithm] for part in self.parts(upload_id)}
            parts = [by_number[part.number] for part in named]
            checksums = {upload.algorithm: composite_checksum(upload.algorithm, parts)}
        return ObjectRecord(
            key=upload.key,
            size_bytes=draft.size_bytes,
            etag=etag_of_parts(part.etag for part in named),
            modified=timestamp(),
            description=upload.description,
            checksums=checksums,
            checksum_type=upload.checksum_type,
        )

    def _discard(self, upload_id: str) -> None:
        """Make an upload vanish in one step, then free its space. Raises FileNotFoundError."""
        trash = self._dir / f"draft-{upload_id}"
        self._folder(upload_id).rename(trash)
        sync_directory(self._dir)
        shutil.rmtree(trash)

    def _folder(self, upload_id: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{32}", upload_id):
            raise _no_such_upload(upload_id)
        return self._dir / upload_id

    def _part_path(self, upload_id: str, number: int) -> Path:
        return self._folder(upload_id) / f"part-{number:05d}"

    def _remove_abandoned(self, created_before: datetime) -> None:
        for folder in self._dir.iterdir():
            if folder.name.startswith("draft-"):
                shutil.rmtree(folder)
                continue
            record = msgspec.json.decode((folder / _UPLOAD_FILE).read_bytes(), type=UploadRecord)
            if record.created < created_before:
                self._discard(folder.name)


def _must_match(found: PartRecord | None, named: NamedPart) -> None:
    if (
        found is None
        or found.etag != named.etag
        or any(found.checksums.get(algorithm) != value for algorithm, value in named.checksums.items())
    ):
        raise S3Error(
            ErrorCode.INVALID_PART,
            "One or more of the specified parts could not be found, or its ETag or checksum did not match.",
            details={"PartNumber": str(named.number), "ETag": named.etag},
        )


def _must_keep(promised: Mapping[Algorithm, str], record: ObjectRecord) -> None:
    for algorithm, value in promised.items():
        if record.checksums.get(algorithm) != value:
            message = f"The {algorithm.upper()} you specified did not match the calculated checksum."
            raise S3Error(ErrorCode.BAD_DIGEST, message)


def _part(file: BinaryIO) -> PartRecord:
    return msgspec.json.decode(read_record(file), type=PartRecord)


@contextmanager
def _upload_must_exist(upload_id: str) -> Iterator[None]:
    """An upload may be completed or aborted by another request at any time; its files are then simply gone."""
    try:
        yield
    except FileNotFoundError as err:
        raise _no_such_upload(upload_id) from err


def _no_such_upload(upload_id: str) -> S3Error:
    return S3Error(
        ErrorCode.NO_SUCH_UPLOAD,
        "The specified upload does not exist. It may have been aborted or completed.",
        details={"UploadId": upload_id},
    )
