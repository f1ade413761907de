"""A bound on how many requests are worked on at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge


class Overloaded(Exception):
    """Every slot is taken."""


class Slots:
    """Refuses instead of queueing: whoever calls back tries again by itself."""

    def __init__(self, limit: int, *, in_use: Gauge) -> None:
        self._free = limit
        self._in_use = in_use

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one slot. Raises Overloaded at once when there is none."""
        if self._free == 0:
            raise Overloaded("too many callbacks at once")
        self._free -= 1
        self._in_use.inc()
        try:
            yield
        finally:
            self._free += 1
            self._in_use.dec()
