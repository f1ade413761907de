"""One JSON line per event on stderr, which Lambda collects."""

import json
import sys
from datetime import UTC, datetime


def log(event: str, **fields: str | float | None) -> None:
    """Write one event. Never pass a callback URL or a key: the line is kept for long and read by many."""
    line = {"event": event, "timestamp": datetime.now(UTC).isoformat(), "logger": "media_lambda", **fields}
    print(json.dumps(line), file=sys.stderr, flush=True)  # noqa: T201 - stderr is Lambda's log
