"""What a measurement says on the way; standard output is kept for its result."""

from __future__ import annotations

import sys

_LAST_LINES = 15


class MeasurementFailed(RuntimeError):
    """Something that was to be measured did not run."""


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def last_lines(text: str) -> str:
    """The end of what a program said, indented, to stand below the sentence that it failed."""
    return "".join(f"\n    {line}" for line in text.splitlines()[-_LAST_LINES:])
