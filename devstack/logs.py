"""Reading the JSON-lines logs of a stack's processes."""

from __future__ import annotations

import json
from pathlib import Path

LAST_WORDS = 20
TAIL_BYTES = 64 * 1024


def last_lines(log: Path, count: int = LAST_WORDS) -> list[str]:
    """The last lines a process wrote; text that was wrapped into JSON comes back as the text."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [_unwrap(line) for line in lines[-count:]]


def has_errors(log: Path) -> bool:
    """Whether it holds a record of level error or worse."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return False
    return any(_level(line) in {"error", "critical"} for line in text.splitlines())


def keep_previous(log: Path) -> None:
    """Start a fresh log and keep the last run's beside it."""
    if log.is_file():
        log.replace(log.with_name(f"{log.stem}.previous.jsonl"))


def _level(line: str) -> object:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record.get("level") if isinstance(record, dict) else None


def _unwrap(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if isinstance(record, dict) and record.get("event") == "output":
        return str(record.get("line", line))
    return line
