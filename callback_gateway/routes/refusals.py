"""Telling about refused requests without letting a flood of them fill the log."""

import structlog

from servicekit.clock import Clock


class RefusalLog:
    """At most one line a second for each status; the line says how many were left out. The counters see them all."""

    def __init__(self, clock: Clock, *, interval_s: float = 1.0) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._written_at: dict[int, float] = {}
        self._left_out: dict[int, int] = {}
        self._log = structlog.get_logger("callback_gateway.routes")

    def refused(self, *, path: str, status: int, caller: str, why: str) -> None:
        """`why` is the kind of the error, never its text: that may quote the body."""
        now = self._clock.monotonic()
        last = self._written_at.get(status)
        if last is not None and now - last < self._interval_s:
            self._left_out[status] = self._left_out.get(status, 0) + 1
            return
        self._written_at[status] = now
        left_out = self._left_out.pop(status, 0)
        self._log.warning("callback_refused", path=path, status=status, caller=caller, why=why, left_out=left_out)
