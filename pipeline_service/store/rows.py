"""Rows as domain objects."""

from pipeline_service.domain.ids import (
    Claim,
    ExecutionId,
    NodeId,
    NodeUid,
    PipelineUid,
    PurchaseId,
    RunId,
    TaskQueue,
)
from pipeline_service.domain.model import Event, Execution, Node, Run, RunNode
from pipeline_service.domain.states import (
    Buys,
    EventType,
    ExecutionState,
    NodeState,
    QueuePlace,
    RunDecision,
    RunState,
    WaitingFor,
)
from pipeline_service.domain.values import Progress
from pipeline_service.store.codec import Row, failure_from_json, output_from_json, work_from_json

# The column keeps the words that the first system used.
STATUS_OF = {
    NodeState.PENDING: "pending",
    NodeState.IN_PROGRESS: "in_progress",
    NodeState.COMPLETED: "completed",
    NodeState.FAILED: "failed",
}
STATE_OF = {status: state for state, status in STATUS_OF.items()}

NODE_COLUMNS = (
    "uid, pipeline_uid, status, execution_id, latest_execution_id, attempts, done_spec, done_own, output,"
    " content_digest, failure, paused"
)
RUN_COLUMNS = "id, pipeline_uid, state, targets, force, priority, trace, create_time, end_time"
EXECUTION_COLUMNS = (
    "id, pipeline_uid, node_uid, run_id, attempt, first_attempt, state, waiting_for, task_queue, spec_digest,"
    " work_digest, work, dispatch_no, dispatches_unanswered, dispatch_due_at, claim, lease_until, last_claim,"
    " lost_leases, details, progress_stage, progress_fraction, progress_time, start_time, close_due_at, result_claim,"
    " output, failure, create_time, end_time, buys, purchase_id, reconcile_until, rate_limits, priority, queue_place,"
    " sweep_time"
)


def node_from_row(row: Row) -> Node:
    return Node(
        uid=NodeUid(row["uid"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        state=STATE_OF[row["status"]],
        execution_id=_execution_id(row["execution_id"]),
        latest_execution_id=_execution_id(row["latest_execution_id"]),
        attempts=row["attempts"],
        done_spec=row["done_spec"],
        done_own=row["done_own"],
        output=output_from_json(row["output"]),
        content_digest=row["content_digest"],
        failure=failure_from_json(row["failure"]),
        paused=row["paused"],
    )


def execution_from_row(row: Row) -> Execution:
    return Execution(
        id=ExecutionId(row["id"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        node_uid=NodeUid(row["node_uid"]),
        run_id=RunId(row["run_id"]) if row["run_id"] else None,
        attempt=row["attempt"],
        first_attempt=row["first_attempt"],
        rate_limits=row["rate_limits"],
        state=ExecutionState(row["state"]),
        waiting_for=WaitingFor(row["waiting_for"]) if row["waiting_for"] else None,
        task_queue=TaskQueue(row["task_queue"]),
        spec_digest=row["spec_digest"],
        work_digest=row["work_digest"],
        work=work_from_json(row["work"]),
        dispatch_no=row["dispatch_no"],
        dispatches_unanswered=row["dispatches_unanswered"],
        priority=row["priority"],
        queue_place=QueuePlace(row["queue_place"]),
        dispatch_due_at=row["dispatch_due_at"],
        claim=_claim(row["claim"]),
        lease_until=row["lease_until"],
        last_claim=_claim(row["last_claim"]),
        lost_leases=row["lost_leases"],
        details=row["details"],
        progress=progress_from_row(row),
        start_time=row["start_time"],
        close_due_at=row["close_due_at"],
        result_claim=_claim(row["result_claim"]),
        output=output_from_json(row["output"]),
        failure=failure_from_json(row["failure"]),
        create_time=row["create_time"],
        end_time=row["end_time"],
        buys=Buys(row["buys"]),
        purchase_id=PurchaseId(row["purchase_id"]) if row["purchase_id"] else None,
        reconcile_until=row["reconcile_until"],
        sweep_time=row["sweep_time"],
    )


def progress_from_row(row: Row) -> Progress | None:
    if row["progress_time"] is None:
        return None
    return Progress(stage=row["progress_stage"], fraction=row["progress_fraction"], reported_at=row["progress_time"])


def run_from_row(row: Row) -> Run:
    return Run(
        id=RunId(row["id"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        state=RunState(row["state"]),
        targets=tuple(NodeUid(target) for target in row["targets"]),
        force=row["force"],
        priority=row["priority"],
        trace=row["trace"],
        create_time=row["create_time"],
        end_time=row["end_time"],
    )


def run_node_from_row(row: Row) -> RunNode:
    return RunNode(
        run_id=RunId(row["run_id"]),
        node_uid=NodeUid(row["node_uid"]),
        decision=RunDecision(row["decision"]),
        reason=row["reason"],
        execution_id=_execution_id(row["execution_id"]),
        waiting_digest=row["waiting_digest"],
        reused_from=_execution_id(row["reused_from"]),
    )


def event_from_row(row: Row) -> Event:
    return Event(
        type=EventType(row["type"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        sequence=row["seq"],
        node_uid=NodeUid(row["node_uid"]) if row["node_uid"] else None,
        node_id=NodeId(row["node_id"]) if row["node_id"] else None,
        execution_id=_execution_id(row["execution_id"]),
        run_id=RunId(row["run_id"]) if row["run_id"] else None,
        attempt=row["attempt"],
        old_state=row["old_state"],
        new_state=row["new_state"],
        actor=row["actor"],
        message=row["message"],
    )


def _execution_id(value: object) -> ExecutionId | None:
    return ExecutionId(value) if value else None  # type: ignore[arg-type]  # asyncpg answers uuid.UUID


def _claim(value: object) -> Claim | None:
    return Claim(value) if value else None  # type: ignore[arg-type]  # asyncpg answers uuid.UUID
