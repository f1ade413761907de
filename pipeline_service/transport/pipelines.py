"""PipelineService, for clients and ops."""

from collections.abc import AsyncIterator
from functools import partial

from montage.v1 import pipeline_service_pb2 as pb
from montage.v1 import pipeline_service_pb2_grpc

from pipeline_service.commands.assets import Assets
from pipeline_service.commands.control import Control
from pipeline_service.commands.errors import FailedPrecondition, NotFound
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.runs import Runs
from pipeline_service.commands.views import Reader
from pipeline_service.domain.ids import PipelineId, RunId
from pipeline_service.domain.lists import EVENTS, PIPELINES, RUNS
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.paging import Paging
from pipeline_service.transport.pipeline_control import PipelineControl
from pipeline_service.transport.repeats import Repeats
from pipeline_service.transport.watch import Pace, in_time, resume_point, watch
from pipeline_service.transport.watchers import Watchers
from pipeline_service.wire.documents import document_message
from pipeline_service.wire.names import parse_pipeline, parse_run
from pipeline_service.wire.resources import event_message, pipeline_message, run_message
from servicekit.grpc_handlers import Context

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""Of an import's request and of an export's answer. Nodes that are added one by one may make more than that."""


class PipelineServicer(PipelineControl, pipeline_service_pb2_grpc.PipelineServiceServicer):
    """Decodes, calls a command or a query, encodes."""

    def __init__(
        self,
        *,
        pipelines: Pipelines,
        control: Control,
        runs: Runs,
        assets: Assets,
        reader: Reader,
        owners: Owners,
        watchers: Watchers,
        pace: Pace,
        repeats: Repeats,
    ) -> None:
        super().__init__(pipelines=pipelines, runs=runs, control=control, reader=reader, owners=owners, repeats=repeats)
        self._assets = assets
        self._reader = reader
        self._owners = owners
        self._watchers = watchers
        self._pace = pace

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Context) -> pb.GetPipelineResponse:
        found = await self.show(self._owners.owner(context), parse_pipeline(request.name))
        return pb.GetPipelineResponse(pipeline=found)

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: Context) -> pb.ListPipelinesResponse:
        owner = self._owners.owner(context)
        paging = Paging(request, PIPELINES, owner)
        found = await self._reader.pipelines(owner, paging.page)
        pipelines, token = paging.answer(found, pipeline_message)
        return pb.ListPipelinesResponse(pipelines=pipelines, next_page_token=token)

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
        answer = pb.ExportPipelineResponse(document=document_message(view))
        if answer.ByteSize() > MAX_DOCUMENT_BYTES:
            raise FailedPrecondition(
                f"the document of '{request.name}' has {answer.ByteSize()} bytes, a message takes {MAX_DOCUMENT_BYTES};"
                " ListNodes answers its nodes page by page"
            )
        return answer

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        paging = Paging(request, RUNS, owner)
        found = await self._reader.runs(owner, pipeline, paging.page)
        if found is None:
            raise NotFound("pipeline", request.parent)
        runs, token = paging.answer(found, partial(run_message, pipeline=pipeline))
        return pb.ListRunsResponse(runs=runs, next_page_token=token)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        paging = Paging(request, EVENTS, owner)
        found = await self._reader.history(owner, pipeline, paging.page, after=request.after_sequence)
        if found is None:
            raise NotFound("pipeline", request.parent)
        events, token = paging.answer(found, partial(event_message, pipeline=pipeline))
        return pb.ListEventsResponse(events=events, next_page_token=token)

    async def WatchPipeline(
        self, request: pb.WatchPipelineRequest, context: Context
    ) -> AsyncIterator[pb.WatchPipelineResponse]:
        updates = watch(
            self._reader,
            self._watchers,
            owner=self._owners.owner(context),
            pipeline=parse_pipeline(request.name),
            resume=resume_point(request),
            pace=self._pace,
        )
        async for update in in_time(updates, pace=self._pace):
            yield update


def _run_of(name: str) -> tuple[PipelineId, RunId]:
    try:
        return parse_run(name)
    except ValueError as error:
        raise NotFound("run", name) from error
