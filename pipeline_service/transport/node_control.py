"""The methods of NodeService that hold, let go on, end, retry or approve the work of a node."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from montage.v1 import node_service_pb2 as pb

from pipeline_service.commands.control import Control
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.ports import Caller
from pipeline_service.commands.views import Reader
from pipeline_service.domain.ids import NodeId, PipelineId
from pipeline_service.transport.node_changes import NodeChanges
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.repeats import Repeats
from pipeline_service.wire.edits import resolution_of
from pipeline_service.wire.names import parse_node
from pipeline_service.wire.resources import node_message
from servicekit.grpc_handlers import Context

Answer = TypeVar(
    "Answer",
    pb.RetryNodeResponse,
    pb.CancelNodeResponse,
    pb.PauseNodeResponse,
    pb.ResumeNodeResponse,
    pb.ApproveNodeResponse,
    pb.ResolveNodeResponse,
)


class NodeControl(NodeChanges):
    """Decodes, calls a command, answers the node as it is afterwards."""

    def __init__(self, *, control: Control, nodes: Nodes, reader: Reader, owners: Owners, repeats: Repeats) -> None:
        super().__init__(nodes=nodes, reader=reader, owners=owners, repeats=repeats)
        self._control = control

    async def RetryNode(self, request: pb.RetryNodeRequest, context: Context) -> pb.RetryNodeResponse:
        return await self._of_node(request, context, self._control.retry_node, pb.RetryNodeResponse)

    async def CancelNode(self, request: pb.CancelNodeRequest, context: Context) -> pb.CancelNodeResponse:
        return await self._of_node(request, context, self._control.cancel_node, pb.CancelNodeResponse)

    async def PauseNode(self, request: pb.PauseNodeRequest, context: Context) -> pb.PauseNodeResponse:
        return await self._of_node(request, context, self._control.pause_node, pb.PauseNodeResponse)

    async def ResumeNode(self, request: pb.ResumeNodeRequest, context: Context) -> pb.ResumeNodeResponse:
        return await self._of_node(request, context, self._control.resume_node, pb.ResumeNodeResponse)

    async def ApproveNode(self, request: pb.ApproveNodeRequest, context: Context) -> pb.ApproveNodeResponse:
        is_approved = request.approval == pb.APPROVAL_APPROVED
        command = partial(self._control.approve_node, is_approved=is_approved, message=request.message)
        return await self._of_node(request, context, command, pb.ApproveNodeResponse)

    async def ResolveNode(self, request: pb.ResolveNodeRequest, context: Context) -> pb.ResolveNodeResponse:
        command = partial(self._control.resolve_node, resolution=resolution_of(request))
        return await self._of_node(request, context, command, pb.ResolveNodeResponse)

    async def _of_node(
        self,
        request: Any,
        context: Context,
        command: Callable[[Caller, PipelineId, NodeId], Awaitable[None]],
        answer_type: type[Answer],
    ) -> Answer:
        caller = self._callers.caller(context)
        pipeline, node = parse_node(request.name)

        async def answer(_name: str) -> Answer:
            return answer_type(node=node_message(await self.show(caller.owner, pipeline, node), pipeline))

        async def act(by: Caller) -> Answer:
            await command(by, pipeline, node)
            return await answer(request.name)

        return await self._repeats.once(request, caller, answer_type=answer_type, act=act, rebuild=answer)
