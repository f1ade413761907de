"""Drafts over gRPC: a shadow beside the pipeline, in no list, not to be edited, gone with its pipeline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from montage.v1 import execution_service_pb2 as execution_pb
from montage.v1 import node_service_pb2 as node_pb
from montage.v1 import pipeline_service_pb2 as pb
from montage.v1 import resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal, start_request

PAID = noop("a", provider="ledger")


async def draft(client: Client, name: str, **arguments: Any) -> resources_pb2.Run:
    request = pb.RunPipelineRequest(name=f"pipelines/{name}", draft=True, **arguments)
    return (await client.pipelines.RunPipeline(request)).run


async def plan_of_draft(client: Client, name: str) -> pb.Plan:
    request = pb.PlanPipelineRequest(name=f"pipelines/{name}", draft=True)
    return (await client.pipelines.PlanPipeline(request)).plan


async def complete(client: Client, executor: Client, pipeline: str, node: str) -> execution_pb.StartExecutionResponse:
    """As the executor: do the node's work, which is a small JSON."""
    execution_id = (await client.node(pipeline, node)).execution.split("/")[5]
    claim = str(uuid4())
    started: execution_pb.StartExecutionResponse = await executor.executions.StartExecution(
        start_request(execution_id, claim)
    )
    output = resources_pb2.Output(
        type=resources_pb2.MEDIA_TYPE_JSON, content='"draft"', content_type="application/json", size_bytes=7
    )
    await executor.executions.CompleteExecution(
        execution_pb.CompleteExecutionRequest(execution_id=execution_id, claim=claim, output=output)
    )
    return started


async def test_draft_is_made_by_free_vendors_and_nothing_of_the_pipeline_changes(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(PAID, noop("b", "a"), document_id=name)

    run = await draft(client, name, targets=[f"pipelines/{name}/nodes/b"], priority=3)
    started = await complete(client, executor, f"{name}~draft", "a")

    assert run.name.startswith(f"pipelines/{name}~draft/runs/")
    assert (run.targets, run.priority) == ([f"pipelines/{name}~draft/nodes/b"], 3)
    assert (started.task.provider, started.task.config["draft"]) == ("local", True)
    assert not started.task.HasField("purchase")
    original = await client.node(name, "a")
    assert (original.state, original.execution) == (resources_pb2.NODE_STATE_PENDING, "")
    shown = (await client.pipelines.GetPipeline(pb.GetPipelineRequest(name=f"pipelines/{name}~draft"))).pipeline
    assert shown.title == "DRAFT A film"


async def test_normal_run_after_a_draft_makes_everything_itself(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await draft(client, name)
    await complete(client, executor, f"{name}~draft", "a")

    run = (await client.pipelines.RunPipeline(pb.RunPipelineRequest(name=f"pipelines/{name}"))).run

    assert [row.decision for row in run.nodes] == [resources_pb2.RUN_DECISION_ACTIVE]
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_IN_PROGRESS


async def test_second_draft_keeps_what_was_made_and_makes_what_was_edited(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(noop("a"), noop("b"), document_id=name)
    await draft(client, name)
    for node in ("a", "b"):
        await complete(client, executor, f"{name}~draft", node)
    again = await draft(client, name)
    await client.import_(noop("a"), noop("b", seconds=1), document_id=name)

    edited = await draft(client, name)

    assert again.state == resources_pb2.RUN_STATE_SUCCEEDED
    assert {row.node.split("/")[3]: row.decision for row in edited.nodes} == {
        "a": resources_pb2.RUN_DECISION_REUSED,
        "b": resources_pb2.RUN_DECISION_ACTIVE,
    }


async def test_plan_of_a_draft_leaves_nothing_and_is_what_the_draft_then_does(client: Client, name: str) -> None:
    await client.import_(PAID, noop("b", "a"), document_id=name)

    planned = await plan_of_draft(client, name)
    preview = await draft(client, name, validate_only=True)

    assert [(one.node, pb.PlanAction.Name(one.action)) for one in planned.nodes] == [
        (f"pipelines/{name}/nodes/a", "PLAN_ACTION_RUN"),
        (f"pipelines/{name}/nodes/b", "PLAN_ACTION_MAYBE"),
    ]
    assert (preview.name, len(preview.nodes)) == ("", 2)
    code, _, _ = await refusal(client.pipelines.GetPipeline(pb.GetPipelineRequest(name=f"pipelines/{name}~draft")))
    assert code == grpc.StatusCode.NOT_FOUND
    assert (await draft(client, name, plan_digest=planned.digest)).name
    await client.import_(PAID, noop("b", "a", seconds=1), document_id=name)
    code, reason, _ = await refusal(draft(client, name, plan_digest=planned.digest))
    assert (code, reason) == (grpc.StatusCode.ABORTED, "PLAN_CHANGED")


async def test_draft_is_in_no_list(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await draft(client, name)

    listed = await client.pipelines.ListPipelines(pb.ListPipelinesRequest(page_size=500))

    names = [pipeline.name for pipeline in listed.pipelines]
    assert f"pipelines/{name}" in names
    assert not [one for one in names if "~" in one]


async def test_repeated_request_for_a_draft_answers_the_first_one(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    request_id = str(uuid4())

    first = await draft(client, name, request_id=request_id)
    second = await draft(client, name, request_id=request_id)

    assert second.name == first.name
    runs = await client.pipelines.ListRuns(pb.ListRunsRequest(parent=f"pipelines/{name}~draft"))
    assert [run.name for run in runs.runs] == [first.name]


@pytest.mark.parametrize(
    "call",
    [
        lambda one, name: one.pipelines.RunPipeline(pb.RunPipelineRequest(name=name)),
        lambda one, name: one.pipelines.RunPipeline(pb.RunPipelineRequest(name=name, draft=True)),
        lambda one, name: one.pipelines.ExportPipeline(pb.ExportPipelineRequest(name=name)),
        lambda one, name: one.pipelines.DeletePipeline(pb.DeletePipelineRequest(name=name, force=True)),
        lambda one, name: one.pipelines.UpdatePipeline(pb.UpdatePipelineRequest(pipeline={"name": name, "title": "x"})),
        lambda one, name: one.nodes.CreateNode(node_pb.CreateNodeRequest(parent=name, node={"type": "noop"})),
        lambda one, name: one.nodes.DeleteNode(node_pb.DeleteNodeRequest(name=f"{name}/nodes/a")),
        lambda one, name: one.nodes.ExecuteNode(node_pb.ExecuteNodeRequest(name=f"{name}/nodes/a")),
        lambda one, name: one.nodes.UpdateNode(node_pb.UpdateNodeRequest(node={"name": f"{name}/nodes/a"})),
    ],
)
async def test_shadow_cannot_be_changed_by_itself(
    client: Client, name: str, call: Callable[[Client, str], Awaitable[Any]]
) -> None:
    await client.import_(noop("a"), document_id=name)
    await draft(client, name)

    code, _, _ = await refusal(call(client, f"pipelines/{name}~draft"))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert await client.node_ids(f"{name}~draft") == ["a"]


async def test_draft_can_be_stopped(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    run = await draft(client, name)

    ended = (await client.pipelines.CancelRun(pb.CancelRunRequest(name=run.name))).run

    assert ended.state == resources_pb2.RUN_STATE_CANCELLED


async def test_draft_is_deleted_with_its_pipeline_whatever_runs_in_it(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await draft(client, name)

    await client.pipelines.DeletePipeline(pb.DeletePipelineRequest(name=f"pipelines/{name}"))

    for gone in (name, f"{name}~draft"):
        code, _, _ = await refusal(client.node(gone, "a"))
        assert code == grpc.StatusCode.NOT_FOUND
    await client.import_(noop("a"), document_id=name)
    assert (await draft(client, name)).state == resources_pb2.RUN_STATE_ACTIVE


async def test_draft_of_nobody_is_not_found_and_leaves_nothing(client: Client, name: str) -> None:
    code, _, _ = await refusal(draft(client, name))

    assert code == grpc.StatusCode.NOT_FOUND
    code, _, _ = await refusal(client.pipelines.GetPipeline(pb.GetPipelineRequest(name=f"pipelines/{name}~draft")))
    assert code == grpc.StatusCode.NOT_FOUND


async def test_file_of_a_draft_says_so(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await draft(client, name)
    await complete(client, executor, f"{name}~draft", "a")

    request = node_pb.GetNodeOutputUrlRequest(name=f"pipelines/{name}~draft/nodes/a")

    assert (await client.nodes.GetNodeOutputUrl(request)).file_name == "a-DRAFT.json"


async def test_drafts_that_are_asked_for_at_once_share_one_shadow(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    runs = await asyncio.gather(*(draft(client, name) for _ in range(5)))

    assert len({run.name for run in runs}) == 5
    assert len({run.nodes[0].execution for run in runs}) == 1


async def test_deletion_at_the_moment_of_a_draft_leaves_neither(client: Client, name: str) -> None:
    for _ in range(8):
        await client.import_(noop("a"), document_id=name)
        delete = client.pipelines.DeletePipeline(pb.DeletePipelineRequest(name=f"pipelines/{name}", force=True))

        await asyncio.gather(delete, draft(client, name), return_exceptions=True)

        for gone in (name, f"{name}~draft"):
            code, _, _ = await refusal(client.pipelines.GetPipeline(pb.GetPipelineRequest(name=f"pipelines/{gone}")))
            assert code == grpc.StatusCode.NOT_FOUND
