"""What happens because nothing happened. A timer that is late or repeats finds another due time and changes nothing."""

from datetime import datetime, timedelta

from pipeline_service.domain.engine.attempts import has_attempt_left, policy_of
from pipeline_service.domain.engine.dispatching import SCHEDULE_TO_CLOSE, is_held, put_sent
from pipeline_service.domain.engine.purchases import POLL_FIRST, purchase_of
from pipeline_service.domain.engine.reports import CloseDue, DispatchDue, LeaseOver, Wake
from pipeline_service.domain.engine.results import give_up
from pipeline_service.domain.engine.scheduling import advance
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Alarm, Disposition, EventType, ExecutionState
from pipeline_service.domain.values import Failure

ACTOR = "timer"
MAX_LOST_LEASES = 3
"""A worker that dies this often over one execution is taken to die of it."""
SCHEDULE_TO_START = timedelta(minutes=5)
"""Work that waits longer for its first worker is worth an alarm; it goes on waiting."""
LAST_LOOK = POLL_FIRST * 4
"""How long an execution past its deadline stays active while its vendor is asked."""


def dispatch_due(ws: WorkingSet, execution: Execution, report: DispatchDue, *, rules: Rules) -> Disposition:
    """Publish the execution's work (again), unless it is held or its task queue is full."""
    if execution.state is not ExecutionState.QUEUED or execution.dispatch_due_at != report.due:
        return Disposition.SUPERSEDED
    sent = put_sent(ws, execution, rules=rules)
    if sent.dispatch_no > max(execution.dispatch_no, 1) and _waits_for_a_worker(sent, now=ws.now):
        ws.alarms.append(Alarm.UNCLAIMED)
    return Disposition.APPLIED


def lease_over(ws: WorkingSet, execution: Execution, report: LeaseOver, *, rules: Rules) -> Disposition:
    """Put an execution whose worker went silent back into its queue, to go on from its details."""
    lease_until = execution.lease_until
    if execution.state is not ExecutionState.RUNNING or lease_until != report.due or lease_until > ws.now:
        return Disposition.SUPERSEDED
    lost = replace(execution, lost_leases=execution.lost_leases + 1)
    if lost.lost_leases >= MAX_LOST_LEASES:
        failure = Failure(error_type="internal", message=f"its worker went silent {lost.lost_leases} times")
        _quarantine_if_last(ws, lost, failure, rules=rules)
        give_up(ws, lost, failure, state=ExecutionState.FAILED, rules=rules, actor=ACTOR)
        return Disposition.APPLIED
    queued = put_sent(ws, replace(lost, state=ExecutionState.QUEUED, claim=None, lease_until=None), rules=rules)
    ws.record(
        EventType.EXECUTION_REQUEUED,
        execution.pipeline_uid,
        actor=ACTOR,
        execution=queued,
        old_state=execution.state,
        new_state=queued.state,
        message="its worker went silent",
    )
    return Disposition.APPLIED


def close_due(ws: WorkingSet, execution: Execution, report: CloseDue, *, rules: Rules) -> Disposition:
    """Declare an execution dead; its result was looked for before the report was made."""
    close_due_at = execution.close_due_at
    if not execution.state.is_active or close_due_at != report.due or close_due_at > ws.now:
        return Disposition.SUPERSEDED
    if execution.start_time is None and (execution.is_in_line or is_held(ws, execution)):
        # A hold and a full task queue stop the clock of what nobody has begun; work that was begun keeps its deadline.
        ws.put(replace(execution, close_due_at=ws.now + SCHEDULE_TO_CLOSE))
        return Disposition.APPLIED
    purchase = purchase_of(ws, execution)
    if purchase is not None and purchase.state.is_open and execution.reconcile_until is None:
        # The vendor is asked once more before an execution that it may have done is declared dead.
        until = ws.now + LAST_LOOK
        ws.put(replace(execution, reconcile_until=until, close_due_at=until))
        if purchase.claim is None:
            ws.put(replace(purchase, next_poll_at=ws.now))
        return Disposition.APPLIED
    if execution.claim is not None:
        ws.interrupt(execution)
    failure = Failure(error_type="timeout", message="it did not end in the time that its node type allows")
    give_up(ws, execution, failure, state=ExecutionState.TIMED_OUT, rules=rules, actor=ACTOR)
    return Disposition.APPLIED


def wake(ws: WorkingSet, report: Wake, *, rules: Rules) -> Disposition:
    """Go on with a pipeline: take over what others made meanwhile, or do what nobody does any more."""
    if report.pipeline_uid not in ws.structures:
        return Disposition.SUPERSEDED
    advance(ws, report.pipeline_uid, rules=rules, actor=ACTOR)
    return Disposition.APPLIED


def _waits_for_a_worker(execution: Execution, *, now: datetime) -> bool:
    """For too long, since it was queued, or since a hold or its time in line was over: then its clock began anew."""
    if execution.start_time is not None or execution.close_due_at is None:
        return False
    return now - (execution.close_due_at - SCHEDULE_TO_CLOSE) > SCHEDULE_TO_START


def _quarantine_if_last(ws: WorkingSet, execution: Execution, failure: Failure, *, rules: Rules) -> None:
    """Say so when work that takes its workers down is not handed out any more."""
    if has_attempt_left(execution, failure, policy_of(ws.spec(ws.nodes[execution.node_uid]), rules.catalogue)):
        return
    ws.alarms.append(Alarm.QUARANTINED)
    ws.record(
        EventType.EXECUTION_QUARANTINED,
        execution.pipeline_uid,
        actor=ACTOR,
        execution=execution,
        old_state=execution.state,
        new_state=execution.state,
        message=f"its worker went silent {execution.lost_leases} times, and no attempt is left",
    )
