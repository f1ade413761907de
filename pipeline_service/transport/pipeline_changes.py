"""The methods of PipelineService that change something: each may be repeated under its request id."""

from collections.abc import Iterable

from montage.v1 import pipeline_service_pb2 as pb
from montage.v1 import resources_pb2

from pipeline_service.commands.errors import InvalidDocument, InvalidField, NotFound
from pipeline_service.commands.pipelines import Imported, Pipelines
from pipeline_service.commands.ports import Caller
from pipeline_service.commands.runs import RunRequest, Runs
from pipeline_service.commands.views import Reader
from pipeline_service.domain.drafts import draft_id
from pipeline_service.domain.history import Span, difference
from pipeline_service.domain.ids import NodeId, NodeUid, Owner, PipelineId
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.repeats import Repeats
from pipeline_service.wire.edits import masked
from pipeline_service.wire.names import (
    checked_pipeline_name,
    parse_pipeline,
    parse_run,
    parse_target,
    pipeline_name,
)
from pipeline_service.wire.plans import plan_message
from pipeline_service.wire.resources import pipeline_message, preview_message, run_message, unmade
from pipeline_service.wire.values import json_object
from servicekit.grpc_handlers import Context

DOCUMENT_FIELDS = ("title", "version", "labels")


class PipelineChanges:
    """Decodes, calls a command, answers the resource."""

    def __init__(self, *, pipelines: Pipelines, runs: Runs, reader: Reader, owners: Owners, repeats: Repeats) -> None:
        self._pipelines = pipelines
        self._runs = runs
        self._views = reader
        self._callers = owners
        self._repeats = repeats

    async def CreatePipeline(self, request: pb.CreatePipelineRequest, context: Context) -> pb.CreatePipelineResponse:
        caller, given = self._callers.caller(context), request.pipeline

        async def answer(name: str) -> pb.CreatePipelineResponse:
            return pb.CreatePipelineResponse(pipeline=await self.show(caller.owner, parse_pipeline(name)))

        async def act(by: Caller) -> pb.CreatePipelineResponse:
            made = pipeline_message(
                await self._pipelines.create(
                    by,
                    request.pipeline_id,
                    title=given.title,
                    version=given.version,
                    labels=dict(given.labels),
                    validate_only=request.validate_only,
                )
            )
            if request.validate_only:
                made = unmade(made, is_named=bool(request.pipeline_id))
            return pb.CreatePipelineResponse(pipeline=made)

        return await self._repeats.once(request, caller, answer_type=pb.CreatePipelineResponse, act=act, rebuild=answer)

    async def UpdatePipeline(self, request: pb.UpdatePipelineRequest, context: Context) -> pb.UpdatePipelineResponse:
        caller, given = self._callers.caller(context), request.pipeline
        pipeline = checked_pipeline_name(given.name)
        fields = masked(request.update_mask.paths or DOCUMENT_FIELDS, allowed=DOCUMENT_FIELDS)

        async def answer(_name: str) -> pb.UpdatePipelineResponse:
            return pb.UpdatePipelineResponse(pipeline=await self.show(caller.owner, pipeline))

        async def act(by: Caller) -> pb.UpdatePipelineResponse:
            described = await self._pipelines.update(
                by,
                pipeline,
                title=given.title if "title" in fields else None,
                version=given.version if "version" in fields else None,
                labels=dict(given.labels) if "labels" in fields else None,
                etag=given.etag,
                validate_only=request.validate_only,
            )
            return pb.UpdatePipelineResponse(pipeline=pipeline_message(described))

        return await self._repeats.once(request, caller, answer_type=pb.UpdatePipelineResponse, act=act, rebuild=answer)

    async def DeletePipeline(self, request: pb.DeletePipelineRequest, context: Context) -> pb.DeletePipelineResponse:
        async def answer(_name: str) -> pb.DeletePipelineResponse:
            return pb.DeletePipelineResponse()

        async def act(by: Caller) -> pb.DeletePipelineResponse:
            await self._pipelines.delete(by, parse_pipeline(request.name), force=request.force, etag=request.etag)
            return await answer(request.name)

        caller = self._callers.caller(context)
        return await self._repeats.once(request, caller, answer_type=pb.DeletePipelineResponse, act=act, rebuild=answer)

    async def ImportPipeline(self, request: pb.ImportPipelineRequest, context: Context) -> pb.ImportPipelineResponse:
        caller = self._callers.caller(context)

        async def answer(name: str) -> pb.ImportPipelineResponse:
            return await self._imported_before(name, caller.owner)

        async def act(by: Caller) -> pb.ImportPipelineResponse:
            return await self._import(request, by)

        return await self._repeats.once(request, caller, answer_type=pb.ImportPipelineResponse, act=act, rebuild=answer)

    async def RunPipeline(self, request: pb.RunPipelineRequest, context: Context) -> pb.RunPipelineResponse:
        caller, pipeline = self._callers.caller(context), parse_pipeline(request.name)
        shown = draft_id(pipeline) if request.draft else pipeline
        wanted = RunRequest(
            targets=_targets(request.targets, pipeline),
            force=request.force,
            priority=request.priority,
            plan_digest=request.plan_digest,
            draft=request.draft,
        )

        async def answer(name: str) -> pb.RunPipelineResponse:
            view = await self._views.run(caller.owner, *parse_run(name))
            if view is None:
                raise NotFound("run", name)
            return pb.RunPipelineResponse(run=run_message(view, shown))

        async def act(by: Caller) -> pb.RunPipelineResponse:
            if request.validate_only:
                run = await self._runs.preview(by, pipeline, wanted)
                return pb.RunPipelineResponse(run=preview_message(run, shown))
            return pb.RunPipelineResponse(run=run_message(await self._runs.start(by, pipeline, wanted), shown))

        return await self._repeats.once(request, caller, answer_type=pb.RunPipelineResponse, act=act, rebuild=answer)

    async def PlanPipeline(self, request: pb.PlanPipelineRequest, context: Context) -> pb.PlanPipelineResponse:
        pipeline = parse_pipeline(request.name)
        wanted = RunRequest(targets=_targets(request.targets, pipeline), force=request.force, draft=request.draft)
        forecast = await self._runs.plan(self._callers.caller(context), pipeline, wanted)
        return pb.PlanPipelineResponse(plan=plan_message(forecast, pipeline))

    async def show(self, owner: Owner, pipeline: PipelineId) -> resources_pb2.Pipeline:
        """A pipeline as it stands. Raises NotFound."""
        view = await self._views.pipeline(owner, pipeline)
        if view is None:
            raise NotFound("pipeline", pipeline_name(pipeline))
        return pipeline_message(view)

    async def _imported_before(self, name: str, owner: Owner) -> pb.ImportPipelineResponse:
        """An answer that was too large to be kept: the pipeline as it is now, what was done as its history says."""
        answer = pb.ImportPipelineResponse(pipeline=await self.show(owner, parse_pipeline(name)))
        span = Span.read(name)
        if span is not None and answer.pipeline.uid == str(span.pipeline_uid):
            done = difference(await self._views.node_events(span.pipeline_uid, through=span.last), span)
            answer.added_nodes.extend(done.added)
            answer.changed_nodes.extend(done.changed)
            answer.removed_nodes.extend(done.removed)
            answer.unchanged_nodes.extend(done.unchanged)
        return answer

    async def _import(self, request: pb.ImportPipelineRequest, caller: Caller) -> pb.ImportPipelineResponse:
        try:
            imported = await self._pipelines.import_document(
                caller,
                json_object(request.document, field="document"),
                create_only=request.create_only,
                validate_only=request.validate_only,
                etag=request.etag,
            )
        except InvalidDocument as refused:
            if not request.validate_only:
                raise
            problems = [pb.DocumentProblem(field=one.field, description=one.description) for one in refused.violations]
            return pb.ImportPipelineResponse(problems=problems)
        answer = _import_answer(imported)
        if imported.view is not None:
            answer.pipeline.CopyFrom(pipeline_message(imported.view))
        return answer


def _targets(names: Iterable[str], pipeline: PipelineId) -> tuple[NodeId, ...]:
    try:
        return tuple(dict.fromkeys(parse_target(pipeline, name) for name in names))
    except ValueError as error:
        raise InvalidField("targets", str(error)) from error


def _import_answer(imported: Imported) -> pb.ImportPipelineResponse:
    plan, document = imported.plan, imported.document
    nodes = plan.structure.nodes

    def ids(uids: tuple[NodeUid, ...]) -> list[str]:
        return [nodes[uid].id for uid in uids]

    answer = pb.ImportPipelineResponse(
        added_nodes=ids(plan.added),
        changed_nodes=ids(plan.changed),
        removed_nodes=[spec.id for spec in plan.removed],
        unchanged_nodes=ids(plan.unchanged),
    )
    answer.pipeline.name = pipeline_name(document.id)
    answer.pipeline.title = document.title
    answer.pipeline.version = document.version
    answer.pipeline.node_count = len(nodes)
    return answer
