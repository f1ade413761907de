"""Temporary folders: one per attempt, removed always; what a killed process left is removed by the next one."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

_PROCESS_PREFIX = "process-"
_LOCK_SUFFIX = ".lock"


class Workspace:
    """A folder of this process below `root`, marked as in use by a lock that the kernel drops when the process dies."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root
        self._folder = root / f"{_PROCESS_PREFIX}{uuid4().hex}"
        # Locked before it exists: another process that cleans up just now must not take it for a leftover.
        self._lock = _lock(_lock_of(self._folder))
        self._folder.mkdir(mode=0o700)
        self.remove_leftovers()

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[Path]:
        """A private empty folder."""
        folder = Path(tempfile.mkdtemp(prefix="attempt-", dir=self._folder))
        try:
            yield folder
        finally:
            await asyncio.shield(_remove(folder))

    def remove_leftovers(self) -> list[Path]:
        """Remove the folders of processes that are gone; whoever lives holds its lock."""
        removed = []
        for folder in self._root.glob(f"{_PROCESS_PREFIX}*"):
            if folder == self._folder or not folder.is_dir():
                continue
            lock = _lock(_lock_of(folder))
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                _lock_of(folder).unlink(missing_ok=True)
                os.close(lock)
                removed.append(folder)
        return removed

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        _lock_of(self._folder).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


async def _remove(folder: Path) -> None:
    try:
        os.rmdir(folder)  # most attempts leave nothing, and a thread costs more than this
    except OSError:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK_SUFFIX)


def _lock(path: Path) -> int | None:
    """None when another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
