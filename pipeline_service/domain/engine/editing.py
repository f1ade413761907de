"""Makes a pipeline equal to a document, in what the engine keeps about it."""

from collections.abc import Mapping

from pipeline_service.domain.engine.ending import end_run
from pipeline_service.domain.engine.scheduling import cancel
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import NodeUid, PipelineUid
from pipeline_service.domain.model import Node, NodeSpec, Structure
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import EventType, NodeState
from pipeline_service.domain.structure import ImportPlan
from pipeline_service.domain.values import Output

_EDITED = ("type", "title", "labels", "retry", "inputs", "config", "asset")


def apply_deletion(ws: WorkingSet, pipeline_uid: PipelineUid, *, actor: str) -> None:
    """End everything that runs in a pipeline, because the pipeline goes."""
    nodes = [node for node in ws.nodes.values() if node.pipeline_uid == pipeline_uid]
    for node in nodes:
        _supersede(ws, node, actor=actor)
    _end_runs_that_want(ws, {node.uid for node in nodes}, actor=actor)
    ws.record(EventType.PIPELINE_DELETED, pipeline_uid, actor=actor)


def apply_import(ws: WorkingSet, plan: ImportPlan, *, uploaded: Mapping[NodeUid, Output], actor: str) -> None:
    """Add, reset and remove nodes. `uploaded` are the artifacts of assets whose bytes are in the store."""
    pipeline_uid = plan.structure.pipeline_uid
    before = ws.structures[pipeline_uid]
    touched = {*plan.changed, *(spec.uid for spec in plan.removed)}
    for node_uid in touched:
        _supersede(ws, ws.nodes[node_uid], actor=actor)
    _end_runs_that_want(ws, touched | _meaning_something_else(before, plan.structure), actor=actor)
    for spec in plan.removed:
        del ws.nodes[spec.uid]
        ws.record(EventType.NODE_DELETED, pipeline_uid, actor=actor, node=before.nodes[spec.uid])
    ws.structures[pipeline_uid] = plan.structure
    for node_uid in plan.added:
        ws.put(Node(uid=node_uid, pipeline_uid=pipeline_uid, state=NodeState.PENDING))
        ws.record(EventType.NODE_CREATED, pipeline_uid, actor=actor, node=plan.structure.nodes[node_uid])
    for node_uid in plan.changed:
        ws.put(replace(ws.nodes[node_uid], state=NodeState.PENDING, failure=None))
        _record_edit(ws, EventType.NODE_UPDATED, before, plan, node_uid, actor=actor)
    for node_uid in plan.described:
        _record_edit(ws, EventType.NODE_DESCRIBED, before, plan, node_uid, actor=actor)
    for node_uid in (*plan.added, *plan.changed):
        if node_uid in uploaded:
            _complete_asset(ws, plan.structure.nodes[node_uid], uploaded[node_uid], actor=actor)


def _record_edit(
    ws: WorkingSet, event: EventType, before: Structure, plan: ImportPlan, node_uid: NodeUid, *, actor: str
) -> None:
    """The message names what of the node was edited."""
    old, new = before.nodes[node_uid], plan.structure.nodes[node_uid]
    edited = [name for name in _EDITED if getattr(old, name) != getattr(new, name)]
    ws.record(event, before.pipeline_uid, actor=actor, node=new, message=", ".join(edited))


def _complete_asset(ws: WorkingSet, spec: NodeSpec, output: Output, *, actor: str) -> None:
    node = ws.nodes[spec.uid]
    ws.put(
        replace(
            node,
            state=NodeState.COMPLETED,
            output=output,
            content_digest=output.sha256,
            done_spec=spec.spec_digest,
        )
    )
    ws.record(
        EventType.ASSET_COMPLETED,
        node.pipeline_uid,
        actor=actor,
        node=spec,
        old_state=node.state,
        new_state=NodeState.COMPLETED,
    )


def _meaning_something_else(before: Structure, after: Structure) -> set[NodeUid]:
    """Nodes that were edited, and those below them."""
    kept = before.nodes.keys() & after.nodes.keys()
    return {uid for uid in kept if before.nodes[uid].spec_digest != after.nodes[uid].spec_digest}


def _supersede(ws: WorkingSet, node: Node, *, actor: str) -> None:
    if node.execution_id is not None:
        cancel(ws, ws.executions[node.execution_id], reason="superseded by an edit", actor=actor)


def _end_runs_that_want(ws: WorkingSet, touched: set[NodeUid], *, actor: str) -> None:
    """End the runs that still expect something of nodes: what they promised is not what would be made now."""
    for run in list(ws.runs.values()):
        rows = ws.rows_of(run)
        if run.state.is_open and any(row.node_uid in touched and row.decision.is_open for row in rows):
            end_run(ws, run, reason="the pipeline was edited", actor=actor)
