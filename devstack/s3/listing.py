"""The keys of a bucket in order, and the pages ListObjectsV2 cuts from them."""

import threading
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import datetime

from devstack.s3.checksums import ETag


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a listing tells about an object."""

    key: str
    size_bytes: int
    etag: ETag
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class Page:
    """One answer of a listing; `resume_at` is where the next one begins, None at the end."""

    entries: tuple[Entry, ...]
    common_prefixes: tuple[str, ...]
    resume_at: str | None


class KeyIndex:
    """The objects of one bucket, sorted by code point (UTF-8's byte order, as in S3). Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._keys: list[str] = []

    def get(self, key: str) -> Entry | None:
        """The entry of a key, None when there is no such object."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Add an object or replace what is known of it."""
        with self._lock:
            if entry.key not in self._entries:
                insort(self._keys, entry.key)
            self._entries[entry.key] = entry

    def remove(self, key: str) -> None:
        """Forget an object."""
        with self._lock:
            del self._entries[key]
            del self._keys[bisect_left(self._keys, key)]

    def page(self, *, prefix: str, delimiter: str, start: str, limit: int) -> Page:
        """Up to `limit` keys and common prefixes that are not before `start`."""
        entries: list[Entry] = []
        common: list[str] = []
        with self._lock:
            # A page of nothing is the last one: a client that follows it would never get further.
            position = bisect_left(self._keys, max(prefix, start)) if limit else len(self._keys)
            while position < len(self._keys) and self._keys[position].startswith(prefix):
                key = self._keys[position]
                if len(entries) + len(common) == limit:
                    return Page(entries=tuple(entries), common_prefixes=tuple(common), resume_at=key)
                folded = _common_prefix(key, prefix=prefix, delimiter=delimiter)
                if folded is None:
                    entries.append(self._entries[key])
                    position += 1
                else:
                    common.append(folded)
                    position = bisect_left(self._keys, _behind(folded), lo=position)
        return Page(entries=tuple(entries), common_prefixes=tuple(common), resume_at=None)


def _common_prefix(key: str, *, prefix: str, delimiter: str) -> str | None:
    """The part of a key that a listing with a delimiter shows instead of it."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def _behind(prefix: str) -> str:
    """The smallest string that is greater than every key with this prefix (U+10FFFF at its end is refused before)."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
