"""What is refused over gRPC, with code, reason and field."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from montage.v1 import node_service_pb2, pipeline_service_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (
            lambda one: one.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name="pipelines/nobody")),
            "PIPELINE",
        ),
        (lambda one: one.nodes.GetNode(node_service_pb2.GetNodeRequest(name="pipelines/nobody/nodes/a")), "NODE"),
        (lambda one: one.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent="pipelines/nobody")), "PIPELINE"),
        (
            lambda one: one.nodes.GetExecution(
                node_service_pb2.GetExecutionRequest(name=f"pipelines/x/nodes/a/executions/{uuid4()}")
            ),
            "EXECUTION",
        ),
        (lambda one: one.nodes.GetNodeType(node_service_pb2.GetNodeTypeRequest(name="nodeTypes/nop")), "NODE_TYPE"),
        (
            lambda one: one.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent="pipelines/nobody")),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.ListEvents(pipeline_service_pb2.ListEventsRequest(parent="pipelines/nobody")),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.ExportPipeline(
                pipeline_service_pb2.ExportPipelineRequest(name="pipelines/nobody")
            ),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.GetRun(pipeline_service_pb2.GetRunRequest(name=f"pipelines/x/runs/{'0' * 36}")),
            "RUN",
        ),
        (
            lambda one: one.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name="pipelines/nobody")),
            "PIPELINE",
        ),
    ],
)
async def test_what_does_not_exist_is_not_found(client: Client, call: Any, reason: str) -> None:
    code, found, _ = await refusal(call(client))

    assert (code, found) == (grpc.StatusCode.NOT_FOUND, f"{reason}_NOT_FOUND")


@pytest.mark.parametrize("bad", ["", "pipelines/", "pipelines/A", "pipelines/a/b", "pipelines/..", "x" * 10_000])
async def test_name_that_is_none_is_refused_with_its_field(client: Client, bad: str) -> None:
    code, reason, fields = await refusal(
        client.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name=bad))
    )

    assert (code, reason, list(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["name"])


async def test_target_of_another_pipeline_is_refused(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    code, _, fields = await refusal(
        client.pipelines.RunPipeline(
            pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}", targets=["pipelines/other/nodes/a"])
        )
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "expected 'pipelines/" in fields["targets"]
