"""Tells how the upload of assets goes: bars on a terminal, a line per file elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from montage_cli.assets import AssetFile
from montage_cli.importing import OnUpload
from montage_cli.session import Session
from montage_cli.text import printable, size
from montage_cli.views import bar_column


@contextmanager
def shown_uploads(session: Session) -> Iterator[OnUpload]:
    """What an import calls while it uploads; bars live until the block is left."""
    if not session.has_terminal:
        yield _Lines(session).sent
        return
    columns = (TextColumn("{task.description}"), bar_column(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console()) as progress:
        yield _Bars(progress).sent


class _Lines:
    """Tells of each file once, when the store has all of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: set[str] = set()

    def sent(self, file: AssetFile, done: int) -> None:
        if done >= file.size_bytes and file.sha256 not in self._told:
            self._told.add(file.sha256)
            self._session.say(f"uploaded {file.path.name} ({size(file.size_bytes)})")


class _Bars:
    """A bar per file; the same bytes under two names are one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def sent(self, file: AssetFile, done: int) -> None:
        if file.sha256 not in self._tasks:
            name = printable(file.path.name)
            self._tasks[file.sha256] = self._progress.add_task(name, total=file.size_bytes)
        self._progress.update(self._tasks[file.sha256], completed=done)
