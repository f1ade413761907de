"""When work is handed out: now, again, when there is room, or not before a hold is over."""

from datetime import timedelta

from pipeline_service.domain.engine.purchases import holds_slot
from pipeline_service.domain.engine.reports import RoomFound
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Disposition, ExecutionState, QueuePlace, RunDecision, RunState

REDISPATCH_FIRST = timedelta(seconds=5)
REDISPATCH_MAX = timedelta(minutes=5)
LINE_LOOK = timedelta(hours=1)
"""Who stands in line is found there; the row's own due time is a backstop."""
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


def put_sent(ws: WorkingSet, execution: Execution, *, rules: Rules) -> Execution:
    """Put a queued execution with its work on the way (again).

    A held one is looked at later instead, and a resume does not wait for that look. Where the task queue is full it
    stands in line; who has a place there already keeps it, and so does who has a vendor's slot.
    """
    if is_held(ws, execution):
        put = replace(execution, queue_place=QueuePlace.HELD, dispatch_due_at=ws.now + REDISPATCH_MAX)
    elif _has_place(ws, execution) or holds_slot(ws, execution) or _has_room(ws, execution, rules=rules):
        put = _next_dispatch(ws, execution)
        ws.dispatch(put)
    else:
        put = replace(execution, queue_place=QueuePlace.IN_LINE, dispatch_due_at=ws.now + LINE_LOOK)
    ws.put(put)
    return put


def room_found(ws: WorkingSet, execution: Execution, report: RoomFound) -> Disposition:
    """Hand out work that stood in line; whoever reports this has chosen it, and counted the room."""
    if not execution.is_in_line or execution.dispatch_due_at != report.due:
        return Disposition.SUPERSEDED
    if is_held(ws, execution):
        ws.put(replace(execution, queue_place=QueuePlace.HELD, dispatch_due_at=ws.now + REDISPATCH_MAX))
        return Disposition.APPLIED
    sent = _next_dispatch(ws, _with_a_new_clock(ws, execution))
    ws.dispatch(sent)
    ws.put(sent)
    return Disposition.APPLIED


def release(ws: WorkingSet, execution: Execution, *, rules: Rules) -> None:
    """Hand out what a hold kept back, now that it may be over. A back-off that has not passed yet goes on.

    The clock of work that nobody has begun starts anew: it stood still during the hold.
    """
    if execution.state is not ExecutionState.QUEUED or is_held(ws, execution):
        return
    execution = _with_a_new_clock(ws, execution)
    ws.put(execution)
    if execution.queue_place in (QueuePlace.HELD, QueuePlace.OUT):
        put_sent(ws, replace(execution, dispatches_unanswered=0), rules=rules)


def _has_place(ws: WorkingSet, execution: Execution) -> bool:
    before = ws.executions.get(execution.id)
    return before is not None and before.takes_place


def _has_room(ws: WorkingSet, execution: Execution, *, rules: Rules) -> bool:
    """A place that this transaction gives away is not its own to take where others stand in line."""
    queue, owner = execution.task_queue, ws.owners[execution.pipeline_uid]
    room = rules.room(queue, owner)
    return room > 0 and room > ws.places_taken[queue, owner]


def _with_a_new_clock(ws: WorkingSet, execution: Execution) -> Execution:
    """Nobody could take it until now: work that nobody has begun may wait for a worker as long as any."""
    if execution.start_time is not None:
        return execution
    return replace(execution, close_due_at=ws.now + SCHEDULE_TO_CLOSE)


def _next_dispatch(ws: WorkingSet, execution: Execution) -> Execution:
    """The next publish is twice as far away as the last one was."""
    distance = min(REDISPATCH_FIRST * 2**execution.dispatches_unanswered, REDISPATCH_MAX)
    return replace(
        execution,
        queue_place=QueuePlace.OUT,
        dispatch_no=execution.dispatch_no + 1,
        dispatches_unanswered=execution.dispatches_unanswered + 1,
        dispatch_due_at=ws.now + distance,
    )
