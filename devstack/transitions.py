"""One readable line per transition, made from the services' JSON logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

LONG_VALUE = 60
TRANSITION = re.compile(r"(asset|callback|execution|node|pipeline|purchase|run)s?_[a-z_]+")
"""Events named after a thing of the domain: `execution_started`, `run_finished`."""
ALARMING = frozenset({"warning", "error", "critical"})
COMMON_FIELDS = frozenset({"event", "level", "time", "timestamp", "service", "logger", "exception", "exc_info"})
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def readable(record: dict[str, Any], *, process: str) -> str | None:
    """The line for one log record; None for what is neither a transition nor alarming."""
    event, level = str(record.get("event", "")), str(record.get("level", "info"))
    if level not in ALARMING and (level == "debug" or not TRANSITION.fullmatch(event)):
        return None
    details = " ".join(
        f"{name}={_short(value)}"
        for name, value in record.items()
        if name not in COMMON_FIELDS and value is not None and not isinstance(value, (dict, list))
    )
    mark = "!" if level in ALARMING else " "
    return f"{_clock(record.get('time'))} {mark} {process:<9} {event:<24} {details}".rstrip()


@dataclass(kw_only=True)
class LogFollower:
    """Reads what was added to a log since the last time; begins at its start, bears its replacement."""

    process: str
    log: Path
    _position: int = field(default=0)
    _partial: bytes = field(default=b"")

    def new_records(self) -> Iterator[dict[str, Any]]:
        try:
            with self.log.open("rb") as file:
                if file.seek(0, 2) < self._position:
                    self._position, self._partial = 0, b""
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return
        self._position += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _short(value: object) -> str:
    """Ids by their end: the beginnings of UUIDs of version 7 are times, alike for all that happens together."""
    text = UUID.sub(lambda match: match[0][-8:], str(value)).replace("\n", " ")
    return text if len(text) <= LONG_VALUE else text[: LONG_VALUE - 1] + "…"


def _clock(time: object) -> str:
    try:
        return datetime.fromisoformat(str(time)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"
