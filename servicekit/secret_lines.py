"""Secrets that are live together: one in each line of a file, so that a new one may come before the old one goes."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import structlog

from servicekit.config import ConfigError, read_secret

Check: TypeAlias = Callable[[tuple[str, ...]], None]
"""Raises ValueError, which shows none of them, for secrets that cannot be used."""


class SecretLines:
    """The secrets of a file, read again when it is replaced."""

    def __init__(self, path: Path, *, on_reload: Callable[[bool], None], check: Check = lambda _lines: None) -> None:
        """Raises ConfigError. Later, a file that cannot be used leaves the old secrets live; `on_reload` is told."""
        self._path = path
        self._on_reload = on_reload
        self._check = check
        self._log = structlog.get_logger("servicekit.secret_lines")
        self._seen = _fingerprint(path)
        self._lines = _read(path, check)

    def live(self) -> tuple[str, ...]:
        """Those of the newest usable file; costs one `stat`."""
        seen = _fingerprint(self._path)
        if seen != self._seen:
            # Remembered also when it fails, or a broken file would be read, and logged, for every request.
            self._seen = seen
            self._reload()
        return self._lines

    def _reload(self) -> None:
        try:
            self._lines = _read(self._path, self._check)
        except ConfigError as err:
            self._log.error("secrets_reload_failed", error=str(err))
            self._on_reload(False)  # noqa: FBT003 # the one fact there is to tell
            return
        self._log.info("secrets_reloaded", path=str(self._path), live=len(self._lines))
        self._on_reload(True)  # noqa: FBT003 # as above


def _read(path: Path, check: Check) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in read_secret(path).splitlines() if line.strip())
    if not lines:
        raise ConfigError(f"{path}: expected a secret in each line, found none")
    try:
        check(lines)
    except ValueError as err:
        raise ConfigError(f"{path}: {err}") from err
    return lines


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
