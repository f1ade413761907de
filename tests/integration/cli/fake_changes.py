"""The changes of the fake service: what is edited one by one, and what a person decides about work."""

import copy
from typing import Any

import grpc
from google.protobuf import duration_pb2
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import resources_pb2 as resources

from tests.integration.cli.fake_refusals import refuse

Context = Any  # grpc.aio.ServicerContext, of which the stubs know only a part
DIGEST = "ab" * 32


class FakeChanges:
    """Part of FakeService, whose state it uses."""

    pipelines: dict[str, resources.Pipeline]
    nodes: dict[str, list[resources.Node]]
    _pipeline: Any
    _node: Any

    def __init__(self) -> None:
        self.decided: list[tuple[str, Any]] = []
        """Requests of the methods below that decide about work, with the name of their method."""

    async def CreatePipeline(self, request: api.CreatePipelineRequest, context: Context) -> api.CreatePipelineResponse:
        name = f"pipelines/{request.pipeline_id}"
        if name in self.pipelines:
            message = f"'{name}' exists already."
            await refuse(context, grpc.StatusCode.ALREADY_EXISTS, "PIPELINE_EXISTS", message, resource=name)
        made = resources.Pipeline(name=name, title=request.pipeline.title, labels=request.pipeline.labels, etag="1")
        if not request.validate_only:
            self.pipelines[name], self.nodes[name] = made, []
        return api.CreatePipelineResponse(pipeline=made)

    async def UpdatePipeline(self, request: api.UpdatePipelineRequest, context: Context) -> api.UpdatePipelineResponse:
        pipeline = await self._pipeline(request.pipeline.name, context)
        await _check(request.pipeline.etag, pipeline.etag, context)
        changed = _copy_unless(pipeline, kept=not request.validate_only)
        for field in request.update_mask.paths:
            _take(field, changed, request.pipeline)
        return api.UpdatePipelineResponse(pipeline=changed)

    async def DeletePipeline(self, request: api.DeletePipelineRequest, context: Context) -> api.DeletePipelineResponse:
        pipeline = await self._pipeline(request.name, context)
        await _check(request.etag, pipeline.etag, context)
        if not request.force and any(node.execution for node in self.nodes[request.name]):
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION", "These nodes run: film.")
        del self.pipelines[request.name]
        return api.DeletePipelineResponse()

    async def CreateNode(self, request: node_api.CreateNodeRequest, context: Context) -> node_api.CreateNodeResponse:
        made = resources.Node(name=f"{request.parent}/nodes/{request.node_id}", state=resources.NODE_STATE_PENDING)
        made.MergeFrom(request.node)
        made.is_valid = "provider" in made.config.fields
        if not made.is_valid:
            made.problems.add(field="config.provider", description="is required")
        if not request.validate_only:
            self.nodes[request.parent].append(made)
        return node_api.CreateNodeResponse(node=made)

    async def UpdateNode(self, request: node_api.UpdateNodeRequest, context: Context) -> node_api.UpdateNodeResponse:
        node = await self._node(request.node.name, context)
        await _check(request.node.etag, node.etag, context)
        changed = _copy_unless(node, kept=not request.validate_only)
        for field in request.update_mask.paths:
            _take(field, changed, request.node)
        changed.is_valid = True
        return node_api.UpdateNodeResponse(node=changed)

    async def DeleteNode(self, request: node_api.DeleteNodeRequest, context: Context) -> node_api.DeleteNodeResponse:
        node = await self._node(request.name, context)
        await _check(request.etag, node.etag, context)
        self.nodes[request.name.partition("/nodes/")[0]].remove(node)
        return node_api.DeleteNodeResponse()

    async def PlanPipeline(self, request: api.PlanPipelineRequest, context: Context) -> api.PlanPipelineResponse:
        self.decided.append(("PlanPipeline", request))
        await self._pipeline(request.name, context)
        plan = api.Plan(digest=DIGEST, expected_duration=duration_pb2.Duration(seconds=12, nanos=300_000_000))
        actions = api.PlanAction.keys()[1:]
        for node, action in zip(self.nodes[request.name], actions, strict=False):
            plan.nodes.add(node=node.name, action=action, reason=f"why {action[-4:].lower()}")
        plan.nodes[-1].expected_duration.seconds = 3
        return api.PlanPipelineResponse(plan=plan)

    async def ExecuteNode(self, request: node_api.ExecuteNodeRequest, context: Context) -> node_api.ExecuteNodeResponse:
        self.decided.append(("ExecuteNode", request))
        node = await self._node(request.name, context)
        if node.is_current and not request.force:
            message = "'film' is current; execute it with force to make it again"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION", message)
        execution = resources.Execution(name=f"{request.name}/executions/1", state=resources.EXECUTION_STATE_QUEUED)
        return node_api.ExecuteNodeResponse(execution=execution)

    async def RetryNode(self, request: node_api.RetryNodeRequest, context: Context) -> node_api.RetryNodeResponse:
        return node_api.RetryNodeResponse(node=await self._decided_node("RetryNode", request, context))

    async def CancelNode(self, request: node_api.CancelNodeRequest, context: Context) -> node_api.CancelNodeResponse:
        return node_api.CancelNodeResponse(node=await self._decided_node("CancelNode", request, context))

    async def PauseNode(self, request: node_api.PauseNodeRequest, context: Context) -> node_api.PauseNodeResponse:
        return node_api.PauseNodeResponse(node=await self._decided_node("PauseNode", request, context))

    async def ApproveNode(self, request: node_api.ApproveNodeRequest, context: Context) -> node_api.ApproveNodeResponse:
        return node_api.ApproveNodeResponse(node=await self._decided_node("ApproveNode", request, context))

    async def ResumePipeline(self, request: api.ResumePipelineRequest, context: Context) -> api.ResumePipelineResponse:
        self.decided.append(("ResumePipeline", request))
        return api.ResumePipelineResponse(pipeline=await self._pipeline(request.name, context))

    async def CancelPipeline(self, request: api.CancelPipelineRequest, context: Context) -> api.CancelPipelineResponse:
        self.decided.append(("CancelPipeline", request))
        return api.CancelPipelineResponse(pipeline=await self._pipeline(request.name, context))

    async def CancelRun(self, request: api.CancelRunRequest, context: Context) -> api.CancelRunResponse:
        self.decided.append(("CancelRun", request))
        return api.CancelRunResponse(run=resources.Run(name=request.name, state=resources.RUN_STATE_CANCELLED))

    async def _decided_node(self, method: str, request: Any, context: Context) -> resources.Node:
        self.decided.append((method, request))
        node: resources.Node = await self._node(request.name, context)
        return node


def _copy_unless(message: Any, *, kept: bool) -> Any:
    """The message itself where changes of it are to be kept, else a copy of it."""
    return message if kept else copy.deepcopy(message)


def _take(field: str, kept: Any, given: Any) -> None:
    """Give one field of a message the value that it has in another."""
    kept.ClearField(field)
    kept.MergeFrom(type(kept)(**{field: getattr(given, field)}))


async def _check(given: str, present: str, context: Context) -> None:
    if given and given != present:
        message = f"The etag is '{given}', the present one '{present}'."
        await refuse(context, grpc.StatusCode.ABORTED, "ABORTED", message)
