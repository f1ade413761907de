"""Goes on with pipelines that others left a wake for, and with those that wait for nobody."""

import asyncio

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.ports import CrashPoint, Store, nowhere
from pipeline_service.domain.engine.reports import Wake
from pipeline_service.domain.ids import PipelineUid

LIMIT = 256


class Waker:
    """Reports wakes to the batcher. Locks nothing; waking a pipeline that has nothing to do changes nothing."""

    def __init__(self, *, store: Store, batcher: Batcher, crash_point: CrashPoint = nowhere) -> None:
        self._store = store
        self._batcher = batcher
        self._crash_point = crash_point

    async def tick(self) -> int:
        """Wake every pipeline that a transaction left a wake for. Answers how many went on. Raises Unavailable."""
        found = await self._store.wakes(LIMIT)
        if found:
            await self._crash_point("waking.due")
        return await self._wake(found)

    async def sweep(self) -> int:
        """Wake every pipeline that waits for work that nobody does: its wake was missed. Raises Unavailable.

        A waiter whose row is not committed yet when the holder ends is not seen by that transaction.
        """
        return await self._wake(await self._store.vain_waiters(LIMIT))

    async def _wake(self, pipelines: list[PipelineUid]) -> int:
        wakes = [self._batcher.submit(Wake(pipeline_uid=uid), uid) for uid in pipelines]
        results = await asyncio.gather(*wakes, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, PipelineError):
                raise failure
        # What was refused is still there: it is not worth another look at once.
        return len(wakes) - len(failures)
