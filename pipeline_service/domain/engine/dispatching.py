"""When work is handed out: now, again, or not before a hold is over."""

from datetime import timedelta

from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import ExecutionState, RunDecision, RunState

REDISPATCH_FIRST = timedelta(seconds=5)
REDISPATCH_MAX = timedelta(minutes=5)
SCHEDULE_TO_CLOSE = timedelta(hours=4)
"""How long work may wait for a first worker; from then on its node type's start-to-close counts."""


def is_held(ws: WorkingSet, execution: Execution) -> bool:
    """Whether an active execution may not be handed out: its pipeline, its node, or every run that wants it is paused.

    Work that no run wants any more is held by no run.
    """
    if execution.pipeline_uid in ws.paused or ws.nodes[execution.node_uid].paused:
        return True
    asked = ws.runs.get(execution.run_id) if execution.run_id else None
    if asked is not None and asked.state is RunState.ACTIVE:
        return False
    wanting = {ws.runs[row.run_id].state for row in ws.rows_for(execution) if row.decision is RunDecision.ACTIVE}
    return RunState.PAUSED in wanting and RunState.ACTIVE not in wanting


def put_sent(ws: WorkingSet, execution: Execution) -> Execution:
    """Put a queued execution with its work on the way (again); a held one is looked at later instead.

    A resume does not wait for that look.
    """
    if is_held(ws, execution):
        unanswered = max(execution.dispatches_unanswered, 1)
        sent = replace(execution, dispatch_due_at=ws.now + REDISPATCH_MAX, dispatches_unanswered=unanswered)
    else:
        sent = _next_dispatch(ws, execution)
        ws.dispatch(sent)
    ws.put(sent)
    return sent


def release(ws: WorkingSet, execution: Execution) -> None:
    """Hand out what a hold kept back, now that it may be over. A back-off that has not passed yet goes on.

    The clock of work that nobody has begun starts anew: it stood still during the hold.
    """
    if execution.state is not ExecutionState.QUEUED or is_held(ws, execution):
        return
    if execution.start_time is None:
        execution = replace(execution, close_due_at=ws.now + SCHEDULE_TO_CLOSE)
        ws.put(execution)
    if execution.dispatches_unanswered:
        put_sent(ws, replace(execution, dispatches_unanswered=0))


def _next_dispatch(ws: WorkingSet, execution: Execution) -> Execution:
    """The next publish is twice as far away as the last one was."""
    distance = min(REDISPATCH_FIRST * 2**execution.dispatches_unanswered, REDISPATCH_MAX)
    return replace(
        execution,
        dispatch_no=execution.dispatch_no + 1,
        dispatches_unanswered=execution.dispatches_unanswered + 1,
        dispatch_due_at=ws.now + distance,
    )
