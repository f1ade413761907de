"""Group commit without a timer: whatever arrived while the last transaction ran is the next batch."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pipeline_service.commands.apply_batch import Change, Decided, Entry, apply_batch
from pipeline_service.commands.errors import Contended, Overloaded, PipelineError, Unavailable
from pipeline_service.commands.ports import CrashPoint, Journal, Observer, Publisher, Store
from pipeline_service.domain.engine.reports import Answer, Report, Traced
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid

MAX_BATCH = 256
MAX_EFFECTS = 2_000
"""Rows that the entries of a batch may touch, as far as that is known; one entry may be of more."""
MAX_WAITING = 10_000
MAX_TRIES = 3


Outcome: TypeAlias = tuple[Decided, WorkingSet]
"""An entry's answer, and the rows of its batch as they were committed."""


@dataclass(frozen=True)
class _Waiting:
    entry: Entry
    pipeline_uid: PipelineUid
    effects: int
    outcome: asyncio.Future[Outcome] = field(repr=False)


class Batcher:
    """Applies reports and users' changes in batches, one writer per shard of pipelines."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        publisher: Publisher,
        journal: Journal,
        observer: Observer,
        crash_point: CrashPoint,
        writers: int = 2,
    ) -> None:
        self._store = store
        self._rules = rules
        self._publisher = publisher
        self._journal = journal
        self._observer = observer
        self._crash_point = crash_point
        self._queues: list[deque[_Waiting]] = [deque() for _ in range(writers)]
        self._arrivals = [asyncio.Event() for _ in range(writers)]

    async def submit(self, report: Report, pipeline_uid: PipelineUid) -> Answer:
        """Apply one report in the next batch of its shard, and answer after the commit.

        A caller that gives up does not take its report back: it is applied all the same.
        """
        return _answer(await self._enqueue(report, pipeline_uid, effects=1))

    async def submit_all(self, reports: Sequence[tuple[Report, PipelineUid]]) -> list[Answer | Exception]:
        """The same for many, those of one pipeline in their order. An error is the answer of its report alone."""
        answers: list[Answer | Exception] = []
        for outcome in await asyncio.gather(*(self._begun(*one) for one in reports), return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                raise outcome
            answers.append(outcome if isinstance(outcome, Exception) else _answer(outcome))
        return answers

    async def change(self, change: Change, *, effects: int) -> WorkingSet:
        """Apply a user's change in the same way. Answers the rows as they were committed.

        Raises what it was refused with. `effects` says how many rows it may touch.
        """
        answer, working_set = await self._enqueue(change, change.pipeline_uid, effects=effects)
        if isinstance(answer, PipelineError):
            raise answer
        return working_set

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for shard in range(len(self._queues)):
                group.create_task(self._write(shard), name=f"writer-{shard}")

    def _enqueue(self, entry: Entry, pipeline_uid: PipelineUid, *, effects: int) -> asyncio.Future[Outcome]:
        shard = pipeline_uid.int % len(self._queues)
        if len(self._queues[shard]) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} reports are waiting already")
        waiting = _Waiting(entry, pipeline_uid, effects, asyncio.get_running_loop().create_future())
        self._queues[shard].append(waiting)
        self._arrivals[shard].set()
        return waiting.outcome

    def _begun(self, report: Report, pipeline_uid: PipelineUid) -> asyncio.Future[Outcome]:
        try:
            return self._enqueue(report, pipeline_uid, effects=1)
        except Overloaded as error:
            refused: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused

    async def _write(self, shard: int) -> None:
        queue, arrival = self._queues[shard], self._arrivals[shard]
        while True:
            await arrival.wait()
            batch = _next_batch(queue)
            if not queue:
                arrival.clear()
            await self._apply(batch)

    async def _apply(self, batch: Sequence[_Waiting]) -> None:
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

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        pipelines = [waiting.pipeline_uid for waiting in batch]
        entries = [waiting.entry for waiting in batch]
        begun = self._observer.begun()
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                applied = await apply_batch(entries, pipelines, store=self._store, rules=self._rules)
                break
            except Contended:
                if not tries_left:
                    raise
        traces = [one.trace for one in entries if isinstance(one, Traced | Change) and one.trace]
        self._observer.committed(traces, entries=len(entries), begun=begun)
        await self._crash_point("batch.after_commit")
        self._publisher.publish(applied.working_set.dispatches)
        self._journal.committed(applied.working_set)
        await self._crash_point("batch.before_answer")
        for waiting, answer in zip(batch, applied.answers, strict=True):
            if not waiting.outcome.done():
                waiting.outcome.set_result((answer, applied.working_set))


def _answer(outcome: Outcome) -> Answer:
    answer, _ = outcome
    if isinstance(answer, PipelineError):
        raise AssertionError("a report is answered, not refused")  # noqa: TRY004 - no caller's mistake
    return answer


def _next_batch(queue: deque[_Waiting]) -> list[_Waiting]:
    batch = [queue.popleft()]
    effects = batch[0].effects
    while queue and len(batch) < MAX_BATCH and effects + queue[0].effects <= MAX_EFFECTS:
        batch.append(queue.popleft())
        effects += batch[-1].effects
    return batch


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(error)
