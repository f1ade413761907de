"""Group commit without a timer: whatever arrived while the last transaction ran is the next batch."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline_service.commands.apply_batch import apply_batch
from pipeline_service.commands.errors import Contended, Overloaded, Unavailable
from pipeline_service.commands.ports import CrashPoint, Journal, Publisher, Store
from pipeline_service.domain.engine.reports import Answer, Report
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.ids import PipelineUid

MAX_BATCH = 256
MAX_WAITING = 10_000
MAX_TRIES = 3


@dataclass(frozen=True)
class _Entry:
    report: Report
    pipeline_uid: PipelineUid
    answer: asyncio.Future[Answer] = field(repr=False)


class Batcher:
    """Applies reports in batches, one writer per shard of pipelines."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        publisher: Publisher,
        journal: Journal,
        crash_point: CrashPoint,
        writers: int = 2,
    ) -> None:
        self._store = store
        self._rules = rules
        self._publisher = publisher
        self._journal = journal
        self._crash_point = crash_point
        self._queues: list[deque[_Entry]] = [deque() for _ in range(writers)]
        self._arrivals = [asyncio.Event() for _ in range(writers)]

    async def submit(self, report: Report, pipeline_uid: PipelineUid) -> Answer:
        """Apply one report in the next batch of its shard, and answer after the commit.

        A caller that gives up does not take its report back: it is applied all the same.
        """
        shard = pipeline_uid.int % len(self._queues)
        if len(self._queues[shard]) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} reports are waiting already")
        entry = _Entry(report, pipeline_uid, asyncio.get_running_loop().create_future())
        self._queues[shard].append(entry)
        self._arrivals[shard].set()
        return await entry.answer

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for shard in range(len(self._queues)):
                group.create_task(self._write(shard), name=f"writer-{shard}")

    async def _write(self, shard: int) -> None:
        queue, arrival = self._queues[shard], self._arrivals[shard]
        while True:
            await arrival.wait()
            batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
            if not queue:
                arrival.clear()
            await self._apply(batch)

    async def _apply(self, batch: Sequence[_Entry]) -> None:
        """Apply a batch; when it cannot be, apply its halves, until the culprit stands alone."""
        try:
            await self._commit(batch)
        except Unavailable as error:
            _refuse(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _refuse(batch, error)
                return
            middle = len(batch) // 2
            await self._apply(batch[:middle])
            await self._apply(batch[middle:])

    async def _commit(self, batch: Sequence[_Entry]) -> None:
        pipelines = {entry.pipeline_uid for entry in batch}
        reports = [entry.report for entry in batch]
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                applied = await apply_batch(reports, pipelines, store=self._store, rules=self._rules)
                break
            except Contended:
                if not tries_left:
                    raise
        await self._crash_point("batch.after_commit")
        self._publisher.publish(applied.working_set.dispatches)
        self._journal.committed(applied.working_set)
        await self._crash_point("batch.before_answer")
        for entry, answer in zip(batch, applied.answers, strict=True):
            if not entry.answer.done():
                entry.answer.set_result(answer)


def _refuse(batch: Sequence[_Entry], error: Exception) -> None:
    for entry in batch:
        if not entry.answer.done():
            entry.answer.set_exception(error)
