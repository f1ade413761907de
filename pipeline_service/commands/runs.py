"""Runs pipelines."""

from dataclasses import dataclass

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.errors import FailedPrecondition, InvalidField, NotFound
from pipeline_service.commands.ports import Caller, Journal, Publisher, Store
from pipeline_service.commands.repeating import while_contended
from pipeline_service.domain.engine.runs import start_run, wanted_problems
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid, RunId
from pipeline_service.domain.violations import did_you_mean


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be brought up to date."""

    targets: tuple[NodeId, ...] = ()
    """Every leaf when there are none."""
    force: bool = False
    priority: int = 0


class Runs:
    """The use cases of runs."""

    def __init__(self, *, store: Store, rules: Rules, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._rules = rules
        self._publisher = publisher
        self._journal = journal

    async def start(self, caller: Caller, pipeline_id: PipelineId, request: RunRequest) -> RunId:
        """Start a run. Raises NotFound, FailedPrecondition, and InvalidField for a target that is no node."""
        uid = await self._find(caller, pipeline_id)
        return await while_contended(lambda: self._start(caller, uid, request))

    async def _start(self, caller: Caller, uid: PipelineUid, request: RunRequest) -> RunId:
        async with self._store.transaction([uid]) as transaction:
            working_set = await transaction.load()
            targets = _targets(working_set, uid, request)
            invalid = wanted_problems(working_set, uid, targets)
            if invalid:
                raise FailedPrecondition(f"not valid, so that they cannot run: {', '.join(invalid)}")
            run = start_run(
                working_set,
                uid,
                targets=targets,
                force=request.force,
                priority=request.priority,
                rules=self._rules,
                actor=caller.identity,
            )
            await answer_questions(transaction, working_set, rules=self._rules)
            name = f"pipelines/{working_set.structures[uid].pipeline_id}/runs/{run.id}"
            await transaction.remember(caller.request, name)
            await transaction.save(working_set)
        self._publisher.publish(working_set.dispatches)
        self._journal.committed(working_set)
        return run.id

    async def _find(self, caller: Caller, pipeline_id: PipelineId) -> PipelineUid:
        uid = await self._store.find_pipeline(caller.owner, pipeline_id)
        if uid is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return uid


def _targets(working_set: WorkingSet, uid: PipelineUid, request: RunRequest) -> tuple[NodeUid, ...]:
    structure = working_set.structures[uid]
    by_id = {spec.id: spec.uid for spec in structure.nodes.values()}
    unknown = [target for target in request.targets if target not in by_id]
    if unknown:
        hint = did_you_mean(unknown[0], by_id)
        raise InvalidField("targets", f"pipeline '{structure.pipeline_id}' has no node '{unknown[0]}'{hint}")
    return tuple(by_id[target] for target in request.targets)
