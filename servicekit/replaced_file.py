"""What a file says, read again when the file is replaced, so that keys and secrets rotate without a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

Content = TypeVar("Content")


class ReplacedFile(Generic[Content]):
    """The newest usable content of a file."""

    def __init__(
        self,
        path: Path,
        *,
        read: Callable[[Path], Content],
        refusal: type[Exception],
        told_as: tuple[str, str],
        on_reload: Callable[[bool], None],
    ) -> None:
        """`read` raises `refusal`, also here, for a file that cannot be used; later such a file leaves the old content.

        `told_as` are the log events of a reload and of one that failed; `on_reload` is told as well.
        """
        self._path = path
        self._read = read
        self._refusal = refusal
        self._reloaded, self._failed = told_as
        self._on_reload = on_reload
        self._log = structlog.get_logger("servicekit.replaced_file")
        self._seen = _fingerprint(path)
        self._content = read(path)

    def content(self) -> Content:
        """Costs one `stat`."""
        seen = _fingerprint(self._path)
        if seen != self._seen:
            # Remembered also when it fails, or a broken file would be read, and told of, at every use.
            self._seen = seen
            self._reload()
        return self._content

    def _reload(self) -> None:
        try:
            self._content = self._read(self._path)
        except self._refusal as error:
            self._log.error(self._failed, error=str(error))
            self._on_reload(False)  # noqa: FBT003 # the one fact there is to tell
            return
        self._log.info(self._reloaded, path=str(self._path))
        self._on_reload(True)  # noqa: FBT003 # as above


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
