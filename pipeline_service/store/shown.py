"""What is selected to be shown, and rows of it as views."""

from collections import defaultdict

from pipeline_service.commands.views import EventView, ExecutionView, NodeView, PipelineView, RunNodeView, RunView
from pipeline_service.domain.ids import ExecutionId, NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.states import NodeState, RunDecision
from pipeline_service.store.codec import Row
from pipeline_service.store.rows import (
    EXECUTION_COLUMNS,
    event_from_row,
    execution_from_row,
    node_from_row,
    progress_from_row,
    run_from_row,
)
from pipeline_service.store.structures import spec_from_row

COUNTS = {
    NodeState.PENDING: "pending_nodes",
    NodeState.IN_PROGRESS: "in_progress_nodes",
    NodeState.COMPLETED: "completed_nodes",
    NodeState.FAILED: "failed_nodes",
}
PIPELINE_COLUMNS = (
    "p.uid, p.id, p.title, p.version, p.labels, p.structure_version, p.last_seq, p.create_time, p.update_time,"
    " p.pending_nodes, p.in_progress_nodes, p.completed_nodes, p.failed_nodes, p.paused"
)
NODE_COLUMNS = """
    n.uid, n.id, n.pipeline_uid, n.position, n.type, n.title, n.labels, n.retry, n.config, n.asset, n.provider,
    n.spec_digest, n.own_digest, n.validation_errors, n.done_own,
    n.status, n.execution_id, n.latest_execution_id, n.attempts, n.done_spec,
    n.output, n.content_digest, n.failure, n.paused, n.create_time, n.update_time,
    e.progress_stage, e.progress_fraction, e.progress_time,
    ARRAY(
        SELECT (i.slot, s.uid, s.id) FROM node_inputs AS i JOIN nodes AS s ON s.uid = i.source_uid
        WHERE i.node_uid = n.uid ORDER BY i.slot, i.position
    ) AS inputs"""
NODES = "FROM nodes AS n LEFT JOIN executions AS e ON e.id = n.execution_id"
# A target that was deleted meanwhile is left out.
RUN_COLUMNS = """
    r.id, r.pipeline_uid, r.state, r.targets, r.force, r.priority, r.trace, r.create_time, r.end_time,
    ARRAY(
        SELECT n.id FROM unnest(r.targets) WITH ORDINALITY AS t (uid, place) JOIN nodes AS n ON n.uid = t.uid
        ORDER BY t.place
    ) AS target_ids"""
SHOWN_EXECUTION_COLUMNS = f"""
    {EXECUTION_COLUMNS},
    (SELECT p.job_id FROM purchases AS p WHERE p.id = purchase_id) AS job_id,
    (SELECT p.cost_micros FROM purchases AS p WHERE p.id = purchase_id) AS cost_micros"""  # noqa: S608 - constants only
EVENT_COLUMNS = """
    pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state, new_state,
    actor, message"""
PIPELINE_UID = "(SELECT uid FROM pipelines WHERE owner = $1 AND id = $2 AND delete_time IS NULL)"
"""Of the pipeline that an owner calls by an id."""


def pipeline_view(row: Row) -> PipelineView:
    return PipelineView(
        uid=PipelineUid(row["uid"]),
        id=PipelineId(row["id"]),
        title=row["title"],
        version=row["version"],
        labels=row["labels"],
        structure_version=row["structure_version"],
        last_sequence=row["last_seq"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        counts={state: row[column] for state, column in COUNTS.items()},
        is_paused=row["paused"],
    )


def node_view(row: Row) -> NodeView:
    uids: dict[str, tuple[NodeUid, ...]] = defaultdict(tuple)
    ids: dict[str, tuple[NodeId, ...]] = defaultdict(tuple)
    for slot, uid, node_id in row["inputs"]:
        uids[slot] += (NodeUid(uid),)
        ids[slot] += (NodeId(node_id),)
    spec, node = spec_from_row(row, uids), node_from_row(row)
    return NodeView(
        spec=spec,
        node=node,
        inputs=ids,
        is_current=node.state is NodeState.COMPLETED and node.done_spec == spec.spec_digest,
        progress=progress_from_row(row),
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def execution_view(row: Row) -> ExecutionView:
    execution = execution_from_row(row)
    return ExecutionView(
        node_id=execution.work.node_id,
        execution=execution,
        job_id=row["job_id"] or "",
        cost_micros=row["cost_micros"],
    )


def run_view(row: Row, nodes: tuple[RunNodeView, ...] = ()) -> RunView:
    return RunView(run=run_from_row(row), target_ids=tuple(map(NodeId, row["target_ids"])), nodes=nodes)


def run_node_view(row: Row) -> RunNodeView:
    return RunNodeView(
        node_id=NodeId(row["id"]),
        decision=RunDecision(row["decision"]),
        reason=row["reason"],
        execution_id=ExecutionId(row["execution_id"]) if row["execution_id"] else None,
        reused_from=row["reused_from"] or "",
    )


def event_view(row: Row) -> EventView:
    return EventView(event=event_from_row(row), create_time=row["create_time"])
