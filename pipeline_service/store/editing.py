"""An edit's transaction, as the role that owns structure. What it does to state goes through two narrow functions."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline_service.commands.errors import Contended
from pipeline_service.commands.views import NodeView, PipelineView
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import NodeUid, PipelineUid
from pipeline_service.domain.model import Execution, Node, NodeSpec, Run, RunNode, Structure
from pipeline_service.domain.states import ExecutionState, NodeState, RunDecision, RunState
from pipeline_service.domain.structure import ImportPlan
from pipeline_service.store.codec import output_to_json
from pipeline_service.store.freshness import FACTS_OF_NODE, with_own_facts
from pipeline_service.store.loading import PostgresTransaction
from pipeline_service.store.pool import Connection, as_json
from pipeline_service.store.reuse import wake_waiters
from pipeline_service.store.rows import STATUS_OF
from pipeline_service.store.saving import Loaded, Values, differing, save_events
from pipeline_service.store.shown import NODE_COLUMNS, NODES, PIPELINE_COLUMNS, node_view, pipeline_view
from pipeline_service.store.structures import write_structure

_DESCRIBE = """
UPDATE pipelines SET
    title = coalesce($2, title), version = coalesce($3, version), labels = coalesce($4, labels), update_time = now(),
    structure_version = structure_version + 1
WHERE uid = $1
    AND (title, version, labels) IS DISTINCT FROM (coalesce($2, title), coalesce($3, version), coalesce($4, labels))
"""
_DELETE = "UPDATE pipelines SET delete_time = now() WHERE uid = $1"
_SUPERSEDE = "SELECT supersede_nodes($1::text::json, $2::text::json, $3::text::json, $4::text::json)"
_COMPLETE = "SELECT complete_assets($1::text::json)"
_PIPELINE = f"SELECT {PIPELINE_COLUMNS} FROM pipelines AS p WHERE p.uid = $1"  # noqa: S608 - constants only
_NODE = f"SELECT {NODE_COLUMNS}, {FACTS_OF_NODE} {NODES} WHERE n.uid = $1"


class Rehearsed(Exception):
    """Takes back what a rehearsal wrote."""


class PostgresEdit(PostgresTransaction):
    """An open transaction that may change structure."""

    may_buy = False
    # An edit is rare, and what it leaves is somebody else's to remember.
    may_remember = False
    _structure: Structure | None = None

    async def save_structure(self, plan: ImportPlan) -> None:
        await write_structure(self._connection, plan)
        self._structure = plan.structure

    def remember_structure(self) -> None:
        """Now that it is committed: most imports are followed by a run, which needs the graph."""
        if self._structure is not None:
            self._caches.structures.keep(self._structure)

    async def describe(
        self, pipeline: PipelineUid, *, title: str | None, version: str | None, labels: Mapping[str, str] | None
    ) -> None:
        given = None if labels is None else dict(labels)
        await self._connection.execute(_DESCRIBE, pipeline, title, version, given)

    async def delete(self, pipeline: PipelineUid) -> None:
        await self._connection.execute(_DELETE, pipeline)

    async def show_pipeline(self, pipeline: PipelineUid) -> PipelineView:
        row = await self._connection.fetchrow(_PIPELINE, pipeline)
        if row is None:
            raise AssertionError(f"the locked pipeline {pipeline} is not there")
        return pipeline_view(row)

    async def show_node(self, node: NodeUid) -> NodeView:
        row = await self._connection.fetchrow(_NODE, node)
        if row is None:
            raise AssertionError(f"the node {node} that was written is not there")
        return with_own_facts(node_view(row), row)

    async def save(self, working_set: WorkingSet) -> None:
        await save_state(self._connection, working_set, loaded=self._loaded)
        await wake_waiters(self._connection, working_set, loaded=self._loaded.executions)
        await save_events(self._connection, working_set, loaded=self._loaded)


async def save_state(connection: Connection, working_set: WorkingSet, *, loaded: Loaded) -> None:
    """Write what an edit may decide about state, each row guarded by the state it was loaded with.

    Raises Contended when a guard did not hold, AssertionError for a decision that is not an edit's to make.
    """
    put = working_set.changed
    there = put.nodes & working_set.nodes.keys()
    nodes = [one for one in differing(there, working_set.nodes, loaded.nodes) if one != _new(one)]
    executions = differing(put.executions, working_set.executions, loaded.executions)
    runs = differing(put.runs, working_set.runs, loaded.runs)
    run_nodes = differing(put.run_nodes, working_set.run_nodes, loaded.run_nodes)
    superseded = (
        [_cancelled(one, loaded.executions[one.id]) for one in executions],
        [_reset(one, loaded.nodes[one.uid]) for one in nodes if one.state is not NodeState.COMPLETED],
        [_ended(one, loaded.runs[one.id]) for one in runs],
        [_skipped(one, loaded.run_nodes[one.run_id, one.node_uid]) for one in run_nodes],
    )
    completed = [
        _completed(one, loaded.nodes.get(one.uid, _new(one)), working_set.spec(one))
        for one in nodes
        if one.state is NodeState.COMPLETED
    ]
    await _call(connection, _SUPERSEDE, *superseded)
    await _call(connection, _COMPLETE, completed)


async def _call(connection: Connection, function: str, *rows: list[Values]) -> None:
    """Call a function over rows; every one of them must be hit."""
    expected = sum(map(len, rows))
    if not expected:
        return
    found = await connection.fetchval(function, *map(as_json, rows))
    if found != expected:
        raise Contended(f"expected to change {expected} rows, the database changed {found}")


def _new(node: Node) -> Node:
    """The node as its row is when the structure was written."""
    return Node(uid=node.uid, pipeline_uid=node.pipeline_uid, state=NodeState.PENDING)


def _cancelled(one: Execution, before: Execution) -> Values:
    _expect(
        one,
        replace(
            before,
            state=ExecutionState.CANCELLED,
            waiting_for=None,
            dispatch_due_at=None,
            claim=None,
            lease_until=None,
            close_due_at=None,
            end_time=one.end_time,
        ),
    )
    return {"id": one.id, "state": before.state, "claim": before.claim, "end_time": one.end_time}


def _reset(one: Node, before: Node) -> Values:
    _expect(one, replace(before, state=NodeState.PENDING, execution_id=None, failure=None))
    return _seen(before)


def _completed(one: Node, before: Node, spec: NodeSpec) -> Values:
    """An asset with the bytes that its structure names."""
    sha256 = spec.asset.sha256 if spec.asset else ""
    _expect(
        one,
        replace(
            before,
            state=NodeState.COMPLETED,
            execution_id=None,
            done_spec=spec.spec_digest,
            output=one.output,
            content_digest=sha256,
            failure=None,
        ),
    )
    return _seen(before) | {"output": output_to_json(one.output)}


def _seen(node: Node) -> Values:
    return {"uid": node.uid, "status": STATUS_OF[node.state], "execution_id": node.execution_id}


def _ended(one: Run, before: Run) -> Values:
    _expect(one, replace(before, state=RunState.CANCELLED, end_time=one.end_time))
    return {"id": one.id, "state": before.state, "end_time": one.end_time}


def _skipped(one: RunNode, before: RunNode) -> Values:
    _expect(one, replace(before, decision=RunDecision.SKIPPED, reason=one.reason))
    return {"run_id": one.run_id, "node_uid": one.node_uid, "decision": before.decision, "reason": one.reason}


def _expect(decided: object, written: object) -> None:
    """The functions write one outcome each; a decision for another one is a defect, not to be written as that."""
    if decided != written:
        raise AssertionError(f"an edit cannot write {decided!r}")
