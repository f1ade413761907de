"""How long this invocation may still take."""

import time
from collections.abc import Callable
from typing import Protocol


class LambdaContext(Protocol):
    """The part of AWS's context object that we use."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


class Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, remaining_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + remaining_s

    @classmethod
    def of(cls, context: LambdaContext) -> "Deadline":
        """When AWS would kill the function that got `context`."""
        return cls(context.get_remaining_time_in_millis() / 1000)

    def remaining_s(self, *, reserve_s: float = 0.0) -> float:
        """Seconds left when `reserve_s` are kept back, for example for reporting that time was up; never negative."""
        return max(0.0, self._end - self._clock() - reserve_s)
