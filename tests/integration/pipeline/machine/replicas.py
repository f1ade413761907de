"""Replicas of the service over one database, each of which can be killed between a commit and its answer."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.control import Control
from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.places import Places
from pipeline_service.commands.reconcile import Reconciler
from pipeline_service.commands.reporting import Reporter
from pipeline_service.commands.runs import RunRequest, Runs
from pipeline_service.commands.timers import Timers
from pipeline_service.commands.waking import Waker
from pipeline_service.domain.engine.reports import ExecutionReport, Report, StartAnswer
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.ids import NodeId, PipelineId, PipelineUid
from pipeline_service.domain.states import Disposition
from pipeline_service.domain.values import Json
from pipeline_service.store.pool import Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.structures import StructureCache
from tests.due_times import postpone
from tests.factories import some_rules
from tests.fakes.observer import Unobserved
from tests.integration.pipeline.rig import CALLER, FILM, MemoryArtifacts, Outbox
from tests.patience import PATIENCE_S


@dataclass
class CrashPoint:
    """When armed, the writer that passes it stops there for ever, as that of a killed process would."""

    is_armed: bool = False
    was_reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _name: str) -> None:
        if self.is_armed:
            self.was_reached.set()
            await asyncio.get_running_loop().create_future()


class Replica:
    """The commands of one service process, wired as `app` does, without what it remembers over a restart."""

    def __init__(self, pools: Pools, artifacts: MemoryArtifacts, rules: Rules) -> None:
        self._pools = pools
        self._artifacts = artifacts
        self._rules = rules
        self._boot()

    def _boot(self) -> None:
        store = PostgresStore(self._pools, structures=StructureCache(), concurrency={})
        outbox = Outbox()
        self._crash_point = CrashPoint()
        self._batcher = Batcher(
            store=store,
            rules=self._rules,
            publisher=outbox,
            journal=outbox,
            observer=Unobserved(),
            crash_point=self._crash_point,
        )
        self._reporter = Reporter(places=Places(store), artifacts=self._artifacts, batcher=self._batcher)
        self._pipelines = Pipelines(
            store=store,
            reader=PostgresReader(self._pools.engine),
            artifacts=self._artifacts,
            rules=self._rules,
            journal=outbox,
        )
        self._runs = Runs(store=store, rules=self._rules, batcher=self._batcher, publisher=outbox, journal=outbox)
        self._waker = Waker(store=store, batcher=self._batcher)
        self._control = Control(store=store, rules=self._rules, publisher=outbox, journal=outbox)
        reconciler = Reconciler(artifacts=self._artifacts, reporter=self._reporter)
        self._timers = Timers(store=store, batcher=self._batcher, reconcile=reconciler.reconcile)
        self._writing = asyncio.create_task(self._batcher.run())

    async def import_document(self, document: Json) -> str:
        return await _answer_of(
            self._pipelines.import_document(CALLER, document, create_only=False, validate_only=False)
        )

    async def run(
        self, targets: Sequence[str], *, force: bool, pipeline: PipelineId = FILM, draft: bool = False
    ) -> str:
        request = RunRequest(targets=tuple(NodeId(target) for target in targets), force=force, draft=draft)
        return await _answer_of(self._runs.start(CALLER, pipeline, request))

    async def control(self, verb: str, *of: object, pipeline: PipelineId = FILM) -> str:
        """`verb` is a method of Control without what it is about: `pause_run`, with the run."""
        return await _answer_of(getattr(self._control, verb)(CALLER, pipeline, *of))

    async def tick(self) -> str:
        """What became due because the steps took long is not due: time passes when the machine says so."""
        await postpone(self._pools.engine)
        return await _answer_of(self._timers.tick())

    async def wake(self) -> str:
        """Go on with whatever somebody left a wake for, or waits in vain."""
        while await self._waker.tick() or await self._waker.sweep():
            pass
        return "done"

    async def report_unseen(self, report: Report, pipeline_uid: UUID) -> str:
        """As timers report: past all that is asked of workers."""
        return await _answer_of(self._batcher.submit(report, PipelineUid(pipeline_uid)))

    async def report(self, report: ExecutionReport) -> str:
        return await _answer_of(self._reporter.report(report))

    async def report_and_die(self, report: ExecutionReport) -> str:
        """Be killed between the commit of a report and its answer, start again, and be told the same once more."""
        self._crash_point.is_armed = True
        lost = asyncio.create_task(self.report(report))
        reached = asyncio.create_task(self._crash_point.was_reached.wait())
        await asyncio.wait({lost, reached}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        was_refused_before = lost.done()
        for task in (lost, reached):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.stop()
        self._boot()
        return lost.result() if was_refused_before else "died"

    async def stop(self) -> None:
        self._writing.cancel()
        await asyncio.wait({self._writing})


def make_replicas(pools: Pools, artifacts: MemoryArtifacts, *, count: int) -> list[Replica]:
    """Replicas share the database and the object store, and nothing else but the ids that count upwards.

    So a failing example can be repeated.
    """
    rules = some_rules()
    return [Replica(pools, artifacts, rules) for _ in range(count)]


async def _answer_of(asked: Awaitable[object]) -> str:
    """An answer in one word: outcome, disposition, or what it was refused with."""
    try:
        answer = await asked
    except PipelineError as error:
        return type(error).__name__
    if isinstance(answer, StartAnswer):
        return answer.outcome.value
    return answer.value if isinstance(answer, Disposition) else "done"
