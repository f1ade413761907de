"""Deliveries that came a moment ago."""

from collections import OrderedDict
from datetime import timedelta

from servicekit.clock import Clock

MAX_REMEMBERED = 10_000


class RecentDeliveries:
    """Remembers, of the last 10,000, those of the last minutes. One that is forgotten costs a repeated question."""

    def __init__(self, clock: Clock, *, window: timedelta) -> None:
        self._clock = clock
        self._window_s = window.total_seconds()
        self._seen_at: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, delivery: str) -> bool:
        at = self._seen_at.get(delivery)
        return at is not None and self._clock.monotonic() - at < self._window_s

    def add(self, delivery: str) -> None:
        """It was dealt with: before that, a repeat must not be taken for one."""
        self._seen_at[delivery] = self._clock.monotonic()
        self._seen_at.move_to_end(delivery)
        if len(self._seen_at) > MAX_REMEMBERED:
            self._seen_at.popitem(last=False)
