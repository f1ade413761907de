"""What a measurement says on the way, where standard output is kept for its result; and how it is ended."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LAST_LINES = 15


class MeasurementFailed(RuntimeError):
    """Something that was to be measured did not run."""


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def last_lines(text: str) -> str:
    """The end of what a program said, indented, to stand below the sentence that it failed."""
    return "".join(f"\n    {line}" for line in text.splitlines()[-_LAST_LINES:])


@contextmanager
def kill_as_interrupt() -> Iterator[None]:
    """Let a polite kill end what was started, just as Ctrl-C does. Not around an event loop, which it would break."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
