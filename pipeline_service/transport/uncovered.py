"""Reports without a capability, from callers of the first generation. Only where the operator believes its network."""

import re
from datetime import UTC, datetime
from uuid import UUID

from montage.v1 import callback_service_pb2 as pb

from pipeline_service.capabilities import COMPLETE, Capability
from pipeline_service.commands.places import Places
from pipeline_service.domain.ids import NO_CLAIM, Claim, ExecutionId
from pipeline_service.domain.keys import execution_prefix
from pipeline_service.wire.values import Incomplete

_CLAIM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/")


class Uncovered:
    """Takes the ids of a report for what a capability would say. They must all be there, and belong together."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def capability(self, request: pb.ReportExternalRequest) -> Capability:
        """What the report may do, if its ids are believed. Raises Incomplete, NotFound, Unavailable.

        The claim is the one in whose folder the result lies. A failure knows none: it counts for the newest claim.
        """
        for field in ("execution_id", "node_uid", "executor_type"):
            if not getattr(request, field):
                raise Incomplete(field, "expected one, because the report has no capability")
        place = await self._places.locate(ExecutionId(UUID(request.execution_id)))
        prefix = execution_prefix(place.pipeline_uid, place.node_uid, place.execution_id)
        found = _CLAIM.match(request.output.s3_key.removeprefix(prefix))
        return Capability(
            execution=place.execution_id,
            claim=Claim(UUID(found[0].rstrip("/"))) if found else NO_CLAIM,
            node_uid=place.node_uid,
            executor_type=request.executor_type,
            audience=COMPLETE,
            key_prefix=prefix,
            expires_at=datetime.max.replace(tzinfo=UTC),
        )
