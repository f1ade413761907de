"""Hands out what stands in line as soon as its task queue has room. Any number of processes may do it."""

import asyncio
from collections.abc import Sequence

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.ports import CrashPoint, DueExecution, Line, Store, nowhere
from pipeline_service.commands.windows import Windows
from pipeline_service.domain.engine.reports import RoomFound

LIMIT = 1024
"""At a time, of one queue."""


class Filler:
    """Counts in the database, so that it needs to remember nothing. Locks nothing; the batcher drops repeats."""

    def __init__(self, *, store: Store, batcher: Batcher, windows: Windows, crash_point: CrashPoint = nowhere) -> None:
        self._store = store
        self._batcher = batcher
        self._windows = windows
        self._crash_point = crash_point

    async def tick(self) -> int:
        """Fill every line. Answers how many went where more may have to go. Raises Unavailable."""
        chosen = [one for line in await self._lines() for one in await self._next(line)]
        if not chosen:
            return 0
        for result in await asyncio.gather(*map(self._hand_out, chosen), return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, PipelineError):
                raise result
        # Who knows at once that a line is over lets the next ones pass.
        await self._lines()
        return len(chosen) if len(chosen) >= LIMIT else 0

    async def _lines(self) -> list[Line]:
        loads = await self._store.queue_loads()
        self._windows.counted(loads)
        if any(self._windows.is_vendors(line) for line in loads):
            now, limits = await self._store.vendor_limits()
            self._windows.learned(limits, now=now)
        return [line for line, load in loads.items() if load.has_line]

    async def _next(self, line: Line) -> Sequence[DueExecution]:
        return await self._store.next_in_line(line, window=self._windows.size(line), limit=LIMIT)

    async def _hand_out(self, one: DueExecution) -> None:
        await self._crash_point("filling.room_found")
        report = RoomFound(execution_id=one.place.execution_id, due=one.due)
        await self._batcher.submit(report, one.place.pipeline_uid)
