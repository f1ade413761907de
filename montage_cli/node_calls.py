"""NodeService as typed coroutines: nodes, their attempts, and the node types. Part of MontageClient."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2
from montage.v1 import node_service_pb2 as api
from montage.v1.node_type_pb2 import NodeType
from montage.v1.resources_pb2 import Execution, Node

from montage_cli.calls import PAGE_SIZE, Caller, new_request_id


class NodeCalls:
    """What can be asked of nodes and attempts, each by its resource name."""

    def __init__(self, stub: Any, caller: Caller) -> None:
        """`stub` is that of NodeService."""
        self._nodes = stub
        self._caller = caller

    async def get_node(self, name: str) -> Node:
        answer: api.GetNodeResponse = await self._caller.safe(self._nodes.GetNode, api.GetNodeRequest(name=name))
        return answer.node

    async def list_nodes(self, pipeline: str, *, where: str = "", order_by: str = "") -> AsyncIterator[Node]:
        """Nodes of a pipeline in the order of its document unless `order_by` says otherwise; `where` is a filter."""
        request = api.ListNodesRequest(parent=pipeline, page_size=PAGE_SIZE, filter=where, order_by=order_by)
        async for page in self._caller.pages(self._nodes.ListNodes, request):
            for node in page.nodes:
                yield node

    async def create_node(
        self, pipeline: str, node: Node, *, node_id: str = "", strict: bool = False, validate_only: bool = False
    ) -> Node:
        """Add a node; one that breaks its type's rules is kept with its problems, unless `strict`.

        With `validate_only` only tell what it would be.
        """
        request = api.CreateNodeRequest(
            parent=pipeline,
            node_id=node_id,
            node=node,
            strict=strict,
            validate_only=validate_only,
            request_id=new_request_id(),
        )
        answer: api.CreateNodeResponse = await self._caller.safe(self._nodes.CreateNode, request)
        return answer.node

    async def update_node(self, node: Node, *fields: str, strict: bool = False, validate_only: bool = False) -> Node:
        """Give `title`, `labels`, `retry`, `inputs`, `config` or `asset` the values in `node`; its etag is checked.

        With `validate_only` only tell what it would be.
        """
        request = api.UpdateNodeRequest(
            node=node,
            update_mask=field_mask_pb2.FieldMask(paths=fields),
            strict=strict,
            validate_only=validate_only,
            request_id=new_request_id(),
        )
        answer: api.UpdateNodeResponse = await self._caller.safe(self._nodes.UpdateNode, request)
        return answer.node

    async def delete_node(self, name: str, *, etag: str = "") -> None:
        """Delete a node and every reference to it."""
        request = api.DeleteNodeRequest(name=name, etag=etag, request_id=new_request_id())
        await self._caller.safe(self._nodes.DeleteNode, request)

    async def execute_node(self, name: str, *, force: bool = False) -> Execution:
        """Run one node whose inputs are complete; while it runs, the running execution is answered."""
        request = api.ExecuteNodeRequest(name=name, force=force, request_id=new_request_id())
        answer: api.ExecuteNodeResponse = await self._caller.safe(self._nodes.ExecuteNode, request)
        return answer.execution

    async def retry_node(self, name: str) -> Node:
        """Try a failed node again, and what was left out because of it."""
        request = api.RetryNodeRequest(name=name, request_id=new_request_id())
        answer: api.RetryNodeResponse = await self._caller.safe(self._nodes.RetryNode, request)
        return answer.node

    async def cancel_node(self, name: str) -> Node:
        """End the active execution of a node."""
        request = api.CancelNodeRequest(name=name, request_id=new_request_id())
        answer: api.CancelNodeResponse = await self._caller.safe(self._nodes.CancelNode, request)
        return answer.node

    async def pause_node(self, name: str) -> Node:
        """Do not start a node again until it is resumed; what runs goes on."""
        request = api.PauseNodeRequest(name=name, request_id=new_request_id())
        answer: api.PauseNodeResponse = await self._caller.safe(self._nodes.PauseNode, request)
        return answer.node

    async def resume_node(self, name: str) -> Node:
        request = api.ResumeNodeRequest(name=name, request_id=new_request_id())
        answer: api.ResumeNodeResponse = await self._caller.safe(self._nodes.ResumeNode, request)
        return answer.node

    async def approve_node(self, name: str, approval: "api.Approval", *, message: str = "") -> Node:
        """Decide for a node whose execution waits for a person; `message` says why, for the history."""
        request = api.ApproveNodeRequest(name=name, approval=approval, message=message, request_id=new_request_id())
        answer: api.ApproveNodeResponse = await self._caller.safe(self._nodes.ApproveNode, request)
        return answer.node

    async def resolve_node(self, name: str, *, job_id: str = "", submits_again: bool = False) -> Node:
        """Say what became of a submission in doubt: the vendor has it as a job, or never had it; else nobody knows."""
        request = api.ResolveNodeRequest(name=name, request_id=new_request_id())
        if job_id:
            request.adopt_job_id = job_id
        elif submits_again:
            request.submit_again.SetInParent()
        else:
            request.give_up.SetInParent()
        answer: api.ResolveNodeResponse = await self._caller.safe(self._nodes.ResolveNode, request)
        return answer.node

    async def get_output_url(self, node: str, *, lifetime: timedelta | None = None) -> api.GetNodeOutputUrlResponse:
        """A presigned URL for the last good output, good for 15 minutes unless `lifetime` (up to 7 days) is given."""
        request = api.GetNodeOutputUrlRequest(name=node)
        if lifetime is not None:
            duration = duration_pb2.Duration()
            duration.FromTimedelta(lifetime)
            request.lifetime.CopyFrom(duration)
        answer: api.GetNodeOutputUrlResponse = await self._caller.safe(self._nodes.GetNodeOutputUrl, request)
        return answer

    async def get_sheet_url(self, node: str) -> api.GetNodeOutputUrlResponse:
        """A presigned URL for the contact sheet of the last good output, good for 15 minutes."""
        request = api.GetNodeOutputUrlRequest(name=node, contact_sheet=True)
        answer: api.GetNodeOutputUrlResponse = await self._caller.safe(self._nodes.GetNodeOutputUrl, request)
        return answer

    async def get_execution(self, name: str) -> Execution:
        request = api.GetExecutionRequest(name=name)
        answer: api.GetExecutionResponse = await self._caller.safe(self._nodes.GetExecution, request)
        return answer.execution

    async def list_executions(self, parent: str, *, where: str = "", order_by: str = "") -> AsyncIterator[Execution]:
        """Attempts of a node, newest first; with `-` as the node those of all nodes of the pipeline."""
        request = api.ListExecutionsRequest(parent=parent, page_size=PAGE_SIZE, filter=where, order_by=order_by)
        async for page in self._caller.pages(self._nodes.ListExecutions, request):
            for execution in page.executions:
                yield execution

    async def list_node_types(self) -> Sequence[NodeType]:
        """Every node type by name, with its slots and settings."""
        request = api.ListNodeTypesRequest()
        answer: api.ListNodeTypesResponse = await self._caller.safe(self._nodes.ListNodeTypes, request)
        return list(answer.node_types)

    async def get_node_type(self, name: str) -> NodeType:
        """`nodeTypes/{node_type}`."""
        request = api.GetNodeTypeRequest(name=name)
        answer: api.GetNodeTypeResponse = await self._caller.safe(self._nodes.GetNodeType, request)
        return answer.node_type

    async def list_vendors(self) -> Sequence[api.Vendor]:
        """Every vendor by name, with how much it is asked to do at once."""
        request = api.ListVendorsRequest()
        answer: api.ListVendorsResponse = await self._caller.safe(self._nodes.ListVendors, request)
        return list(answer.vendors)
