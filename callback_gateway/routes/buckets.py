"""How often one caller, or one execution, may come: a bucket of tokens for each."""

from collections import OrderedDict
from datetime import timedelta

from servicekit.clock import Clock

MAX_KEYS = 20_000


class TooManyRequests(Exception):
    """A bucket is empty."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many requests")
        self.retry_after = retry_after


class Buckets:
    """One bucket for each key. Only the 20,000 that came last are remembered: a forgotten one is full."""

    def __init__(self, *, per_s: float, burst: int, clock: Clock) -> None:
        """A bucket holds `burst` tokens and gains `per_s` of them a second; with 0 nobody is ever refused."""
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Take one token. Raises TooManyRequests, with the time after which there is one."""
        if not self._per_s:
            return
        now = self._clock.monotonic()
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._per_s)
        is_empty = level < 1
        self._levels[key] = (level if is_empty else level - 1, now)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        if is_empty:
            raise TooManyRequests(timedelta(seconds=(1 - level) / self._per_s))
