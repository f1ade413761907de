"""A vendor says by itself that there are news: it is asked now. What it says besides is not believed."""

from pipeline_service.domain.engine.purchases import purchase_of
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Disposition, PurchaseState


def job_signalled(ws: WorkingSet, execution: Execution) -> Disposition:
    """Bring the next question forward, or note that the one under way is not the last. A repeat is a DUPLICATE."""
    purchase = purchase_of(ws, execution)
    if purchase is None or purchase.state is not PurchaseState.SUBMITTED:
        return Disposition.SUPERSEDED
    told = replace(purchase, signalled_at=ws.now)
    is_held = purchase.lease_until is not None and purchase.lease_until > ws.now
    if is_held or purchase.next_poll_at is None:
        # Whoever has it may have asked before there were news.
        if purchase.has_news:
            return Disposition.DUPLICATE
        ws.put(told)
        return Disposition.APPLIED
    at = told.ask_at(purchase.next_poll_at, now=ws.now)
    if at >= purchase.next_poll_at:
        return Disposition.DUPLICATE
    ws.put(replace(told, next_poll_at=at))
    return Disposition.APPLIED
