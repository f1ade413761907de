"""Runs pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.apply_batch import Change
from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.drafts import Drafts
from pipeline_service.commands.errors import FailedPrecondition, InvalidField, NotFound, PlanChanged
from pipeline_service.commands.ports import Caller, Journal, Publisher, Store, Transaction
from pipeline_service.commands.repeating import while_contended
from pipeline_service.commands.views import RunNodeView, RunView
from pipeline_service.domain.drafts import draft_id
from pipeline_service.domain.engine.drafting import lay_out_draft
from pipeline_service.domain.engine.planning import Kind, Plan, expected_duration, plan_of, rehearsal
from pipeline_service.domain.engine.runs import start_run, wanted_problems
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid, RunId
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
    draft: bool = False
    """Whether it is made for free, in the pipeline's shadow."""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A request with what it is about."""

    wanted: RunRequest
    caller: Caller
    pipeline_id: PipelineId
    uid: PipelineUid
    """Of the pipeline that the run is in; for a draft its shadow, which need not be there yet."""
    original: PipelineUid | None = None
    """Of which a shadow is to be laid out, where that is only rehearsed."""
    nodes: int
    run_id: RunId

    @property
    def locked(self) -> tuple[PipelineUid, ...]:
        """The pipelines that a rehearsal reads."""
        return (self.uid,) if self.original is None else (self.original, self.uid)

    @property
    def run_name(self) -> str:
        return f"pipelines/{self.pipeline_id}/runs/{self.run_id}"


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

    def __init__(self, *, store: Store, rules: Rules, batcher: Batcher, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._rules = rules
        self._batcher = batcher
        self._publisher = publisher
        self._journal = journal
        self._drafts = Drafts(store=store, rules=rules, journal=journal)

    async def start(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> RunView:
        """Start a run. Raises NotFound, FailedPrecondition, PlanChanged, InvalidField for a target that is no node.

        A draft is a run of the pipeline's shadow, which is made equal to the pipeline before.
        """
        if request.draft:
            pipeline_id = await self._drafts.refresh(caller, pipeline_id)
        asked = await self._find(caller, pipeline_id, request)
        if request.plan_digest:
            # To compare plans one is rehearsed, with a look-up for each level; no batch waits for that.
            working_set = await while_contended(lambda: self._start_as_planned(asked))
        else:
            change = Change(
                pipeline_uid=asked.uid,
                decide=lambda ws: self._start(ws, asked),
                resource=asked.run_name,
                request=caller.request,
                trace=caller.trace,
            )
            working_set = await self._batcher.change(change, effects=asked.nodes)
        return await self._view(working_set, asked)

    async def plan(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> Forecast:
        """Say what a run would do, and change nothing. Raises NotFound, InvalidField for a target that is no node."""
        asked = await self._find_rehearsed(caller, pipeline_id, request)
        async with self._store.transaction(asked.locked) as transaction:
            plan = await self._rehearse(transaction, await self._load(transaction, asked), asked)
        durations = await self._store.durations(caller.owner, {node.kind for node in plan.nodes})
        return Forecast(plan=plan, durations=durations)

    async def preview(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> RunView:
        """The run that `start` would make, as it would be at first. Changes nothing; raises what `start` raises."""
        asked = await self._find_rehearsed(caller, pipeline_id, request)
        async with self._store.transaction(asked.locked) as transaction:
            working_set = await self._load(transaction, asked)
            await self._check(transaction, working_set, asked)
            self._begin(working_set, asked)
            await answer_questions(transaction, working_set, rules=self._rules)
        return await self._view(working_set, asked)

    async def _start_as_planned(self, asked: _Asked) -> WorkingSet:
        async with self._store.transaction([asked.uid]) as transaction:
            working_set = await transaction.load()
            await self._check(transaction, working_set, asked)
            self._begin(working_set, asked)
            await answer_questions(transaction, working_set, rules=self._rules)
            await transaction.remember(asked.caller.request, asked.run_name)
            await transaction.save(working_set)
        self._publisher.publish(working_set.dispatches)
        self._journal.committed(working_set)
        return working_set

    async def _check(self, transaction: Transaction, working_set: WorkingSet, asked: _Asked) -> None:
        """Raises what keeps a run from being started, also that it would do something else than was looked at."""
        _check_valid(working_set, asked)
        insisted = asked.wanted.plan_digest
        if not insisted:
            return
        found = (await self._rehearse(transaction, working_set, asked)).digest
        if found != insisted:
            raise PlanChanged(f"the plan is another one by now: expected {insisted}, found {found}")

    async def _rehearse(self, transaction: Transaction, working_set: WorkingSet, asked: _Asked) -> Plan:
        """Start the run where nothing is written, and let it take over level by level what it can."""
        rehearsed = rehearsal(working_set)
        run = self._begin(rehearsed, asked)
        while await answer_questions(transaction, rehearsed, rules=self._rules):
            pass
        return plan_of(working_set, rehearsed, run)

    def _start(self, working_set: WorkingSet, asked: _Asked) -> None:
        _check_valid(working_set, asked)
        self._begin(working_set, asked)

    def _begin(self, working_set: WorkingSet, asked: _Asked) -> Run:
        return start_run(
            working_set,
            asked.uid,
            targets=_targets(working_set, asked),
            force=asked.wanted.force,
            priority=asked.wanted.priority,
            run_id=asked.run_id,
            rules=self._rules,
            actor=asked.caller.identity,
            trace=asked.caller.trace,
        )

    async def _find(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> _Asked:
        found = await self._store.find_graph(caller.owner, pipeline_id)
        if found is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return _Asked(
            wanted=request,
            caller=caller,
            pipeline_id=pipeline_id,
            uid=found.pipeline_uid,
            nodes=found.nodes,
            run_id=RunId(self._rules.new_id()),
        )

    async def _find_rehearsed(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> _Asked:
        """The same for what is not to be done: of a draft nothing has to be there but the pipeline."""
        asked = await self._find(caller, pipeline_id, request)
        if not request.draft:
            return asked
        name = draft_id(pipeline_id)
        shadow = await self._store.find_pipeline(caller.owner, name) or PipelineUid(uuid4())
        return replace(asked, pipeline_id=name, uid=shadow, original=asked.uid)

    async def _load(self, transaction: Transaction, asked: _Asked) -> WorkingSet:
        """What a rehearsal begins with; of a draft the shadow as it would be."""
        working_set = await transaction.load()
        if asked.original in working_set.structures:
            lay_out_draft(
                working_set,
                asked.original,
                asked.uid,
                catalogue=self._rules.catalogue,
                new_uid=uuid4,
                actor=asked.caller.identity,
            )
        return working_set

    async def _view(self, working_set: WorkingSet, asked: _Asked) -> RunView:
        """A run as the transaction left it that started it."""
        run = working_set.runs[asked.run_id]
        specs = working_set.structures[asked.uid].nodes
        rows = sorted(working_set.rows_of(run), key=lambda row: specs[row.node_uid].position)
        names = await self._store.execution_names({row.reused_from for row in rows if row.reused_from})
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


def _check_valid(working_set: WorkingSet, asked: _Asked) -> None:
    """Raises FailedPrecondition when a node that is needed is not valid."""
    invalid = wanted_problems(working_set, asked.uid, _targets(working_set, asked))
    if invalid:
        raise FailedPrecondition(f"not valid, so that they cannot run: {', '.join(invalid)}")


def _targets(working_set: WorkingSet, asked: _Asked) -> tuple[NodeUid, ...]:
    structure = working_set.structures.get(asked.uid)
    if structure is None or asked.uid in working_set.deleted:
        # Since it was found.
        raise NotFound("pipeline", f"pipelines/{asked.pipeline_id}")
    by_id = {spec.id: spec.uid for spec in structure.nodes.values()}
    unknown = [target for target in asked.wanted.targets if target not in by_id]
    if unknown:
        hint = did_you_mean(unknown[0], by_id)
        raise InvalidField("targets", f"pipeline '{structure.pipeline_id}' has no node '{unknown[0]}'{hint}")
    return tuple(by_id[target] for target in asked.wanted.targets)
