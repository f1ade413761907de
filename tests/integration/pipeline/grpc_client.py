"""A client of the real services over mutual TLS, and what it makes of refusals."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from montage.v1 import (
    callback_service_pb2_grpc,
    execution_service_pb2,
    execution_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    resources_pb2,
)

from devstack.stack import Stack
from servicekit.tls import TlsFiles, channel_credentials
from tests.factories import a_document


class Client:
    """Stubs with one identity."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.pipelines = pipeline_service_pb2_grpc.PipelineServiceStub(channel)
        self.nodes = node_service_pb2_grpc.NodeServiceStub(channel)
        self.callbacks = callback_service_pb2_grpc.CallbackServiceStub(channel)
        self.executions = execution_service_pb2_grpc.ExecutionServiceStub(channel)

    async def import_(self, *nodes: dict[str, Any], document_id: str) -> Any:
        request = pipeline_service_pb2.ImportPipelineRequest()
        request.document.update(a_document(*nodes, document_id=document_id))
        return await self.pipelines.ImportPipeline(request)

    async def create_node(self, pipeline: str, node_id: str, *, strict: bool = False, **parts: Any) -> Any:
        """Add a noop node unless the parts say otherwise. Inputs are ids by slot."""
        node = node_message(
            pipeline, {"type": "noop", "config": {"provider": "local", "nonce": f"{pipeline}/{node_id}"}} | parts
        )
        request = node_service_pb2.CreateNodeRequest(
            parent=f"pipelines/{pipeline}", node_id=node_id, node=node, strict=strict
        )
        return (await self.nodes.CreateNode(request)).node

    async def update_node(self, pipeline: str, node_id: str, mask: list[str], **parts: Any) -> Any:
        node = node_message(pipeline, {"name": f"pipelines/{pipeline}/nodes/{node_id}"} | parts)
        request = node_service_pb2.UpdateNodeRequest(node=node, update_mask={"paths": mask})
        return (await self.nodes.UpdateNode(request)).node

    async def pipeline(self, pipeline: str) -> Any:
        request = pipeline_service_pb2.GetPipelineRequest(name=f"pipelines/{pipeline}")
        return (await self.pipelines.GetPipeline(request)).pipeline

    async def node(self, pipeline: str, node_id: str) -> Any:
        request = node_service_pb2.GetNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        return (await self.nodes.GetNode(request)).node

    async def node_ids(self, pipeline: str) -> list[str]:
        listed = await self.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{pipeline}"))
        return [node.name.split("/")[3] for node in listed.nodes]

    async def execute(self, pipeline: str, node_id: str) -> Any:
        request = node_service_pb2.ExecuteNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        return await self.nodes.ExecuteNode(request)

    async def fail(self, client: "Client", pipeline: str, node_id: str) -> None:
        """As the executor: take the node's execution and give it up for good."""
        execution_id = (await client.node(pipeline, node_id)).execution.split("/")[5]
        claim = str(uuid4())
        await self.executions.StartExecution(start_request(execution_id, claim))
        failure = resources_pb2.Failure(error_type="invalid_input", message="it broke")
        await self.executions.FailExecution(
            execution_service_pb2.FailExecutionRequest(execution_id=execution_id, claim=claim, failure=failure)
        )


def start_request(execution_id: str, claim: str) -> execution_service_pb2.StartExecutionRequest:
    return execution_service_pb2.StartExecutionRequest(execution_id=execution_id, claim=claim, dispatch_no=1)


def node_message(pipeline: str, parts: dict[str, Any]) -> resources_pb2.Node:
    node = resources_pb2.Node(
        **{key: parts[key] for key in ("name", "type", "title", "labels", "retry", "etag") if key in parts}
    )
    for slot, sources in parts.get("inputs", {}).items():
        node.inputs.add(slot=slot, nodes=[f"pipelines/{pipeline}/nodes/{source}" for source in sources])
    if "config" in parts:
        node.config.update(parts["config"])
    if "asset" in parts:
        node.asset.content = "x"
    return node


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Code, reason and field violations of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = refused.value
    status = rpc_status.from_call(error)
    assert status is not None
    fields: dict[str, str] = {}
    for detail in status.details:
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request):
            fields = {violation.field: violation.description for violation in bad_request.field_violations}
    return error.code(), reason_of(status.details), fields


def reason_of(details: Any) -> str:
    info = error_details_pb2.ErrorInfo()
    for detail in details:
        if detail.Unpack(info):
            assert info.domain == "montage"
            return info.reason
    raise AssertionError("an error without ErrorInfo")


def open_channel(stack: Stack, identity: str) -> grpc.aio.Channel:
    files = stack.layout.tls(identity)
    credentials = channel_credentials(TlsFiles(cert=files.cert, key=files.key, ca=files.ca))
    return grpc.aio.secure_channel(stack.addresses.pipeline, credentials)
