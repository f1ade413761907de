"""How far work is that runs elsewhere: POST /spi/progress."""

from collections.abc import Mapping

import msgspec

from callback_gateway.providers.json_body import decode, uuid_of
from callback_gateway.providers.masking import Json, masked
from callback_gateway.report import Progress, Report

MAX_STAGE_CHARS = 64
EXAMPLES: Mapping[str, Json] = {
    "percent": {"event": "progress", "current": 30, "total": 120, "progress": 25, "message": "encoding"},
    "counted": {"event": "progress", "current": 3, "total": 12},
}


class Body(msgspec.Struct):
    """All of it optional: the capability says whose progress it is."""

    job_id: str | None = None
    """Of the execution, as `process_uuid` is."""
    node_uuid: str | None = None
    event: str | None = None
    current: float | None = None
    total: float | None = None
    progress: float | None = None
    """Per cent; goes before `current` of `total`."""
    message: str | None = None


def parse(body: bytes) -> Report:
    """Raises MalformedReport."""
    decoded = decode(body, Body)
    stage = masked(decoded.message or decoded.event or "progress")
    return Report(
        execution_id=uuid_of(decoded.job_id, field="job_id"),
        node_uid=decoded.node_uuid or None,
        executor_type=None,
        outcome=Progress(stage=stage[:MAX_STAGE_CHARS], fraction=_fraction(decoded)),
    )


def _fraction(body: Body) -> float | None:
    if body.progress is not None:
        share = body.progress / 100
    elif body.current is not None and body.total:
        share = body.current / body.total
    else:
        return None
    return min(max(share, 0.0), 1.0)
