"""The methods of NodeService that change something: each may be repeated under its request id."""

from montage.v1 import node_service_pb2 as pb

from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.ports import Caller
from pipeline_service.commands.views import NodeView, Reader
from pipeline_service.domain.ids import NodeId, Owner, PipelineId
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.repeats import Repeats
from pipeline_service.wire.edits import EDITABLE, masked, node_parts
from pipeline_service.wire.names import (
    checked_node_name,
    node_name,
    parse_execution,
    parse_node,
    parse_pipeline,
)
from pipeline_service.wire.resources import execution_message, node_message, unmade
from servicekit.grpc_handlers import Context


class NodeChanges:
    """Decodes, calls a command, answers the resource."""

    def __init__(self, *, nodes: Nodes, reader: Reader, owners: Owners, repeats: Repeats) -> None:
        self._nodes = nodes
        self._views = reader
        self._callers = owners
        self._repeats = repeats

    async def CreateNode(self, request: pb.CreateNodeRequest, context: Context) -> pb.CreateNodeResponse:
        caller, pipeline = self._callers.caller(context), parse_pipeline(request.parent)
        raw = {"type": request.node.type, **node_parts(request.node, pipeline)}
        if request.node_id:
            raw["id"] = request.node_id

        async def answer(name: str) -> pb.CreateNodeResponse:
            view = await self.show(caller.owner, *parse_node(name))
            return pb.CreateNodeResponse(node=node_message(view, pipeline))

        async def act(by: Caller) -> pb.CreateNodeResponse:
            validate_only = request.validate_only
            view = await self._nodes.create(by, pipeline, raw, strict=request.strict, validate_only=validate_only)
            made = node_message(view, pipeline)
            return pb.CreateNodeResponse(node=unmade(made, is_named=bool(request.node_id)) if validate_only else made)

        return await self._repeats.once(request, caller, answer_type=pb.CreateNodeResponse, act=act, rebuild=answer)

    async def UpdateNode(self, request: pb.UpdateNodeRequest, context: Context) -> pb.UpdateNodeResponse:
        caller = self._callers.caller(context)
        pipeline, node = checked_node_name(request.node.name)
        fields = masked(request.update_mask.paths, allowed=EDITABLE)
        changes = node_parts(request.node, pipeline, fields=fields)

        async def answer(_name: str) -> pb.UpdateNodeResponse:
            return pb.UpdateNodeResponse(node=node_message(await self.show(caller.owner, pipeline, node), pipeline))

        async def act(by: Caller) -> pb.UpdateNodeResponse:
            changed = await self._nodes.update(
                by,
                pipeline,
                node,
                changes,
                strict=request.strict,
                etag=request.node.etag,
                validate_only=request.validate_only,
            )
            return pb.UpdateNodeResponse(node=node_message(changed, pipeline))

        return await self._repeats.once(request, caller, answer_type=pb.UpdateNodeResponse, act=act, rebuild=answer)

    async def DeleteNode(self, request: pb.DeleteNodeRequest, context: Context) -> pb.DeleteNodeResponse:
        pipeline, node = parse_node(request.name)

        async def answer(_name: str) -> pb.DeleteNodeResponse:
            return pb.DeleteNodeResponse()

        async def act(by: Caller) -> pb.DeleteNodeResponse:
            await self._nodes.delete(by, pipeline, node, etag=request.etag)
            return await answer(request.name)

        caller = self._callers.caller(context)
        return await self._repeats.once(request, caller, answer_type=pb.DeleteNodeResponse, act=act, rebuild=answer)

    async def ExecuteNode(self, request: pb.ExecuteNodeRequest, context: Context) -> pb.ExecuteNodeResponse:
        caller = self._callers.caller(context)
        pipeline, node = parse_node(request.name)

        async def answer(name: str) -> pb.ExecuteNodeResponse:
            view = await self._views.execution(caller.owner, *parse_execution(name))
            if view is None:
                raise NotFound("execution", name)
            return pb.ExecuteNodeResponse(execution=execution_message(view, parse_execution(name)[0]))

        async def act(by: Caller) -> pb.ExecuteNodeResponse:
            return await answer(await self._nodes.execute(by, pipeline, node, force=request.force))

        return await self._repeats.once(request, caller, answer_type=pb.ExecuteNodeResponse, act=act, rebuild=answer)

    async def show(self, owner: Owner, pipeline: PipelineId, node: NodeId) -> NodeView:
        """A node as it stands. Raises NotFound."""
        view = await self._views.node(owner, pipeline, node)
        if view is None:
            raise NotFound("node", node_name(pipeline, node))
        return view
