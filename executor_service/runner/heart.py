"""Keeps a claim alive, and notices first when it is gone."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol

from executor_service.completion.reports import ReportRefused, ServiceUnreachable
from executor_service.executors.lease import Lease
from executor_service.task import Disposition, HeartbeatAnswer, Progress
from servicekit.clock import Clock

_BEATS_PER_LEASE = 4
_STILL_OURS = frozenset({Disposition.APPLIED, Disposition.DUPLICATE})


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The execution is not this worker's any more; nothing may be reported."""

    reason: str
    """`lost`, `superseded`, `lease_over`."""


class Beat(Protocol):
    """Sends one sign of life to the service, then to the queue. Raises ServiceUnreachable, ReportRefused."""

    async def send(self, progress: Progress | None) -> HeartbeatAnswer: ...

    async def echo(self) -> None:
        """Tell the queue, after the service has confirmed."""
        ...


class Heart:
    """Beats four times a lease until the claim is gone."""

    def __init__(self, beat: Beat, *, lease: Lease, clock: Clock) -> None:
        self._beat = beat
        self._lease = lease
        self._clock = clock
        self._hurry = asyncio.Event()
        self.progress: Progress | None = None

    def beat_now(self) -> None:
        """Something may have changed; ask before it is time."""
        self._hurry.set()

    async def run(self) -> Lost:
        """Returns when the claim is gone; cancel it before."""
        while True:
            await self._pause()
            # Looked at first: a process that was stopped for longer than its lease must not even ask.
            if self._lease.remaining_s() <= 0:
                return Lost(reason="lease_over")
            lost = await self._beat_once()
            if lost is not None:
                return lost

    async def _pause(self) -> None:
        pause_s = min(self._lease.length_s / _BEATS_PER_LEASE, max(self._lease.remaining_s(), 0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        self._hurry.clear()

    async def _beat_once(self) -> Lost | None:
        asked_at = self._clock.monotonic()
        try:
            answer = await self._beat.send(self.progress)
        except ServiceUnreachable:
            return Lost(reason="lease_over")
        except ReportRefused:
            return None  # perhaps the next one is understood; if not, the lease ends
        if answer.disposition not in _STILL_OURS:
            return Lost(reason=answer.disposition.value)
        self._lease.renew(answer.lease, asked_at=asked_at)
        await self._beat.echo()
        return None
