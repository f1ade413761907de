"""Runs pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.errors import FailedPrecondition, InvalidField, NotFound, PlanChanged
from pipeline_service.commands.ports import Caller, Journal, Publisher, Store, Transaction
from pipeline_service.commands.repeating import while_contended
from pipeline_service.commands.views import RunNodeView, RunView
from pipeline_service.domain.engine.planning import Kind, Plan, expected_duration, plan_of, rehearsal
from pipeline_service.domain.engine.runs import start_run, wanted_problems
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeId, NodeUid, PipelineId, PipelineUid, RunId
from pipeline_service.domain.model import Run
from pipeline_service.domain.violations import did_you_mean


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be brought up to date."""

    targets: tuple[NodeId, ...] = ()
    """Every leaf when there are none."""
    force: bool = False
    priority: int = 0
    plan_digest: str = ""
    """The plan that was looked at: the run does that, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run would do, and how long such executions took lately."""

    plan: Plan
    durations: Mapping[Kind, timedelta]

    @property
    def expected_duration(self) -> timedelta | None:
        """From start to end; None when unknown."""
        return expected_duration(self.plan, self.durations)


class Runs:
    """The use cases of runs."""

    def __init__(self, *, store: Store, rules: Rules, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._rules = rules
        self._publisher = publisher
        self._journal = journal

    async def start(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> RunId:
        """Start a run. Raises NotFound, FailedPrecondition, PlanChanged, InvalidField for a target that is no node."""
        uid = await self._find(caller, pipeline_id)
        return await while_contended(lambda: self._start(caller, uid, request))

    async def plan(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> Forecast:
        """Say what a run would do, and change nothing. Raises NotFound, InvalidField for a target that is no node."""
        uid = await self._find(caller, pipeline_id)
        async with self._store.transaction([uid]) as transaction:
            working_set = await transaction.load()
            rehearsed, run = await self._rehearse(transaction, working_set, uid, request, actor=caller.identity)
        plan = plan_of(working_set, rehearsed, run)
        durations = await self._store.durations(caller.owner, {node.kind for node in plan.nodes})
        return Forecast(plan=plan, durations=durations)

    async def preview(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> RunView:
        """The run that `start` would make, as it would be at first. Changes nothing; raises what `start` raises."""
        uid = await self._find(caller, pipeline_id)
        async with self._store.transaction([uid]) as transaction:
            working_set = await transaction.load()
            await self._check(transaction, working_set, uid, request, actor=caller.identity)
            run = self._begin(working_set, uid, request, actor=caller.identity)
            await answer_questions(transaction, working_set, rules=self._rules)
            makers = {row.reused_from for row in working_set.rows_of(run) if row.reused_from}
            names = {maker: await transaction.execution_name(maker) for maker in makers}
        return _view(working_set, working_set.runs[run.id], names)

    async def _start(self, caller: Caller, uid: PipelineUid, request: RunRequest) -> RunId:
        async with self._store.transaction([uid]) as transaction:
            working_set = await transaction.load()
            await self._check(transaction, working_set, uid, request, actor=caller.identity)
            run = self._begin(working_set, uid, request, actor=caller.identity)
            await answer_questions(transaction, working_set, rules=self._rules)
            name = f"pipelines/{working_set.structures[uid].pipeline_id}/runs/{run.id}"
            await transaction.remember(caller.request, name)
            await transaction.save(working_set)
        self._publisher.publish(working_set.dispatches)
        self._journal.committed(working_set)
        return run.id

    async def _check(
        self, transaction: Transaction, working_set: WorkingSet, uid: PipelineUid, request: RunRequest, *, actor: str
    ) -> None:
        """Raises what keeps a run from being started."""
        invalid = wanted_problems(working_set, uid, _targets(working_set, uid, request))
        if invalid:
            raise FailedPrecondition(f"not valid, so that they cannot run: {', '.join(invalid)}")
        if not request.plan_digest:
            return
        rehearsed, run = await self._rehearse(transaction, working_set, uid, request, actor=actor)
        found = plan_of(working_set, rehearsed, run).digest
        if found != request.plan_digest:
            raise PlanChanged(f"the plan is another one by now: expected {request.plan_digest}, found {found}")

    async def _rehearse(
        self, transaction: Transaction, working_set: WorkingSet, uid: PipelineUid, request: RunRequest, *, actor: str
    ) -> tuple[WorkingSet, Run]:
        """Start the run where nothing is written, and let it take over level by level what it can."""
        rehearsed = rehearsal(working_set)
        run = self._begin(rehearsed, uid, request, actor=actor)
        while await answer_questions(transaction, rehearsed, rules=self._rules):
            pass
        return rehearsed, run

    def _begin(self, working_set: WorkingSet, uid: PipelineUid, request: RunRequest, *, actor: str) -> Run:
        return start_run(
            working_set,
            uid,
            targets=_targets(working_set, uid, request),
            force=request.force,
            priority=request.priority,
            rules=self._rules,
            actor=actor,
        )

    async def _find(self, caller: Caller, pipeline_id: PipelineId) -> PipelineUid:
        uid = await self._store.find_pipeline(caller.owner, pipeline_id)
        if uid is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return uid


def _view(working_set: WorkingSet, run: Run, names: Mapping[ExecutionId, str]) -> RunView:
    specs = working_set.structures[run.pipeline_uid].nodes
    rows = sorted(working_set.rows_of(run), key=lambda row: specs[row.node_uid].position)
    return RunView(
        run=run,
        target_ids=tuple(specs[target].id for target in run.targets),
        nodes=tuple(
            RunNodeView(
                node_id=specs[row.node_uid].id,
                decision=row.decision,
                reason=row.reason,
                execution_id=row.execution_id,
                reused_from=names[row.reused_from] if row.reused_from else "",
            )
            for row in rows
        ),
    )


def _targets(working_set: WorkingSet, uid: PipelineUid, request: RunRequest) -> tuple[NodeUid, ...]:
    structure = working_set.structures[uid]
    by_id = {spec.id: spec.uid for spec in structure.nodes.values()}
    unknown = [target for target in request.targets if target not in by_id]
    if unknown:
        hint = did_you_mean(unknown[0], by_id)
        raise InvalidField("targets", f"pipeline '{structure.pipeline_id}' has no node '{unknown[0]}'{hint}")
    return tuple(by_id[target] for target in request.targets)
