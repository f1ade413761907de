"""How long a claim still holds, on the monotonic clock: a wall clock may jump, and a stopped process must notice."""

from datetime import timedelta

from servicekit.clock import Clock


class LeaseOver(Exception):
    """Another worker may have the execution by now: stop, touch nothing, report nothing."""


class Lease:
    """A claim's lease; grows with every heartbeat that the service applied."""

    def __init__(self, length: timedelta, *, asked_at: float, clock: Clock) -> None:
        """`asked_at` is the monotonic time *before* the claim was sent: the service counts from a later moment."""
        self._clock = clock
        self._length_s = length.total_seconds()
        self._ends_at = asked_at + self._length_s

    @property
    def length_s(self) -> float:
        return self._length_s

    def renew(self, length: timedelta, *, asked_at: float) -> None:
        self._length_s = length.total_seconds()
        self._ends_at = asked_at + self._length_s

    def remaining_s(self) -> float:
        return self._ends_at - self._clock.monotonic()

    def require(self, request_s: float) -> None:
        """Before a request with an outside effect: raises LeaseOver unless the lease outlives it.

        Of a lease that is short compared with the request, half must be left; the heartbeats keep it above that.
        """
        needed_s = min(request_s, self._length_s / 2)
        if self.remaining_s() < needed_s:
            raise LeaseOver(f"{self.remaining_s():.1f} s are left of the lease, the request may take {needed_s:.1f} s")
