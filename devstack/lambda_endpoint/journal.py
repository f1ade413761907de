"""Accepted events on disk, until they have been run."""

import base64
import fcntl
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from devstack.lambda_endpoint.invocation import RequestId

EntryId = NewType("EntryId", str)
_SUFFIX = ".event"


class JournalInUseError(Exception):
    """Another endpoint works on the same folder."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An asynchronous invocation that was accepted."""

    request_id: RequestId
    function: str
    payload: bytes
    attempts: int
    """Runs that have ended with an error."""


class Journal:
    """One file per event, in the order in which they came. Payloads hold capabilities: nobody else may read them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._counter = itertools.count()
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalInUseError(f"{folder}: another endpoint keeps its events here") from error
        for draft in folder.glob("*.draft"):
            draft.unlink()

    def close(self) -> None:
        """Let another endpoint have the folder."""
        os.close(self._lock)

    def add(self, event: Event) -> EntryId:
        """Keep an event; it is on the disk when this returns."""
        entry = EntryId(f"{time.time_ns():020}-{next(self._counter):06}")
        self._write(entry, event)
        return entry

    def update(self, entry: EntryId, event: Event) -> None:
        """Replace what is kept."""
        self._write(entry, event)

    def remove(self, entry: EntryId) -> None:
        """Forget an event that has been run. One that reappears after a crash is run again."""
        self._path(entry).unlink(missing_ok=True)

    def read(self, entry: EntryId) -> Event:
        """What is kept under `entry`."""
        fields = json.loads(self._path(entry).read_text(encoding="ascii"))
        return Event(
            request_id=RequestId(fields["request_id"]),
            function=fields["function"],
            payload=base64.b64decode(fields["payload"]),
            attempts=fields["attempts"],
        )

    def entries(self) -> Iterator[EntryId]:
        """All entries, oldest first."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            yield EntryId(path.name.removesuffix(_SUFFIX))

    def _write(self, entry: EntryId, event: Event) -> None:
        fields = {
            "request_id": event.request_id,
            "function": event.function,
            "payload": base64.b64encode(event.payload).decode(),
            "attempts": event.attempts,
        }
        draft = self._folder / f"{entry}.draft"
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(fields, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path(entry))
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, entry: EntryId) -> Path:
        return self._folder / f"{entry}{_SUFFIX}"
