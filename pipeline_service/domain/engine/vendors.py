"""What the reports of workers tell of the vendor itself, to whom pays with the same key.

A vendor without a limit is not followed.
"""

from pipeline_service.domain.engine.reports import VendorReport
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import Alarm, VendorTrouble
from pipeline_service.domain.values import Failure
from pipeline_service.domain.vendor_limit import SHARED, VendorLimit


def vendor_took_it(ws: WorkingSet, purchase: Purchase) -> None:
    """It accepted a submission."""
    if (limit := _limit(ws, purchase)) is not None:
        ws.put(limit.accepted())


def vendor_in_trouble(ws: WorkingSet, purchase: Purchase | None, report: VendorReport | None) -> None:
    """It did not accept one, or keeps one waiting."""
    limit = _limit(ws, purchase)
    if limit is None or report is None:
        return
    match report.trouble:
        case VendorTrouble.RATE_LIMITED:
            ws.put(limit.pushed_back(report.retry_after, now=ws.now))
        case VendorTrouble.UNAVAILABLE:
            known = limit.unanswered(now=ws.now)
            if limit.open_until is None and known.open_until is not None:
                ws.alarms.append(Alarm.VENDOR_SILENT)
            ws.put(known)


def vendor_failed(ws: WorkingSet, purchase: Purchase | None, failure: Failure) -> None:
    """Work failed; some classes of failure tell of the vendor."""
    if failure.error_type in set(VendorTrouble):
        vendor_in_trouble(ws, purchase, VendorReport(trouble=VendorTrouble(failure.error_type)))


def _limit(ws: WorkingSet, purchase: Purchase | None) -> VendorLimit | None:
    return None if purchase is None else ws.limits.get((purchase.vendor, purchase.credential or SHARED))
