"""Who may submit to a vendor: the permit is taken with the claim; the purchase holds it to the vendor's last word."""

from collections.abc import Iterable
from datetime import timedelta

from pipeline_service.domain.engine.dispatching import LINE_LOOK, SCHEDULE_TO_CLOSE
from pipeline_service.domain.engine.purchases import credential_of, holds_slot, open_purchase, purchase_of
from pipeline_service.domain.engine.reports import Beat
from pipeline_service.domain.engine.working_set import LimitKey, WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Buys, ExecutionState, PurchaseState, QueuePlace, VendorTrouble
from pipeline_service.domain.vendor_limit import SHARED

LOOK_AGAIN = timedelta(seconds=15)
"""How soon a submission that is to be repeated is looked at again: a probe may end the vendor's rest any time."""

TURNED_AWAY_AT_MOST = timedelta(days=1)
"""How long after it was queued a vendor's refusals for the rate still stop an execution's clock."""


def take_permit(ws: WorkingSet, execution: Execution) -> bool:
    """Count queued work in, or put it where it waits: its vendor has enough to do, or is left alone.

    Free work, vendors without a limit, and questions about what a vendor has already need none.
    """
    if execution.buys is Buys.NOTHING or execution.state is not ExecutionState.QUEUED:
        return True
    limit = ws.limits.get((execution.work.provider, credential_of(ws, execution)))
    if limit is None:
        return True
    purchase = open_purchase(ws, execution)
    if purchase is not None and purchase.state is PurchaseState.SUBMITTED:
        return True
    counts_already = holds_slot(ws, execution)
    closed_until = limit.left_alone_until(now=ws.now)
    if closed_until is None and (counts_already or limit.room(now=ws.now)):
        ws.put(limit.taken(now=ws.now, counts_already=counts_already))
        return True
    place, due = QueuePlace.IN_LINE, ws.now + LINE_LOOK
    if counts_already and closed_until is not None:
        # It needs no room: in line it would wait for its own.
        place, due = QueuePlace.BACKING_OFF, min(closed_until, ws.now + LOOK_AGAIN)
    elif limit.credential != ws.credential_at_vendor(execution):
        # Its owner has changed keys since: the line that it would stand in is not that of the key that it needs.
        place, due = QueuePlace.BACKING_OFF, ws.now + LOOK_AGAIN
    ws.put(replace(execution, queue_place=place, dispatch_due_at=due, dispatches_unanswered=0))
    return False


def limits_asked(ws: WorkingSet, bought: Iterable[Execution]) -> set[LimitKey]:
    """The limits that reports about executions may count in, or tell something of: of a key that is held or needed."""
    return {
        (one.work.provider, credential)
        for one in bought
        for credential in (credential_of(ws, one), _paid_with(purchase_of(ws, one)))
        if credential is not None
    }


def turned_away(ws: WorkingSet, execution: Execution, report: Beat) -> Execution:
    """Work that a vendor took nothing of, and wants later, was not begun: else its deadline would use attempts up."""
    purchase = purchase_of(ws, execution)
    if report.vendor is None or report.vendor.trouble is not VendorTrouble.RATE_LIMITED or report.requeue_after is None:
        return execution
    if purchase is None or purchase.state.is_open or ws.now - execution.create_time > TURNED_AWAY_AT_MOST:
        return execution
    return replace(execution, start_time=None, close_due_at=ws.now + report.requeue_after + SCHEDULE_TO_CLOSE)


def _paid_with(purchase: Purchase | None) -> str | None:
    return None if purchase is None else purchase.credential or SHARED
