"""NodeService, for clients and ops."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath

from montage.v1 import node_service_pb2 as pb
from montage.v1 import node_service_pb2_grpc

from pipeline_service.commands.control import Control
from pipeline_service.commands.errors import NotFound, OutputMissing
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.ports import Artifacts, Store
from pipeline_service.commands.views import Reader
from pipeline_service.domain.drafts import is_draft
from pipeline_service.domain.keys import beside
from pipeline_service.domain.lists import EXECUTIONS, NODES
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Output
from pipeline_service.domain.vendor_limit import SHARED
from pipeline_service.transport.node_control import NodeControl
from pipeline_service.transport.owners import Owners, is_operator
from pipeline_service.transport.paging import Paging
from pipeline_service.transport.repeats import Repeats
from pipeline_service.wire.names import (
    parse_execution,
    parse_node,
    parse_node_type,
    parse_pipeline,
)
from pipeline_service.wire.node_types import node_type_message
from pipeline_service.wire.resources import execution_message, node_message
from pipeline_service.wire.values import duration_value, output_message, timestamp
from pipeline_service.wire.vendors import vendor_message
from servicekit.grpc_handlers import Context

DEFAULT_LIFETIME = timedelta(minutes=15)
_INLINE_SUFFIXES = {MediaType.TEXT: ".txt", MediaType.JSON: ".json"}
ALL_NODES = "-"


class NodeServicer(NodeControl, node_service_pb2_grpc.NodeServiceServicer):
    """Decodes, queries, encodes."""

    def __init__(
        self,
        *,
        nodes: Nodes,
        control: Control,
        reader: Reader,
        artifacts: Artifacts,
        owners: Owners,
        catalogue: Catalogue,
        store: Store,
        repeats: Repeats,
    ) -> None:
        super().__init__(nodes=nodes, control=control, reader=reader, owners=owners, repeats=repeats)
        self._reader = reader
        self._artifacts = artifacts
        self._owners = owners
        self._catalogue = catalogue
        self._store = store

    async def GetNode(self, request: pb.GetNodeRequest, context: Context) -> pb.GetNodeResponse:
        pipeline, node = parse_node(request.name)
        view = await self.show(self._owners.owner(context), pipeline, node)
        return pb.GetNodeResponse(node=node_message(view, pipeline))

    async def ListNodes(self, request: pb.ListNodesRequest, context: Context) -> pb.ListNodesResponse:
        owner, pipeline = self._owners.owner(context), parse_pipeline(request.parent)
        paging = Paging(request, NODES, owner)
        found = await self._reader.nodes(owner, pipeline, paging.page)
        if found is None:
            raise NotFound("pipeline", request.parent)
        nodes, token = paging.answer(found, partial(node_message, pipeline=pipeline))
        return pb.ListNodesResponse(nodes=nodes, next_page_token=token)

    async def GetNodeOutputUrl(
        self, request: pb.GetNodeOutputUrlRequest, context: Context
    ) -> pb.GetNodeOutputUrlResponse:
        pipeline, node = parse_node(request.name)
        view = await self.show(self._owners.owner(context), pipeline, node)
        output = view.node.output
        if output is None:
            raise OutputMissing(f"node '{request.name}' has no output yet")
        if request.contact_sheet and not output.contact_sheet:
            raise OutputMissing(f"the output of node '{request.name}' has no contact sheet")
        lifetime = DEFAULT_LIFETIME
        if request.HasField("lifetime"):
            lifetime = duration_value(request.lifetime, field="lifetime")
        key = beside(output.s3_key, output.contact_sheet) if request.contact_sheet else output.s3_key
        suffix = PurePosixPath(key).suffix or _INLINE_SUFFIXES.get(output.type, "")
        file_name = f"{node}{'-DRAFT' if is_draft(pipeline) else ''}{suffix}"
        url = (
            _data_url(output)
            if output.content
            else await self._artifacts.presign_get(key, lifetime=lifetime, file_name=file_name)
        )
        return pb.GetNodeOutputUrlResponse(
            url=url,
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
        paging = Paging(request, EXECUTIONS, owner)
        found = await self._reader.executions(owner, pipeline, paging.page, node_id=None if node == ALL_NODES else node)
        if found is None and node == ALL_NODES:
            raise NotFound("pipeline", f"pipelines/{pipeline}")
        if found is None:
            raise NotFound("node", request.parent)
        executions, token = paging.answer(found, partial(execution_message, pipeline=pipeline))
        return pb.ListExecutionsResponse(executions=executions, next_page_token=token)

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

    async def ListVendors(self, request: pb.ListVendorsRequest, context: Context) -> pb.ListVendorsResponse:
        now, limits = await self._store.vendor_limits()
        own = (SHARED, self._owners.owner(context))
        shown = [limit for limit in limits if limit.credential in own or is_operator(context)]
        return pb.ListVendorsResponse(vendors=[vendor_message(limit, now=now) for limit in shown])


def _data_url(output: Output) -> str:
    """The bytes of an output that does not lie in the store, as RFC 2397 has it."""
    return f"data:{output.content_type};base64,{b64encode(output.content.encode()).decode()}"
