"""Tries again what other writers were faster at."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline_service.commands.errors import Contended

MAX_TRIES = 3
T = TypeVar("T")


async def while_contended(attempt: Callable[[], Awaitable[T]]) -> T:
    """Make an attempt, a transaction of its own, three times at most. Raises Contended when that was not enough."""
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            return await attempt()
        except Contended:
            if not tries_left:
                raise
    raise AssertionError("unreachable")
