"""Secrets that are live together: one in each line of a file, so that a new one may come before the old one goes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from servicekit.config import ConfigError, read_secret
from servicekit.replaced_file import ReplacedFile

Check: TypeAlias = Callable[[tuple[str, ...]], None]
"""Raises ValueError, which shows none of them, for secrets that cannot be used."""


def secret_lines(
    path: Path, *, on_reload: Callable[[bool], None], check: Check = lambda _lines: None
) -> ReplacedFile[tuple[str, ...]]:
    """The secrets of a file. Raises ConfigError."""
    return ReplacedFile(
        path,
        read=partial(_read, check=check),
        refusal=ConfigError,
        told_as=("secrets_reloaded", "secrets_reload_failed"),
        on_reload=on_reload,
    )


def _read(path: Path, check: Check) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in read_secret(path).splitlines() if line.strip())
    if not lines:
        raise ConfigError(f"{path}: expected a secret in each line, found none")
    try:
        check(lines)
    except ValueError as err:
        raise ConfigError(f"{path}: {err}") from err
    return lines
