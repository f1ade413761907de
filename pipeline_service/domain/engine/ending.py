"""Ends work that a user does not want any more. What is done stays done, what another run wants goes on."""

from pipeline_service.domain.engine.purchases import call_off
from pipeline_service.domain.engine.scheduling import advance, cancel, skip_descendants
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.model import Execution, Run
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import EventType, RunDecision, RunState


def end_run(ws: WorkingSet, run: Run, *, reason: str, actor: str) -> None:
    """End an open run: it leaves out all that it still expected. Its executions are the caller's to end."""
    for row in ws.rows_of(run):
        if row.decision.is_open:
            ws.put(replace(row, decision=RunDecision.SKIPPED, reason=reason))
    ws.put(replace(run, state=RunState.CANCELLED, end_time=ws.now))
    ws.record(
        EventType.RUN_CANCELLED,
        run.pipeline_uid,
        actor=actor,
        run_id=run.id,
        old_state=run.state,
        new_state=RunState.CANCELLED,
        message=reason,
    )


def cancel_run(ws: WorkingSet, run: Run, *, actor: str) -> None:
    """End an open run, and those of its executions that no other run wants."""
    rows = [row for row in ws.rows_of(run) if row.decision is RunDecision.ACTIVE]
    serving = [ws.executions[row.execution_id] for row in rows if row.execution_id is not None]
    end_run(ws, run, reason="the run was cancelled", actor=actor)
    for execution in serving:
        if not any(other.decision is RunDecision.ACTIVE for other in ws.rows_for(execution)):
            _cancel_and_call_off(ws, execution, reason="its run was cancelled", actor=actor)


def cancel_node(ws: WorkingSet, execution: Execution, *, rules: Rules, actor: str) -> None:
    """End a node's active execution. The runs that wanted it leave out what needs it and go on with the rest."""
    _cancel_and_call_off(ws, execution, reason="the node was cancelled", actor=actor)
    for row in ws.rows_for(execution):
        if row.decision is RunDecision.ACTIVE:
            ws.put(replace(row, decision=RunDecision.SKIPPED, reason="the node was cancelled"))
    reason = f"input '{execution.work.node_id}' was cancelled"
    skip_descendants(ws, execution.node_uid, execution.pipeline_uid, reason=reason)
    advance(ws, execution.pipeline_uid, rules=rules, actor=actor)


def cancel_pipeline(ws: WorkingSet, pipeline_uid: PipelineUid, *, actor: str) -> None:
    """End every run and every execution of a pipeline."""
    for run in ws.runs_of(pipeline_uid):
        if run.state.is_open:
            end_run(ws, run, reason="the pipeline was cancelled", actor=actor)
    for node in list(ws.nodes.values()):
        if node.pipeline_uid == pipeline_uid and node.execution_id is not None:
            _cancel_and_call_off(ws, ws.executions[node.execution_id], reason="the pipeline was cancelled", actor=actor)


def _cancel_and_call_off(ws: WorkingSet, execution: Execution, *, reason: str, actor: str) -> None:
    """As a user's wish: what was bought for it is called off, where nobody else wants it."""
    cancel(ws, execution, reason=reason, actor=actor)
    call_off(ws, execution)
