"""Vendors and their limits, as the contract tells them."""

from datetime import datetime

from montage.v1 import node_service_pb2 as pb

from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.wire.values import timestamp


def vendor_message(limit: VendorLimit, *, now: datetime) -> pb.Vendor:
    return pb.Vendor(
        vendor=limit.vendor,
        owner=limit.credential,
        in_use=limit.in_use,
        concurrency=limit.concurrency,
        maximum=limit.maximum,
        left_alone_until=timestamp(limit.left_alone_until(now=now)),
        breaker=_breaker(limit, now=now),
    )


def _breaker(limit: VendorLimit, *, now: datetime) -> pb.BreakerState:
    if limit.open_until is None:
        return pb.BREAKER_STATE_CLOSED
    return pb.BREAKER_STATE_OPEN if now < limit.open_until else pb.BREAKER_STATE_HALF_OPEN
