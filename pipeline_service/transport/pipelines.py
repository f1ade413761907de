"""PipelineService, for clients and ops."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from montage.v1 import pipeline_service_pb2 as pb
from montage.v1 import pipeline_service_pb2_grpc

from pipeline_service.commands.assets import Assets
from pipeline_service.commands.control import Control
from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.views import PipelineCursor, Reader
from pipeline_service.domain.ids import PipelineId, PipelineUid, RunId
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.paging import InvalidPageToken, make_token, page_size, read_token
from pipeline_service.transport.pipeline_control import PipelineControl
from pipeline_service.transport.repeats import Repeats
from pipeline_service.transport.unimplemented import UnimplementedPipelineMethods
from pipeline_service.transport.watch import watch
from pipeline_service.transport.watchers import Watchers
from pipeline_service.wire.documents import document_message
from pipeline_service.wire.names import parse_pipeline, parse_run
from pipeline_service.wire.resources import event_message, pipeline_message, run_message
from servicekit.grpc_handlers import Context


class PipelineServicer(
    PipelineControl, UnimplementedPipelineMethods, pipeline_service_pb2_grpc.PipelineServiceServicer
):
    """Decodes, calls a command or a query, encodes."""

    def __init__(
        self,
        *,
        pipelines: Pipelines,
        control: Control,
        assets: Assets,
        reader: Reader,
        owners: Owners,
        watchers: Watchers,
        repeats: Repeats,
    ) -> None:
        super().__init__(pipelines=pipelines, control=control, reader=reader, owners=owners, repeats=repeats)
        self._assets = assets
        self._reader = reader
        self._owners = owners
        self._watchers = watchers

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Context) -> pb.GetPipelineResponse:
        found = await self.show(self._owners.owner(context), parse_pipeline(request.name))
        return pb.GetPipelineResponse(pipeline=found)

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: Context) -> pb.ListPipelinesResponse:
        owner = self._owners.owner(context)
        size = page_size(request.page_size)
        arguments = f"pipelines/{owner}"
        after = _pipeline_cursor(read_token(request.page_token, arguments=arguments, length=2))
        found = await self._reader.pipelines(owner, after=after, limit=size + 1)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = make_token([last.create_time.isoformat(), str(last.uid)], arguments=arguments)
        return pb.ListPipelinesResponse(
            pipelines=[pipeline_message(view) for view in found[:size]], next_page_token=token
        )

    async def CreateAsset(self, request: pb.CreateAssetRequest, context: Context) -> pb.CreateAssetResponse:
        registered = await self._assets.register(
            self._owners.owner(context),
            sha256=request.sha256,
            size_bytes=request.size_bytes,
            content_type=request.content_type,
            file_name=request.file_name,
        )
        upload = registered.upload
        return pb.CreateAssetResponse(
            source=registered.source,
            s3_key=registered.key,
            already_exists=upload is None,
            upload_url=upload.url if upload else "",
            upload_headers=upload.headers if upload else {},
        )

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        pipeline, run_id = _run_of(request.name)
        view = await self._reader.run(self._owners.owner(context), pipeline, run_id)
        if view is None:
            raise NotFound("run", request.name)
        return pb.GetRunResponse(run=run_message(view, pipeline))

    async def ExportPipeline(self, request: pb.ExportPipelineRequest, context: Context) -> pb.ExportPipelineResponse:
        view = await self._reader.snapshot(self._owners.owner(context), parse_pipeline(request.name))
        if view is None:
            raise NotFound("pipeline", request.name)
        return pb.ExportPipelineResponse(document=document_message(view))

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        size = page_size(request.page_size)
        arguments = f"runs/{owner}/{pipeline}"
        after = _run_id(read_token(request.page_token, arguments=arguments, length=1))
        found = await self._reader.runs(owner, pipeline, after=after, limit=size + 1)
        if found is None:
            raise NotFound("pipeline", request.parent)
        token = make_token([str(found[size - 1].run.id)], arguments=arguments) if len(found) > size else ""
        return pb.ListRunsResponse(runs=[run_message(view, pipeline) for view in found[:size]], next_page_token=token)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        size = page_size(request.page_size)
        arguments = f"events/{owner}/{pipeline}/{request.after_sequence}"
        after = _sequence(read_token(request.page_token, arguments=arguments, length=1))
        view = await self._reader.pipeline(owner, pipeline)
        if view is None:
            raise NotFound("pipeline", request.parent)
        begin = request.after_sequence if after is None else after
        found = await self._reader.events(view.uid, after=begin, limit=size + 1)
        token = make_token([found[size - 1].event.sequence], arguments=arguments) if len(found) > size else ""
        return pb.ListEventsResponse(
            events=[event_message(event, pipeline) for event in found[:size]], next_page_token=token
        )

    async def WatchPipeline(
        self, request: pb.WatchPipelineRequest, context: Context
    ) -> AsyncIterator[pb.WatchPipelineResponse]:
        updates = watch(
            self._reader,
            self._watchers,
            owner=self._owners.owner(context),
            pipeline=parse_pipeline(request.name),
            after=request.after_sequence if request.HasField("after_sequence") else None,
        )
        async for update in updates:
            yield update


def _run_of(name: str) -> tuple[PipelineId, RunId]:
    try:
        return parse_run(name)
    except ValueError as error:
        raise NotFound("run", name) from error


def _run_id(cursor: list[str | int] | None) -> RunId | None:
    if cursor is None:
        return None
    try:
        return RunId(UUID(str(cursor[0])))
    except ValueError as error:
        raise InvalidPageToken from error


def _sequence(cursor: list[str | int] | None) -> int | None:
    if cursor is None:
        return None
    if not isinstance(cursor[0], int) or not 0 <= cursor[0] < 2**63:
        raise InvalidPageToken
    return cursor[0]


def _pipeline_cursor(cursor: list[str | int] | None) -> PipelineCursor | None:
    if cursor is None:
        return None
    try:
        return datetime.fromisoformat(str(cursor[0])), PipelineUid(UUID(str(cursor[1])))
    except ValueError as error:
        raise InvalidPageToken from error
