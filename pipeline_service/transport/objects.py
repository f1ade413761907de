"""ObjectService, for operators."""

from typing import cast
from uuid import UUID

from montage.v1 import object_service_pb2 as pb
from montage.v1 import object_service_pb2_grpc

from pipeline_service.commands.collecting import (
    DEFAULT_GRACE,
    Collector,
    Missing,
    Orphan,
    Reference,
    ReferencePlace,
    SweepQuery,
)
from pipeline_service.domain.ids import Owner
from pipeline_service.domain.lists import Kind
from pipeline_service.transport.owners import actor
from pipeline_service.transport.paging import Walk
from pipeline_service.wire.values import timestamp
from servicekit.grpc_handlers import Context

_BY_KEY = (Kind.TEXT,)
_BY_REFERENCE = (Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.UUID)


class ObjectServicer(object_service_pb2_grpc.ObjectServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def SweepObjects(self, request: pb.SweepObjectsRequest, context: Context) -> pb.SweepObjectsResponse:
        walk = Walk(request, _BY_KEY)
        query = SweepQuery(
            owner=Owner(request.owner) if request.owner else None,
            grace=request.grace.ToTimedelta() if request.HasField("grace") else DEFAULT_GRACE,
            remove=request.remove,
            actor=actor(context),
        )
        after = cast("str", walk.after[0]) if walk.after else ""
        found = await self._collector.sweep(query, after=after, limit=walk.limit)
        return pb.SweepObjectsResponse(
            orphans=[_orphan(one, removed=query.remove) for one in found.orphans],
            looked_at=found.looked_at,
            foreign=found.foreign,
            next_page_token=walk.token((found.last_key,) if found.last_key else None),
        )

    async def ListMissingObjects(
        self, request: pb.ListMissingObjectsRequest, context: Context
    ) -> pb.ListMissingObjectsResponse:
        walk = Walk(request, _BY_REFERENCE)
        missing, references = await self._collector.missing(
            _place(walk), owner=Owner(request.owner) if request.owner else None, limit=walk.limit, actor=actor(context)
        )
        return pb.ListMissingObjectsResponse(
            missing=map(_missing, missing),
            looked_at=len(references),
            next_page_token=walk.token(_cursor(references[-1]) if len(references) == walk.limit else None),
        )


def _place(walk: Walk) -> ReferencePlace:
    if walk.after is None:
        return ReferencePlace()
    owner, work_digest, key, node_uid = cast("tuple[str, str, str, UUID]", walk.after)
    return ReferencePlace(owner=owner, work_digest=work_digest, key=key, node_uid=node_uid)


def _cursor(reference: Reference) -> tuple[str, str, str, UUID]:
    place = reference.place
    return place.owner, place.work_digest, place.key, place.node_uid


def _orphan(one: Orphan, *, removed: bool) -> pb.Orphan:
    return pb.Orphan(
        key=one.object.key,
        size_bytes=one.object.size_bytes,
        write_time=timestamp(one.object.write_time),
        owner=one.owner or "",
        reason=f"ORPHAN_REASON_{one.reason}",
        removed=removed,
    )


def _missing(one: Missing) -> pb.MissingObject:
    return pb.MissingObject(
        name=one.reference.name,
        owner=one.reference.owner,
        key=one.reference.key,
        size_bytes=one.reference.size_bytes,
        found=one.found,
    )
