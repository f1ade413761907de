"""Who works on an execution: taking it, keeping it, letting go of it."""

from datetime import timedelta

from pipeline_service.domain.engine.attempts import time_allowed
from pipeline_service.domain.engine.dispatching import is_held, put_sent
from pipeline_service.domain.engine.permits import take_permit, turned_away
from pipeline_service.domain.engine.polls import beat_of_poll, is_polled_by, its_own, park, start_poll
from pipeline_service.domain.engine.purchases import attach, delivered_meanwhile, keep_slot, learn, purchase_of
from pipeline_service.domain.engine.reports import Beat, Progressed, Start, StartAnswer
from pipeline_service.domain.engine.results import succeed
from pipeline_service.domain.engine.vendors import vendor_in_trouble
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Disposition, EventType, ExecutionState, QueuePlace, StartOutcome, WorkKind
from pipeline_service.domain.values import Progress


def start(ws: WorkingSet, execution: Execution, report: Start, *, rules: Rules) -> StartAnswer:
    """Decide whether a worker gets an execution.

    It does when nobody has it, when it has it already, or when the other's lease is over. A dispatch older than the
    newest is refused: its message was overtaken. Paused work is not begun; a resume dispatches it again. Nor is work
    begun that a vendor has delivered since it was queued, or that a vendor has no room for: that goes back into line.
    """
    if report.kind is not WorkKind.RUN:
        return start_poll(ws, execution, report, rules=rules)
    if execution.state not in (ExecutionState.QUEUED, ExecutionState.RUNNING):
        return StartAnswer(outcome=StartOutcome.STALE)
    if report.claim == execution.claim:
        extended = replace(execution, lease_until=ws.now + rules.lease)
        ws.put(extended)
        return its_own(ws, extended, purchase_of(ws, extended))
    if report.dispatch_no < execution.dispatch_no:
        return StartAnswer(outcome=StartOutcome.STALE)
    if execution.lease_until is not None and execution.lease_until > ws.now:
        return StartAnswer(outcome=StartOutcome.HELD, held_until=execution.lease_until)
    if is_held(ws, execution):
        return StartAnswer(outcome=StartOutcome.PAUSED)
    delivered = delivered_meanwhile(ws, execution)
    if delivered is not None:
        succeed(ws, execution, delivered.output, claim=report.claim, rules=rules, actor=report.actor)
        return StartAnswer(outcome=StartOutcome.STALE)
    if not take_permit(ws, execution):
        return StartAnswer(outcome=StartOutcome.STALE)
    claimed = _claimed(ws, execution, report, rules=rules)
    ws.record(
        EventType.EXECUTION_STARTED,
        execution.pipeline_uid,
        actor=report.actor,
        execution=claimed,
        old_state=execution.state,
        new_state=claimed.state,
    )
    bought = attach(ws, claimed, report.claim, rules=rules, actor=report.actor)
    ws.put(bought)
    return its_own(ws, bought, purchase_of(ws, bought))


def beat(ws: WorkingSet, execution: Execution, report: Beat, *, rules: Rules) -> Disposition:
    """Extend a worker's lease, or let it go when the worker parks the execution or puts it back."""
    learn(ws, execution, report.claim, report.purchase, actor=report.actor)
    if is_polled_by(ws, execution, report.claim):
        vendor_in_trouble(ws, purchase_of(ws, execution), report.vendor)
        return beat_of_poll(ws, execution, report, rules=rules)
    if not execution.state.is_active:
        return Disposition.SUPERSEDED
    if execution.claim != report.claim:
        return Disposition.LOST
    vendor_in_trouble(ws, purchase_of(ws, execution), report.vendor)
    kept = replace(
        execution,
        lease_until=ws.now + rules.lease,
        details=execution.details if report.details is None else dict(report.details),
        progress=Progress(stage=report.stage, fraction=report.fraction, reported_at=ws.now)
        if report.stage
        else execution.progress,
    )
    if report.waiting_for is not None:
        _release(ws, kept, report, EventType.EXECUTION_WAITING, state=ExecutionState.WAITING, rules=rules)
    elif report.requeue_after is not None:
        _release(ws, kept, report, EventType.EXECUTION_REQUEUED, state=ExecutionState.QUEUED, rules=rules)
    else:
        keep_slot(ws, kept)
        ws.put(kept)
    return Disposition.APPLIED


def progressed(ws: WorkingSet, execution: Execution, report: Progressed) -> Disposition:
    """Note how far work is that runs elsewhere. What an older claim set going says nothing about what runs now."""
    if not execution.state.is_active:
        return Disposition.SUPERSEDED
    if report.claim != execution.last_claim:
        return Disposition.LOST
    ws.put(replace(execution, progress=Progress(stage=report.stage, fraction=report.fraction, reported_at=ws.now)))
    ws.shown.add(execution.pipeline_uid)
    return Disposition.APPLIED


def _claimed(ws: WorkingSet, execution: Execution, report: Start, *, rules: Rules) -> Execution:
    start_time = execution.start_time or ws.now
    allowed = time_allowed(rules.catalogue[execution.work.node_type], execution.work.config)
    if rules.max_start_to_close is not None:
        allowed = min(allowed, rules.max_start_to_close)
    return replace(
        execution,
        state=ExecutionState.RUNNING,
        claim=report.claim,
        last_claim=report.claim,
        lease_until=ws.now + rules.lease,
        dispatch_due_at=None,
        dispatches_unanswered=0,
        start_time=start_time,
        close_due_at=start_time + allowed,
    )


def _release(
    ws: WorkingSet, kept: Execution, report: Beat, event: EventType, *, state: ExecutionState, rules: Rules
) -> None:
    let_go = replace(kept, state=state, claim=None, lease_until=None, waiting_for=report.waiting_for)
    released = turned_away(ws, let_go, report)
    if report.requeue_after:
        due = ws.now + report.requeue_after
        released = replace(released, queue_place=QueuePlace.BACKING_OFF, dispatch_due_at=due)
    if report.requeue_after == timedelta(0):
        put_sent(ws, released, rules=rules)
    else:
        ws.put(released)
    park(ws, released, report)
    ws.record(
        event,
        kept.pipeline_uid,
        actor=report.actor,
        execution=released,
        old_state=kept.state,
        new_state=state,
        message=report.waiting_for or "",
    )
