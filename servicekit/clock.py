"""Time as a dependency, so that tests own it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where code that must be testable reads the time."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC. May jump; never measure a duration with it."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back. For durations and local deadlines."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
