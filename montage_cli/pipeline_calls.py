"""PipelineService as typed coroutines: pipelines, their runs and their history. Part of MontageClient."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from google.protobuf import field_mask_pb2, json_format, struct_pb2
from montage.v1 import pipeline_service_pb2 as api
from montage.v1.resources_pb2 import Event, Pipeline, Run

from montage_cli.assets import AssetFile
from montage_cli.calls import PAGE_SIZE, Caller, new_request_id
from montage_cli.watching import Watch

_IMPORT_S = 60.0


class PipelineCalls:
    """What can be asked of pipelines and runs, each by its resource name."""

    def __init__(self, stub: Any, caller: Caller) -> None:
        """`stub` is that of PipelineService."""
        self._pipelines = stub
        self._caller = caller

    async def create_pipeline(
        self,
        pipeline_id: str = "",
        *,
        title: str = "",
        version: str = "",
        labels: Mapping[str, str] | None = None,
        validate_only: bool = False,
    ) -> Pipeline:
        """Make an empty pipeline; without an id it gets a UUID. With `validate_only` only tell what it would be."""
        request = api.CreatePipelineRequest(
            pipeline_id=pipeline_id,
            pipeline=Pipeline(title=title, version=version, labels=labels),
            validate_only=validate_only,
            request_id=new_request_id(),
        )
        answer: api.CreatePipelineResponse = await self._caller.safe(self._pipelines.CreatePipeline, request)
        return answer.pipeline

    async def get_pipeline(self, name: str) -> Pipeline:
        request = api.GetPipelineRequest(name=name)
        answer: api.GetPipelineResponse = await self._caller.safe(self._pipelines.GetPipeline, request)
        return answer.pipeline

    async def update_pipeline(self, pipeline: Pipeline, *fields: str, validate_only: bool = False) -> Pipeline:
        """Give `title`, `version` or `labels` (default: all) the values in `pipeline`; its etag is checked.

        With `validate_only` only tell what it would be.
        """
        request = api.UpdatePipelineRequest(
            pipeline=pipeline,
            update_mask=field_mask_pb2.FieldMask(paths=fields),
            validate_only=validate_only,
            request_id=new_request_id(),
        )
        answer: api.UpdatePipelineResponse = await self._caller.safe(self._pipelines.UpdatePipeline, request)
        return answer.pipeline

    async def delete_pipeline(self, name: str, *, force: bool = False, etag: str = "") -> None:
        """Delete a pipeline with its nodes; `force` ends what runs."""
        request = api.DeletePipelineRequest(name=name, force=force, etag=etag, request_id=new_request_id())
        await self._caller.safe(self._pipelines.DeletePipeline, request)

    async def list_pipelines(self, *, where: str = "", order_by: str = "") -> AsyncIterator[Pipeline]:
        """The caller's pipelines, newest first unless `order_by` says otherwise; `where` is a filter."""
        request = api.ListPipelinesRequest(page_size=PAGE_SIZE, filter=where, order_by=order_by)
        async for page in self._caller.pages(self._pipelines.ListPipelines, request):
            for pipeline in page.pipelines:
                yield pipeline

    async def import_pipeline(
        self,
        document: Mapping[str, object],
        *,
        validate_only: bool = False,
        create_only: bool = False,
        etag: str = "",
    ) -> api.ImportPipelineResponse:
        """Make a pipeline equal to `document`, plain JSON values. Every asset must be uploaded or an https URL.

        With `validate_only` the answer lists all problems; without, MontageError carries as many as an error can.
        An `etag` refuses with ABORTED when the pipeline is not as it was read.
        """
        request = api.ImportPipelineRequest(
            document=json_format.ParseDict(dict(document), struct_pb2.Struct()),
            validate_only=validate_only,
            create_only=create_only,
            etag=etag,
            request_id=new_request_id(),
        )
        answer: api.ImportPipelineResponse = await self._caller.safe(
            self._pipelines.ImportPipeline, request, attempt_s=_IMPORT_S
        )
        return answer

    async def export_pipeline(self, name: str) -> dict[str, Any]:
        """The document that makes a pipeline equal to this one, as plain values; `exporting` gives it its order."""
        request = api.ExportPipelineRequest(name=name)
        answer: api.ExportPipelineResponse = await self._caller.safe(
            self._pipelines.ExportPipeline, request, attempt_s=_IMPORT_S
        )
        return json_format.MessageToDict(answer.document)

    async def create_asset(self, file: AssetFile) -> api.CreateAssetResponse:
        """Register the bytes of `file`; the answer says where to upload them, unless the store has them."""
        request = api.CreateAssetRequest(
            sha256=file.sha256, size_bytes=file.size_bytes, content_type=file.content_type, file_name=file.path.name
        )
        answer: api.CreateAssetResponse = await self._caller.safe(self._pipelines.CreateAsset, request)
        return answer

    async def plan(
        self, name: str, *, targets: Sequence[str] = (), force: bool = False, draft: bool = False
    ) -> api.Plan:
        """What `run` with the same arguments would do with each node; changes nothing."""
        request = api.PlanPipelineRequest(name=name, targets=targets, force=force, draft=draft)
        answer: api.PlanPipelineResponse = await self._caller.safe(self._pipelines.PlanPipeline, request)
        return answer.plan

    async def run(
        self,
        name: str,
        *,
        targets: Sequence[str] = (),
        force: bool = False,
        priority: int = 0,
        plan_digest: str = "",
        draft: bool = False,
    ) -> Run:
        """Bring `targets` (resource names; every leaf when empty) of a pipeline up to date.

        `priority` is -100 to 100, higher first. With `plan_digest` it is refused unless it does what that plan says.
        A `draft` is made in the shadow of the pipeline, for free; the run is one of the shadow.
        """
        request = api.RunPipelineRequest(
            name=name,
            targets=targets,
            force=force,
            priority=priority,
            plan_digest=plan_digest,
            draft=draft,
            request_id=new_request_id(),
        )
        answer: api.RunPipelineResponse = await self._caller.safe(self._pipelines.RunPipeline, request)
        return answer.run

    async def get_run(self, name: str) -> Run:
        answer: api.GetRunResponse = await self._caller.safe(self._pipelines.GetRun, api.GetRunRequest(name=name))
        return answer.run

    async def list_runs(self, pipeline: str, *, where: str = "", order_by: str = "") -> AsyncIterator[Run]:
        """Runs of a pipeline, newest first, without their decisions."""
        request = api.ListRunsRequest(parent=pipeline, page_size=PAGE_SIZE, filter=where, order_by=order_by)
        async for page in self._caller.pages(self._pipelines.ListRuns, request):
            for run in page.runs:
                yield run

    async def pause_run(self, name: str) -> Run:
        """Start nothing new of a run; what runs goes on."""
        request = api.PauseRunRequest(name=name, request_id=new_request_id())
        answer: api.PauseRunResponse = await self._caller.safe(self._pipelines.PauseRun, request)
        return answer.run

    async def resume_run(self, name: str) -> Run:
        request = api.ResumeRunRequest(name=name, request_id=new_request_id())
        answer: api.ResumeRunResponse = await self._caller.safe(self._pipelines.ResumeRun, request)
        return answer.run

    async def cancel_run(self, name: str) -> Run:
        """End a run and the work that no other run wants; what is done stays done."""
        request = api.CancelRunRequest(name=name, request_id=new_request_id())
        answer: api.CancelRunResponse = await self._caller.safe(self._pipelines.CancelRun, request)
        return answer.run

    async def pause_pipeline(self, name: str) -> Pipeline:
        """Start nothing new of a pipeline, of later runs neither; what runs goes on."""
        request = api.PausePipelineRequest(name=name, request_id=new_request_id())
        answer: api.PausePipelineResponse = await self._caller.safe(self._pipelines.PausePipeline, request)
        return answer.pipeline

    async def resume_pipeline(self, name: str) -> Pipeline:
        request = api.ResumePipelineRequest(name=name, request_id=new_request_id())
        answer: api.ResumePipelineResponse = await self._caller.safe(self._pipelines.ResumePipeline, request)
        return answer.pipeline

    async def cancel_pipeline(self, name: str) -> Pipeline:
        """End all runs and all work of a pipeline; what is done stays done."""
        request = api.CancelPipelineRequest(name=name, request_id=new_request_id())
        answer: api.CancelPipelineResponse = await self._caller.safe(self._pipelines.CancelPipeline, request)
        return answer.pipeline

    async def list_events(self, pipeline: str, *, after_sequence: int = 0, where: str = "") -> AsyncIterator[Event]:
        """What happened to a pipeline behind `after_sequence`, oldest first, up to now."""
        request = api.ListEventsRequest(
            parent=pipeline, page_size=PAGE_SIZE, after_sequence=after_sequence, filter=where
        )
        async for page in self._caller.pages(self._pipelines.ListEvents, request):
            for event in page.events:
                yield event

    def watch(self, name: str, *, after_sequence: int | None = None) -> AsyncGenerator[api.WatchPipelineResponse, None]:
        """Follow a pipeline until the caller stops: a snapshot first, or only what comes behind `after_sequence`.

        Broken streams are resumed; no event is missed or seen twice.
        """
        return Watch(self._pipelines.WatchPipeline, name, after_sequence=after_sequence, caller=self._caller).updates()
