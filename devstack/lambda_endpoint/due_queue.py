"""A queue whose items become visible at a time of their own."""

import heapq
import itertools
import threading
import time
from typing import Generic, TypeVar

Item = TypeVar("Item")


class QueueFullError(Exception):
    """No room for another item."""


class DueQueue(Generic[Item]):
    """First due, first out; among equals, first in first out."""

    def __init__(self, *, max_items: int) -> None:
        self._max_items = max_items
        self._heap: list[tuple[float, int, Item]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, item: Item, *, delay_s: float = 0.0, is_forced: bool = False) -> None:
        """Add an item. Raises QueueFullError unless `is_forced`, which is for what was accepted before."""
        with self._changed:
            if len(self._heap) >= self._max_items and not is_forced:
                raise QueueFullError(f"{self._max_items} items are waiting")
            heapq.heappush(self._heap, (time.monotonic() + delay_s, next(self._order), item))
            self._changed.notify()

    def get(self) -> Item | None:
        """Wait for the next due item; None once the queue is closed."""
        with self._changed:
            while not self._is_closed:
                wait_s = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait_s)
            return None

    def close(self) -> None:
        """Release everyone who waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
