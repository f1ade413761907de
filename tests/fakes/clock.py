"""A clock that stands still until the test moves it."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements servicekit.clock.Clock."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Let time pass, on both clocks."""
        self._now += by
        self._monotonic += by.total_seconds()

    def set_wall_time(self, now: datetime) -> None:
        """Let the wall clock jump, as an operator or NTP would; the monotonic one goes on."""
        self._now = now
