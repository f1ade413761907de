"""Asking a vendor about what was bought: due, claimed, answered. A poll holds the purchase, never the execution."""

from datetime import timedelta

from pipeline_service.domain.engine.purchases import POLL_FIRST, purchase_of
from pipeline_service.domain.engine.reports import Beat, PollDue, Start, StartAnswer
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import (
    Disposition,
    ExecutionState,
    PurchaseState,
    StartOutcome,
    WaitingFor,
    WorkKind,
)
from pipeline_service.domain.values import Progress

_REDISPATCH_FIRST = timedelta(seconds=5)
_REDISPATCH_MAX = timedelta(minutes=5)


def is_polled_by(ws: WorkingSet, execution: Execution, claim: Claim) -> bool:
    """Whether a claim is that of the worker which asks the vendor."""
    purchase = purchase_of(ws, execution)
    return purchase is not None and purchase.claim == claim and purchase.lease_until is not None


def poll_due(ws: WorkingSet, execution: Execution, report: PollDue) -> Disposition:
    """Send a worker to the vendor. It is sent again, ever later, until one says that it took the poll."""
    purchase = purchase_of(ws, execution)
    if purchase is None or not _wants_poll(purchase, execution) or purchase.next_poll_at != report.due:
        return Disposition.SUPERSEDED
    distance = min(_REDISPATCH_FIRST * 2**purchase.polls_unanswered, _REDISPATCH_MAX)
    due = replace(
        purchase,
        poll_no=purchase.poll_no + 1,
        polls_unanswered=min(purchase.polls_unanswered + 1, 16),
        next_poll_at=ws.now + distance,
        asked_at=ws.now,
    )
    ws.put(due)
    ws.dispatch(execution, kind=_kind(purchase, report), poll_no=due.poll_no)
    return Disposition.APPLIED


def start_poll(ws: WorkingSet, execution: Execution, report: Start, *, rules: Rules) -> StartAnswer:
    """Decide whether a worker may ask the vendor."""
    purchase = purchase_of(ws, execution)
    if purchase is None or not _wants_poll(purchase, execution):
        return StartAnswer(outcome=StartOutcome.STALE)
    is_mine = purchase.claim == report.claim
    if not is_mine and report.dispatch_no < purchase.poll_no:
        return StartAnswer(outcome=StartOutcome.STALE)
    if not is_mine and purchase.lease_until is not None and purchase.lease_until > ws.now:
        return StartAnswer(outcome=StartOutcome.HELD, held_until=purchase.lease_until)
    until = ws.now + rules.lease
    # A worker that goes silent is followed by another one when its lease is over.
    claimed = replace(
        purchase.counted(until),
        claim=report.claim,
        lease_until=until,
        next_poll_at=until,
        polls_unanswered=0,
        asked_at=ws.now,
    )
    ws.put(claimed)
    return its_own(ws, execution, claimed)


def its_own(ws: WorkingSet, execution: Execution, purchase: Purchase | None) -> StartAnswer:
    """What a worker is answered that has claimed the execution, or the question about its purchase."""
    return StartAnswer(
        outcome=StartOutcome.CLAIMED,
        execution=execution,
        pipeline_id=ws.structures[execution.pipeline_uid].pipeline_id,
        purchase=purchase,
    )


def beat_of_poll(ws: WorkingSet, execution: Execution, report: Beat, *, rules: Rules) -> Disposition:
    """Keep the poll's lease, or let go of the purchase until it is asked about again."""
    purchase = purchase_of(ws, execution)
    if purchase is None:
        return Disposition.SUPERSEDED
    if report.waiting_for is None and report.requeue_after is None:
        until = ws.now + rules.lease
        ws.put(replace(purchase.counted(until), lease_until=until, next_poll_at=until))
    else:
        # Where only a person can find out, nobody else is asked again.
        planned = purchase.ask_at(ws.now + _next_poll_after(report), now=ws.now)
        due = None if report.waiting_for is WaitingFor.HUMAN else planned
        ws.put(replace(purchase.counted(planned), claim=None, lease_until=None, next_poll_at=due))
    if report.stage and execution.state.is_active:
        progress = Progress(stage=report.stage, fraction=report.fraction, reported_at=ws.now)
        ws.put(replace(execution, progress=progress))
    return Disposition.APPLIED


def park(ws: WorkingSet, execution: Execution, report: Beat) -> None:
    """The worker that ran the execution lets go of it: from now on the vendor is asked."""
    purchase = purchase_of(ws, execution)
    if purchase is not None and purchase.state is PurchaseState.SUBMITTED:
        due = purchase.ask_at(ws.now + _next_poll_after(report), now=ws.now)
        ws.put(replace(purchase.counted(due), claim=None, lease_until=None, next_poll_at=due))


def _kind(purchase: Purchase, report: PollDue) -> WorkKind:
    if purchase.state is not PurchaseState.SUBMITTED:
        return WorkKind.RECONCILE
    # A worker that knows no such work drops it: every other one is a plain question.
    calls_off = purchase.called_off and not report.is_wanted and purchase.polls_unanswered % 2 == 0
    return WorkKind.CANCEL if calls_off else WorkKind.POLL


def _wants_poll(purchase: Purchase, execution: Execution) -> bool:
    """Not while a worker runs the execution: that one knows best. Nor when another execution has taken it over."""
    is_mine = purchase.execution_id == execution.id
    return is_mine and purchase.state.is_open and execution.state is not ExecutionState.RUNNING


def _next_poll_after(report: Beat) -> timedelta:
    if report.purchase is not None and report.purchase.next_poll_after is not None:
        return report.purchase.next_poll_after
    return report.requeue_after or POLL_FIRST
