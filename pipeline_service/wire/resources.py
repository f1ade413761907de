"""What is read, as the contract shows it."""

from typing import TypeVar

from montage.v1 import resources_pb2, work_pb2

from pipeline_service.commands.etags import node_etag
from pipeline_service.commands.views import EventView, ExecutionView, NodeView, PipelineView, RunView
from pipeline_service.domain.ids import PipelineId
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import NodeState
from pipeline_service.wire.names import execution_name, node_name, pipeline_name, run_name
from pipeline_service.wire.retries import retry_message
from pipeline_service.wire.values import (
    asset_message,
    failure_message,
    output_message,
    progress_message,
    struct,
    timestamp,
)

Made = TypeVar("Made", resources_pb2.Pipeline, resources_pb2.Node)


def pipeline_message(view: PipelineView) -> resources_pb2.Pipeline:
    return resources_pb2.Pipeline(
        name=pipeline_name(view.id),
        uid=str(view.uid),
        title=view.title,
        version=view.version,
        labels=view.labels,
        create_time=timestamp(view.create_time),
        update_time=timestamp(view.update_time),
        structure_version=view.structure_version,
        last_sequence=view.last_sequence,
        node_count=sum(view.counts.values()),
        etag=view.etag,
        node_state_counts=[
            resources_pb2.NodeStateCount(state=_node_state(state), count=view.counts[state])
            for state in NodeState
            if view.counts.get(state)
        ],
        paused=view.is_paused,
    )


def node_message(view: NodeView, pipeline: PipelineId) -> resources_pb2.Node:
    spec, node = view.spec, view.node
    latest = node.latest_execution_id
    return resources_pb2.Node(
        name=node_name(pipeline, spec.id),
        uid=str(spec.uid),
        type=spec.type,
        title=spec.title,
        labels=spec.labels,
        retry=retry_message(spec.retry),
        inputs=[
            resources_pb2.NodeInput(slot=slot, nodes=[node_name(pipeline, source) for source in sources])
            for slot, sources in view.inputs.items()
        ],
        config=struct(spec.config),
        asset=asset_message(spec.asset),
        state=_node_state(node.state),
        execution=execution_name(pipeline, spec.id, latest) if latest else "",
        output=output_message(node.output if node.state is NodeState.COMPLETED else None),
        last_output=output_message(node.output),
        failure=failure_message(node.failure),
        is_current=view.is_current,
        freshness=f"FRESHNESS_{view.freshness}",
        freshness_reasons=view.freshness_reasons,
        progress=progress_message(view.progress),
        create_time=timestamp(view.create_time),
        update_time=timestamp(view.update_time),
        is_valid=not spec.problems,
        problems=[resources_pb2.NodeProblem(field=one.field, description=one.description) for one in spec.problems],
        etag=node_etag(spec),
        paused=node.paused,
    )


def unmade(message: Made, *, is_named: bool) -> Made:
    """What would be made: without what only its making gives it, and without a name unless one was asked for."""
    for field in ("uid", "etag", "create_time", "update_time", *(() if is_named else ("name",))):
        message.ClearField(field)
    return message


def execution_message(view: ExecutionView, pipeline: PipelineId) -> resources_pb2.Execution:
    execution = view.execution
    waiting = f"WAITING_FOR_{execution.waiting_for}" if execution.waiting_for else "WAITING_FOR_UNSPECIFIED"
    return resources_pb2.Execution(
        name=execution_name(pipeline, view.node_id, execution.id),
        uid=str(execution.id),
        state=f"EXECUTION_STATE_{execution.state}",
        waiting_for=waiting,
        attempt=execution.attempt,
        dispatch_no=execution.dispatch_no,
        task_queue=execution.task_queue,
        provider=execution.work.provider,
        run=run_name(pipeline, execution.run_id) if execution.run_id else "",
        create_time=timestamp(execution.create_time),
        start_time=timestamp(execution.start_time),
        end_time=timestamp(execution.end_time),
        output=output_message(execution.output),
        failure=failure_message(execution.failure),
        progress=progress_message(execution.progress),
        vendor_job_id=view.job_id,
        cost_micros=view.cost_micros,
        work_digest=execution.work_digest,
    )


def run_message(view: RunView, pipeline: PipelineId) -> resources_pb2.Run:
    return resources_pb2.Run(
        name=run_name(pipeline, view.run.id),
        uid=str(view.run.id),
        state=f"RUN_STATE_{view.run.state}",
        targets=[node_name(pipeline, target) for target in view.target_ids],
        nodes=[
            resources_pb2.RunNode(
                node=node_name(pipeline, row.node_id),
                decision=f"RUN_DECISION_{row.decision}",
                reason=row.reason,
                execution=execution_name(pipeline, row.node_id, row.execution_id) if row.execution_id else "",
                reused_from=row.reused_from,
            )
            for row in view.nodes
        ],
        create_time=timestamp(view.run.create_time),
        end_time=timestamp(view.run.end_time),
        priority=view.run.priority,
        force=view.run.force,
    )


def preview_message(view: RunView, pipeline: PipelineId) -> resources_pb2.Run:
    """A run that was not made: without a name, and without the executions that it would have."""
    message = run_message(view, pipeline)
    message.ClearField("name")
    message.ClearField("uid")
    for row in message.nodes:
        row.ClearField("execution")
    return message


def event_message(view: EventView, pipeline: PipelineId) -> resources_pb2.Event:
    event = view.event
    node = event.node_id
    return resources_pb2.Event(
        sequence=event.sequence,
        create_time=timestamp(view.create_time),
        type=f"EVENT_TYPE_{event.type}",
        node=node_name(pipeline, node) if node else "",
        execution=execution_name(pipeline, node, event.execution_id) if node and event.execution_id else "",
        run=run_name(pipeline, event.run_id) if event.run_id else "",
        attempt=event.attempt,
        old_state=event.old_state,
        new_state=event.new_state,
        actor=event.actor,
        message=event.message,
    )


def task_message(execution: Execution, pipeline: PipelineId, *, purchase: Purchase | None = None) -> work_pb2.Task:
    """The work of an execution and what is bought for it, for the worker that claimed it."""
    work = execution.work
    message = work_pb2.Task(
        execution=execution_name(pipeline, work.node_id, execution.id),
        node=node_name(pipeline, work.node_id),
        pipeline_uid=str(execution.pipeline_uid),
        node_uid=str(execution.node_uid),
        node_type=work.node_type,
        provider=work.provider,
        title=work.title,
        config=struct(work.config),
        inputs=[
            work_pb2.TaskInput(
                slot=one.slot,
                position=one.position,
                node=node_name(pipeline, one.node_id),
                output=output_message(one.output),
            )
            for one in work.inputs
        ],
        asset=asset_message(work.asset),
        attempt=execution.attempt,
        deadline=timestamp(execution.close_due_at),
        details=dict(execution.details),
    )
    if execution.start_time and execution.close_due_at:
        message.start_to_close.FromTimedelta(execution.close_due_at - execution.start_time)
    if purchase is not None:
        message.purchase.CopyFrom(
            work_pb2.TaskPurchase(
                submit_key=purchase.submit_key,
                state=f"PURCHASE_STATE_{purchase.state}",
                job_id=purchase.job_id,
                possibly_submitted=purchase.possibly_submitted,
                possible_submissions=purchase.possible_submissions,
                intend_time=timestamp(purchase.intend_time),
            )
        )
    return message


def _node_state(state: NodeState) -> str:
    return f"NODE_STATE_{state}"
