"""NodeService, for clients and ops."""

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID

from montage.v1 import node_service_pb2 as pb
from montage.v1 import node_service_pb2_grpc

from pipeline_service.commands.errors import NotFound, OutputMissing
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.ports import Artifacts
from pipeline_service.commands.views import NodeView, Reader
from pipeline_service.domain.ids import ExecutionId, NodeId, Owner, PipelineId
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.transport.owners import Owners, actor
from pipeline_service.transport.paging import InvalidPageToken, make_token, page_size, read_token
from pipeline_service.wire.edits import EDITABLE, masked, node_parts
from pipeline_service.wire.names import (
    checked_node_name,
    node_name,
    parse_execution,
    parse_node,
    parse_node_type,
    parse_pipeline,
)
from pipeline_service.wire.node_types import node_type_message
from pipeline_service.wire.resources import execution_message, node_message
from pipeline_service.wire.values import duration_value, output_message, timestamp
from servicekit.grpc_handlers import Context

DEFAULT_LIFETIME = timedelta(minutes=15)
ALL_NODES = "-"


class NodeServicer(node_service_pb2_grpc.NodeServiceServicer):
    """Decodes, queries, encodes."""

    def __init__(
        self, *, nodes: Nodes, reader: Reader, artifacts: Artifacts, owners: Owners, catalogue: Catalogue
    ) -> None:
        self._nodes = nodes
        self._reader = reader
        self._artifacts = artifacts
        self._owners = owners
        self._catalogue = catalogue

    async def GetNode(self, request: pb.GetNodeRequest, context: Context) -> pb.GetNodeResponse:
        pipeline, node = parse_node(request.name)
        view = await self._node(self._owners.owner(context), pipeline, node)
        return pb.GetNodeResponse(node=node_message(view, pipeline))

    async def CreateNode(self, request: pb.CreateNodeRequest, context: Context) -> pb.CreateNodeResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        raw = {"type": request.node.type, **node_parts(request.node, pipeline)}
        if request.node_id:
            raw["id"] = request.node_id
        made = await self._nodes.create(owner, pipeline, raw, strict=request.strict, actor=actor(context))
        return pb.CreateNodeResponse(node=node_message(await self._node(owner, pipeline, made), pipeline))

    async def UpdateNode(self, request: pb.UpdateNodeRequest, context: Context) -> pb.UpdateNodeResponse:
        owner = self._owners.owner(context)
        pipeline, node = checked_node_name(request.node.name)
        fields = masked(request.update_mask.paths, allowed=EDITABLE)
        await self._nodes.update(
            owner,
            pipeline,
            node,
            node_parts(request.node, pipeline, fields=fields),
            strict=request.strict,
            etag=request.node.etag,
            actor=actor(context),
        )
        return pb.UpdateNodeResponse(node=node_message(await self._node(owner, pipeline, node), pipeline))

    async def DeleteNode(self, request: pb.DeleteNodeRequest, context: Context) -> pb.DeleteNodeResponse:
        pipeline, node = parse_node(request.name)
        owner = self._owners.owner(context)
        await self._nodes.delete(owner, pipeline, node, etag=request.etag, actor=actor(context))
        return pb.DeleteNodeResponse()

    async def ExecuteNode(self, request: pb.ExecuteNodeRequest, context: Context) -> pb.ExecuteNodeResponse:
        owner = self._owners.owner(context)
        pipeline, node = parse_node(request.name)
        execution = await self._nodes.execute(owner, pipeline, node, force=request.force, actor=actor(context))
        view = await self._reader.execution(owner, pipeline, node, execution)
        if view is None:
            raise NotFound("execution", f"{request.name}/executions/{execution}")
        return pb.ExecuteNodeResponse(execution=execution_message(view, pipeline))

    async def ListNodes(self, request: pb.ListNodesRequest, context: Context) -> pb.ListNodesResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        size = page_size(request.page_size)
        arguments = f"nodes/{owner}/{pipeline}"
        cursor = read_token(request.page_token, arguments=arguments, length=1)
        after = _position(cursor)
        found = await self._reader.nodes(owner, pipeline, after=after, limit=size + 1)
        if found is None:
            raise NotFound("pipeline", request.parent)
        token = make_token([found[size - 1].spec.position], arguments=arguments) if len(found) > size else ""
        return pb.ListNodesResponse(
            nodes=[node_message(view, pipeline) for view in found[:size]], next_page_token=token
        )

    async def GetNodeOutputUrl(
        self, request: pb.GetNodeOutputUrlRequest, context: Context
    ) -> pb.GetNodeOutputUrlResponse:
        pipeline, node = parse_node(request.name)
        view = await self._node(self._owners.owner(context), pipeline, node)
        output = view.node.output
        if output is None:
            raise OutputMissing(f"node '{request.name}' has no output yet")
        lifetime = duration_value(request.lifetime) if request.HasField("lifetime") else DEFAULT_LIFETIME
        file_name = f"{node}{PurePosixPath(output.s3_key).suffix}"
        return pb.GetNodeOutputUrlResponse(
            url=await self._artifacts.presign_get(output.s3_key, lifetime=lifetime, file_name=file_name),
            expire_time=timestamp(datetime.now(UTC) + lifetime),
            file_name=file_name,
            output=output_message(output),
        )

    async def GetExecution(self, request: pb.GetExecutionRequest, context: Context) -> pb.GetExecutionResponse:
        try:
            pipeline, node, execution = parse_execution(request.name)
        except ValueError as error:
            raise NotFound("execution", request.name) from error
        view = await self._reader.execution(self._owners.owner(context), pipeline, node, execution)
        if view is None:
            raise NotFound("execution", request.name)
        return pb.GetExecutionResponse(execution=execution_message(view, pipeline))

    async def ListExecutions(self, request: pb.ListExecutionsRequest, context: Context) -> pb.ListExecutionsResponse:
        owner = self._owners.owner(context)
        pipeline, node = parse_node(request.parent)
        size = page_size(request.page_size)
        arguments = f"executions/{owner}/{pipeline}/{node}"
        after = _execution_id(read_token(request.page_token, arguments=arguments, length=1))
        found = await self._reader.executions(
            owner, pipeline, node_id=None if node == ALL_NODES else node, after=after, limit=size + 1
        )
        if found is None:
            raise NotFound("node", request.parent)
        token = make_token([str(found[size - 1].execution.id)], arguments=arguments) if len(found) > size else ""
        return pb.ListExecutionsResponse(
            executions=[execution_message(view, pipeline) for view in found[:size]], next_page_token=token
        )

    async def ListNodeTypes(
        self,
        request: pb.ListNodeTypesRequest,
        context: Context,
    ) -> pb.ListNodeTypesResponse:
        types = [self._catalogue[name] for name in sorted(self._catalogue)]
        return pb.ListNodeTypesResponse(node_types=[node_type_message(node_type) for node_type in types])

    async def GetNodeType(self, request: pb.GetNodeTypeRequest, context: Context) -> pb.GetNodeTypeResponse:
        node_type = self._catalogue.get(parse_node_type(request.name))
        if node_type is None:
            raise NotFound("node type", request.name)
        return pb.GetNodeTypeResponse(node_type=node_type_message(node_type))

    async def _node(self, owner: Owner, pipeline: PipelineId, node: NodeId) -> NodeView:
        view = await self._reader.node(owner, pipeline, node)
        if view is None:
            raise NotFound("node", node_name(pipeline, node))
        return view


def _position(cursor: list[str | int] | None) -> int | None:
    if cursor is None:
        return None
    if not isinstance(cursor[0], int) or not 0 <= cursor[0] < 2**31:
        raise InvalidPageToken
    return cursor[0]


def _execution_id(cursor: list[str | int] | None) -> ExecutionId | None:
    if cursor is None:
        return None
    try:
        return ExecutionId(UUID(str(cursor[0])))
    except ValueError as error:
        raise InvalidPageToken from error
