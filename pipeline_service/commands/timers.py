"""Nothing is ever stuck: what is due is reported to the batcher, which decides under the lock."""

import asyncio
from collections.abc import Awaitable, Callable

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.ports import CrashPoint, DueExecution, DuePoll, Store, nowhere
from pipeline_service.domain.engine.reports import CloseDue, DispatchDue, LeaseOver, PollDue

LIMIT = 256
Reconcile = Callable[[DueExecution], Awaitable[bool]]


class Timers:
    """Looks for due work and reports it. Locks nothing; a repeat finds another due time and changes nothing."""

    def __init__(
        self,
        *,
        store: Store,
        batcher: Batcher,
        reconcile: Reconcile,
        can_publish: Callable[[], bool] = lambda: True,
        crash_point: CrashPoint = nowhere,
    ) -> None:
        """While it cannot be published, nothing is: what was never handed out must not be waited for ever longer."""
        self._store = store
        self._batcher = batcher
        self._reconcile = reconcile
        self._can_publish = can_publish
        self._crash_point = crash_point

    async def tick(self) -> int:
        """Report everything that is due now. Answers how much was decided about. Raises Unavailable."""
        due = await self._store.due_work(LIMIT)
        reports = [
            *(self._dispatch(one) for one in due.dispatches if self._can_publish()),
            *(self._lease(one) for one in due.leases),
            *(self._close(one) for one in due.closes),
            *(self._poll(one) for one in due.polls),
        ]
        failures = [result for result in await asyncio.gather(*reports, return_exceptions=True) if result]
        for failure in failures:
            if not isinstance(failure, PipelineError):
                raise failure
        # What was refused is still due: it is not worth another look at once.
        return len(reports) - len(failures)

    async def _dispatch(self, one: DueExecution) -> None:
        await self._crash_point("timers.dispatch_due")
        report = DispatchDue(execution_id=one.place.execution_id, due=one.due)
        await self._batcher.submit(report, one.place.pipeline_uid)

    async def _lease(self, one: DueExecution) -> None:
        await self._crash_point("timers.lease_over")
        report = LeaseOver(execution_id=one.place.execution_id, due=one.due)
        await self._batcher.submit(report, one.place.pipeline_uid)

    async def _poll(self, one: DuePoll) -> None:
        await self._crash_point("timers.poll_due")
        report = PollDue(execution_id=one.place.execution_id, due=one.due, is_wanted=one.is_wanted)
        await self._batcher.submit(report, one.place.pipeline_uid)

    async def _close(self, one: DueExecution) -> None:
        """Look in the store before an execution is declared dead."""
        if await self._reconcile(one):
            return
        await self._crash_point("timers.close_due")
        report = CloseDue(execution_id=one.place.execution_id, due=one.due)
        await self._batcher.submit(report, one.place.pipeline_uid)
