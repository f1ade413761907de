"""One JSON line per event on stderr, which Lambda collects."""

import json
import re
import sys
from datetime import UTC, datetime

# Capabilities and signatures stand in the queries of addresses, which whoever refuses a request may repeat.
_QUERY = re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*")


def log(event: str, **fields: str | float | None) -> None:
    """Write one event, queries of addresses left out. Never pass a key: the line is kept for long and read by many."""
    shown = {
        name: _QUERY.sub("?[redacted]", value) if isinstance(value, str) else value for name, value in fields.items()
    }
    line = {"event": event, "timestamp": datetime.now(UTC).isoformat(), "logger": "media_lambda", **shown}
    print(json.dumps(line), file=sys.stderr, flush=True)  # noqa: T201 - stderr is Lambda's log
