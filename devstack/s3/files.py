"""Files that appear whole or not at all, and survive a crash once they have appeared.

A file is the object's bytes, then its record (JSON), then the record's length and a magic word. One rename makes
bytes and record visible together, so neither can exist without the other.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from devstack.s3.checksums import Algorithm, Digests

CHUNK_BYTES: Final = 1024 * 1024
_TAIL: Final = struct.Struct(">I8s")
_MAGIC: Final = b"s3file\x00\x01"


class CorruptFileError(Exception):
    """A stored file lacks its record: the disk, not the server, has damaged it."""


class Draft:
    """A file being written. Leaving the `with` block without `publish` removes it."""

    def __init__(self, path: Path, algorithms: Iterable[Algorithm] = ()) -> None:
        self.digests = Digests(algorithms)
        self.size_bytes = 0
        self._path = path
        self._file = path.open("xb")

    def append(self, data: bytes) -> None:
        """Write and digest the next bytes; blocks, so call it in a worker thread."""
        self.digests.update(data)
        self._file.write(data)
        self.size_bytes += len(data)

    def append_from(self, source: BinaryIO, *, size_bytes: int) -> None:
        """Copy the first `size_bytes` of another stored file; blocks."""
        for data in read_range(source, start=0, size_bytes=size_bytes):
            self.append(data)

    def seal(self, record: bytes) -> None:
        """Put the record behind the bytes and force both to the disk; blocks."""
        self._file.write(record + _TAIL.pack(len(record), _MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def publish(self, target: Path) -> None:
        """Make the sealed file visible at `target`, in place of any older one; blocks."""
        os.replace(self._path, target)
        sync_directory(target.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # Closing writes what is still buffered, which fails again on a full disk.
            self._file.close()
        finally:
            self._path.unlink(missing_ok=True)


def read_record(file: BinaryIO) -> bytes:
    """The record of an open stored file. Raises CorruptFileError."""
    end = os.fstat(file.fileno()).st_size
    tail = os.pread(file.fileno(), _TAIL.size, max(0, end - _TAIL.size))
    if len(tail) == _TAIL.size:
        length, magic = _TAIL.unpack(tail)
        if magic == _MAGIC and length <= end - _TAIL.size:
            return os.pread(file.fileno(), length, end - _TAIL.size - length)
    raise CorruptFileError(f"{file.name}: expected a record behind the bytes, found none")


def read_range(file: BinaryIO, *, start: int, size_bytes: int) -> Iterable[bytes]:
    """The bytes from `start`, in pieces that bound the memory; each piece blocks."""
    position, end = start, start + size_bytes
    while position < end:
        data = os.pread(file.fileno(), min(CHUNK_BYTES, end - position), position)
        if not data:
            raise CorruptFileError(f"{file.name}: expected {end} bytes, found {position}")
        position += len(data)
        yield data


def write_record(path: Path, content: bytes) -> None:
    """Create a small file so that it survives a crash; the caller publishes its folder."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make renames and removals in a folder survive a crash; blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a folder, if it is missing, so that it survives a crash."""
    if not path.is_dir():
        path.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent)
