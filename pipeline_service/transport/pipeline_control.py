"""The methods of PipelineService that hold, let go on or end runs and pipelines."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from montage.v1 import pipeline_service_pb2 as pb

from pipeline_service.commands.control import Control
from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.ports import Caller
from pipeline_service.commands.runs import Runs
from pipeline_service.commands.views import Reader
from pipeline_service.domain.ids import PipelineId, RunId
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.pipeline_changes import PipelineChanges
from pipeline_service.transport.repeats import Repeats
from pipeline_service.wire.names import parse_pipeline, parse_run
from pipeline_service.wire.resources import run_message
from servicekit.grpc_handlers import Context

OfRun = TypeVar("OfRun", pb.PauseRunResponse, pb.ResumeRunResponse, pb.CancelRunResponse)
OfPipeline = TypeVar("OfPipeline", pb.PausePipelineResponse, pb.ResumePipelineResponse, pb.CancelPipelineResponse)


class PipelineControl(PipelineChanges):
    """Decodes, calls a command, answers the resource as it is afterwards."""

    def __init__(
        self, *, control: Control, pipelines: Pipelines, runs: Runs, reader: Reader, owners: Owners, repeats: Repeats
    ) -> None:
        super().__init__(pipelines=pipelines, runs=runs, reader=reader, owners=owners, repeats=repeats)
        self._control = control

    async def PauseRun(self, request: pb.PauseRunRequest, context: Context) -> pb.PauseRunResponse:
        return await self._of_run(request, context, self._control.pause_run, pb.PauseRunResponse)

    async def ResumeRun(self, request: pb.ResumeRunRequest, context: Context) -> pb.ResumeRunResponse:
        return await self._of_run(request, context, self._control.resume_run, pb.ResumeRunResponse)

    async def CancelRun(self, request: pb.CancelRunRequest, context: Context) -> pb.CancelRunResponse:
        return await self._of_run(request, context, self._control.cancel_run, pb.CancelRunResponse)

    async def PausePipeline(self, request: pb.PausePipelineRequest, context: Context) -> pb.PausePipelineResponse:
        return await self._of_pipeline(request, context, self._control.pause_pipeline, pb.PausePipelineResponse)

    async def ResumePipeline(self, request: pb.ResumePipelineRequest, context: Context) -> pb.ResumePipelineResponse:
        return await self._of_pipeline(request, context, self._control.resume_pipeline, pb.ResumePipelineResponse)

    async def CancelPipeline(self, request: pb.CancelPipelineRequest, context: Context) -> pb.CancelPipelineResponse:
        return await self._of_pipeline(request, context, self._control.cancel_pipeline, pb.CancelPipelineResponse)

    async def _of_run(
        self,
        request: Any,
        context: Context,
        command: Callable[[Caller, PipelineId, RunId], Awaitable[None]],
        answer_type: type[OfRun],
    ) -> OfRun:
        caller = self._callers.caller(context)
        try:
            pipeline, run = parse_run(request.name)
        except ValueError as error:
            raise NotFound("run", request.name) from error

        async def answer(_name: str) -> OfRun:
            view = await self._views.run(caller.owner, pipeline, run)
            if view is None:
                raise NotFound("run", request.name)
            return answer_type(run=run_message(view, pipeline))

        async def act(by: Caller) -> OfRun:
            await command(by, pipeline, run)
            return await answer(request.name)

        return await self._repeats.once(request, caller, answer_type=answer_type, act=act, rebuild=answer)

    async def _of_pipeline(
        self,
        request: Any,
        context: Context,
        command: Callable[[Caller, PipelineId], Awaitable[None]],
        answer_type: type[OfPipeline],
    ) -> OfPipeline:
        caller, pipeline = self._callers.caller(context), parse_pipeline(request.name)

        async def answer(_name: str) -> OfPipeline:
            return answer_type(pipeline=await self.show(caller.owner, pipeline))

        async def act(by: Caller) -> OfPipeline:
            await command(by, pipeline)
            return await answer(request.name)

        return await self._repeats.once(request, caller, answer_type=answer_type, act=act, rebuild=answer)
