"""Handlers that the endpoint's worker processes run in these tests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def echo(event: Any, context: Any) -> Any:
    """Answer the event and what is known of the process."""
    return {
        "event": event,
        "environment": dict(os.environ),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }


def note(event: dict[str, str], context: Any) -> None:
    """Add a line with the request id to a file."""
    with Path(event["file"]).open("a", encoding="ascii") as file:
        file.write(f"{context.aws_request_id}\n")


def fail(event: dict[str, str], context: Any) -> None:
    """Note the run, then raise."""
    note(event, context)
    raise RuntimeError("it went wrong")


def leave(_event: object, _context: object) -> None:
    """End the process without an answer."""
    os._exit(3)


def hold(event: dict[str, str], context: Any) -> None:
    """Start a grandchild, note all process ids, then wait until someone writes to the fifo."""
    program = "import time; time.sleep(600)"
    grandchild = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL)
    note(event, context)
    pids = Path(event["pids"])
    draft = pids.with_suffix(".draft")
    draft.write_text(f"{os.getpid()} {os.getppid()} {grandchild.pid}", encoding="ascii")
    draft.rename(pids)
    with Path(event["fifo"]).open(encoding="ascii") as fifo:
        fifo.read()
    grandchild.kill()
    grandchild.wait()
    Path(event["done"]).write_text(context.aws_request_id, encoding="ascii")
