"""Holds, lets go on, ends, tries again, approves: what a user says about work that is under way."""

from collections.abc import Awaitable, Callable
from functools import partial

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.errors import FailedPrecondition, NotFound
from pipeline_service.commands.ports import Caller, Journal, Publisher, Store, Transaction
from pipeline_service.commands.repeating import while_contended
from pipeline_service.domain.engine.approving import approve, reject
from pipeline_service.domain.engine.ending import cancel_node, cancel_pipeline, cancel_run
from pipeline_service.domain.engine.pausing import (
    pause_node,
    pause_pipeline,
    pause_run,
    resume_node,
    resume_pipeline,
    resume_run,
)
from pipeline_service.domain.engine.resolving import Resolution, is_in_doubt, resolve
from pipeline_service.domain.engine.retrying import retry_node
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import NodeId, PipelineId, PipelineUid, RunId
from pipeline_service.domain.model import Execution, Node, Run
from pipeline_service.domain.states import NodeState, WaitingFor

ChangePipeline = Callable[[WorkingSet, PipelineUid], None]
ChangeRun = Callable[[WorkingSet, Run], None]
ChangeNode = Callable[[WorkingSet, Node], None]
Script = Callable[[Transaction, WorkingSet, PipelineUid], Awaitable[None]]


class Control:
    """Each use case is one transaction. All raise NotFound; to hold what is held already changes nothing."""

    def __init__(self, *, store: Store, rules: Rules, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._rules = rules
        self._publisher = publisher
        self._journal = journal

    async def pause_run(self, caller: Caller, pipeline: PipelineId, run: RunId) -> None:
        """Raises FailedPrecondition when the run has ended."""
        await self._change_run(caller, pipeline, run, partial(pause_run, actor=caller.identity))

    async def resume_run(self, caller: Caller, pipeline: PipelineId, run: RunId) -> None:
        """Raises FailedPrecondition when the run has ended."""
        await self._change_run(caller, pipeline, run, partial(resume_run, rules=self._rules, actor=caller.identity))

    async def cancel_run(self, caller: Caller, pipeline: PipelineId, run: RunId) -> None:
        """Raises FailedPrecondition when the run has ended."""
        await self._change_run(caller, pipeline, run, partial(cancel_run, actor=caller.identity))

    async def pause_pipeline(self, caller: Caller, pipeline: PipelineId) -> None:
        await self._change_pipeline(caller, pipeline, partial(pause_pipeline, actor=caller.identity))

    async def resume_pipeline(self, caller: Caller, pipeline: PipelineId) -> None:
        decide = partial(resume_pipeline, rules=self._rules, actor=caller.identity)
        await self._change_pipeline(caller, pipeline, decide)

    async def cancel_pipeline(self, caller: Caller, pipeline: PipelineId) -> None:
        await self._change_pipeline(caller, pipeline, partial(cancel_pipeline, actor=caller.identity))

    async def pause_node(self, caller: Caller, pipeline: PipelineId, node: NodeId) -> None:
        await self._change_node(caller, pipeline, node, partial(pause_node, actor=caller.identity))

    async def resume_node(self, caller: Caller, pipeline: PipelineId, node: NodeId) -> None:
        decide = partial(resume_node, rules=self._rules, actor=caller.identity)
        await self._change_node(caller, pipeline, node, decide)

    async def cancel_node(self, caller: Caller, pipeline: PipelineId, node: NodeId) -> None:
        """Raises FailedPrecondition when no execution of the node is active."""

        def decide(ws: WorkingSet, found: Node) -> None:
            cancel_node(ws, _active(ws, found), rules=self._rules, actor=caller.identity)

        await self._change_node(caller, pipeline, node, decide)

    async def approve_node(
        self, caller: Caller, pipeline: PipelineId, node: NodeId, *, is_approved: bool, message: str
    ) -> None:
        """Raises FailedPrecondition when no execution of the node waits for a person."""

        def decide(ws: WorkingSet, found: Node) -> None:
            execution = _active(ws, found)
            if execution.waiting_for is not WaitingFor.HUMAN:
                raise FailedPrecondition(f"the execution of '{node}' does not wait for a person")
            if is_in_doubt(ws, execution):
                raise FailedPrecondition(f"the submission of '{node}' is in doubt: resolve it instead")
            if is_approved:
                approve(ws, execution, message=message, rules=self._rules, actor=caller.identity)
            else:
                reject(ws, execution, message=message, rules=self._rules, actor=caller.identity)

        await self._change_node(caller, pipeline, node, decide)

    async def resolve_node(self, caller: Caller, pipeline: PipelineId, node: NodeId, *, resolution: Resolution) -> None:
        """Raises FailedPrecondition when the node's submission is not in doubt."""

        def decide(ws: WorkingSet, found: Node) -> None:
            execution = _active(ws, found)
            if execution.waiting_for is not WaitingFor.HUMAN or not is_in_doubt(ws, execution):
                raise FailedPrecondition(f"the submission of '{node}' is not in doubt")
            resolve(ws, execution, resolution, rules=self._rules, actor=caller.identity)

        await self._change_node(caller, pipeline, node, decide)

    async def retry_node(self, caller: Caller, pipeline: PipelineId, node: NodeId) -> None:
        """Start a run of a failed node and of what was left out because of it.

        Raises FailedPrecondition when it has not failed.
        """

        async def script(transaction: Transaction, ws: WorkingSet, uid: PipelineUid) -> None:
            found = _find_node(ws, uid, node)
            failed = found.latest_execution_id
            if found.state is not NodeState.FAILED or failed is None:
                raise FailedPrecondition(f"'{node}' has not failed: it is {found.state.lower()}")
            left_out = await transaction.left_out_with(uid, found.uid, failed)
            retry_node(ws, found, left_out=left_out, rules=self._rules, actor=caller.identity, trace=caller.trace)

        await self._transact(caller, pipeline, f"pipelines/{pipeline}/nodes/{node}", script)

    async def _change_run(self, caller: Caller, pipeline: PipelineId, run: RunId, decide: ChangeRun) -> None:
        name = f"pipelines/{pipeline}/runs/{run}"

        async def script(transaction: Transaction, ws: WorkingSet, uid: PipelineUid) -> None:
            found = ws.runs.get(run)
            if found is None:
                if await transaction.has_run(uid, run):
                    raise FailedPrecondition("the run has ended")
                raise NotFound("run", name)
            decide(ws, found)

        await self._transact(caller, pipeline, name, script)

    async def _change_pipeline(self, caller: Caller, pipeline: PipelineId, decide: ChangePipeline) -> None:
        async def script(_transaction: Transaction, ws: WorkingSet, uid: PipelineUid) -> None:
            decide(ws, uid)

        await self._transact(caller, pipeline, f"pipelines/{pipeline}", script)

    async def _change_node(self, caller: Caller, pipeline: PipelineId, node: NodeId, decide: ChangeNode) -> None:
        async def script(_transaction: Transaction, ws: WorkingSet, uid: PipelineUid) -> None:
            decide(ws, _find_node(ws, uid, node))

        await self._transact(caller, pipeline, f"pipelines/{pipeline}/nodes/{node}", script)

    async def _transact(self, caller: Caller, pipeline: PipelineId, resource: str, script: Script) -> None:
        uid = await self._store.find_pipeline(caller.owner, pipeline)
        if uid is None:
            raise NotFound("pipeline", f"pipelines/{pipeline}")
        ws = await while_contended(lambda: self._attempt(caller, uid, resource, script))
        self._publisher.publish(ws.dispatches)
        self._journal.committed(ws)

    async def _attempt(self, caller: Caller, uid: PipelineUid, resource: str, script: Script) -> WorkingSet:
        async with self._store.transaction([uid]) as transaction:
            await transaction.remember(caller.request, resource)
            ws = await transaction.load()
            await script(transaction, ws, uid)
            await answer_questions(transaction, ws, rules=self._rules)
            await transaction.save(ws)
        return ws


def _active(ws: WorkingSet, node: Node) -> Execution:
    if node.execution_id is None:
        raise FailedPrecondition(f"no execution of '{ws.spec(node).id}' is active")
    return ws.executions[node.execution_id]


def _find_node(ws: WorkingSet, pipeline: PipelineUid, node_id: NodeId) -> Node:
    structure = ws.structures[pipeline]
    for spec in structure.nodes.values():
        if spec.id == node_id:
            return ws.nodes[spec.uid]
    raise NotFound("node", f"pipelines/{structure.pipeline_id}/nodes/{node_id}")
