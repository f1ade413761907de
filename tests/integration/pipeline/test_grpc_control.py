"""Hold, let go on, end, try again and approve, over gRPC and in the database."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from montage.v1 import execution_service_pb2, node_service_pb2, pipeline_service_pb2, resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal

CHAIN = (noop("a"), noop("b", "a"))


async def run(client: Client, name: str) -> Any:
    request = pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}")
    return (await client.pipelines.RunPipeline(request)).run


async def state_of(client: Client, run_name: str) -> str:
    found = await client.pipelines.GetRun(pipeline_service_pb2.GetRunRequest(name=run_name))
    return resources_pb2.RunState.Name(found.run.state).removeprefix("RUN_STATE_")


async def start(client: Client, executor: Client, name: str, node: str, *, dispatch_no: int = 1) -> tuple[str, Any]:
    """The claim, and what became of it."""
    execution_id = (await client.node(name, node)).execution.split("/")[5]
    request = execution_service_pb2.StartExecutionRequest(
        execution_id=execution_id, claim=str(uuid4()), dispatch_no=dispatch_no
    )
    answer = await executor.executions.StartExecution(request)
    return request.claim, execution_service_pb2.StartOutcome.Name(answer.outcome).removeprefix("START_OUTCOME_")


async def test_held_run_is_answered_paused_until_it_is_resumed(client: Client, executor: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    made = await run(client, name)

    held = await client.pipelines.PauseRun(pipeline_service_pb2.PauseRunRequest(name=made.name))
    _, while_held = await start(client, executor, name, "a")
    resumed = await client.pipelines.ResumeRun(pipeline_service_pb2.ResumeRunRequest(name=made.name))
    _, afterwards = await start(client, executor, name, "a", dispatch_no=2)

    assert held.run.state == resources_pb2.RUN_STATE_PAUSED
    assert resumed.run.state == resources_pb2.RUN_STATE_ACTIVE
    assert (while_held, afterwards) == ("PAUSED", "CLAIMED")


async def test_held_pipeline_shows_it_and_its_later_runs_wait(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)

    held = await client.pipelines.PausePipeline(pipeline_service_pb2.PausePipelineRequest(name=f"pipelines/{name}"))
    await run(client, name)

    assert held.pipeline.paused
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_PENDING
    request = pipeline_service_pb2.ResumePipelineRequest(name=f"pipelines/{name}")
    assert not (await client.pipelines.ResumePipeline(request)).pipeline.paused
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_IN_PROGRESS


async def test_held_node_shows_it_and_waits(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    node = f"pipelines/{name}/nodes/a"

    held = await client.nodes.PauseNode(node_service_pb2.PauseNodeRequest(name=node))
    await run(client, name)

    assert held.node.paused
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_PENDING
    resumed = await client.nodes.ResumeNode(node_service_pb2.ResumeNodeRequest(name=node))
    assert (resumed.node.paused, resumed.node.state) == (False, resources_pb2.NODE_STATE_IN_PROGRESS)


async def test_cancelled_run_gives_up_its_work_and_cannot_be_held_any_more(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(*CHAIN, document_id=name)
    made = await run(client, name)
    claim, _ = await start(client, executor, name, "a")
    execution_id = (await client.node(name, "a")).execution.split("/")[5]

    ended = await client.pipelines.CancelRun(pipeline_service_pb2.CancelRunRequest(name=made.name))

    beat = await executor.executions.HeartbeatExecution(
        execution_service_pb2.HeartbeatExecutionRequest(execution_id=execution_id, claim=claim)
    )
    assert ended.run.state == resources_pb2.RUN_STATE_CANCELLED
    assert beat.disposition == execution_service_pb2.DISPOSITION_SUPERSEDED
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_PENDING
    code, reason, _ = await refusal(client.pipelines.PauseRun(pipeline_service_pb2.PauseRunRequest(name=made.name)))
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")


async def test_cancelled_pipeline_ends_all_its_runs(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    first, second = await run(client, name), await run(client, name)

    await client.pipelines.CancelPipeline(pipeline_service_pb2.CancelPipelineRequest(name=f"pipelines/{name}"))

    assert [await state_of(client, one.name) for one in (first, second)] == ["CANCELLED", "CANCELLED"]


async def test_cancelled_node_fails_the_run_that_wanted_it(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    made = await run(client, name)
    request = node_service_pb2.CancelNodeRequest(name=f"pipelines/{name}/nodes/a")

    ended = await client.nodes.CancelNode(request)

    assert ended.node.state == resources_pb2.NODE_STATE_PENDING
    assert await state_of(client, made.name) == "FAILED"
    code, _, _ = await refusal(client.nodes.CancelNode(request))
    assert code is grpc.StatusCode.FAILED_PRECONDITION


async def test_failed_node_is_tried_again_with_what_was_left_out(client: Client, executor: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    failed = await run(client, name)
    await executor.fail(client, name, "a")
    node = f"pipelines/{name}/nodes/a"

    retried = await client.nodes.RetryNode(node_service_pb2.RetryNodeRequest(name=node))

    runs = (await client.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent=f"pipelines/{name}"))).runs
    assert retried.node.state == resources_pb2.NODE_STATE_IN_PROGRESS
    assert list(runs[0].targets) == [node, f"pipelines/{name}/nodes/b"]
    assert await state_of(client, failed.name) == "FAILED"
    code, _, _ = await refusal(client.nodes.RetryNode(node_service_pb2.RetryNodeRequest(name=node)))
    assert code is grpc.StatusCode.FAILED_PRECONDITION


async def test_repeated_retry_under_one_request_id_starts_one_run(client: Client, executor: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    await run(client, name)
    await executor.fail(client, name, "a")
    request = node_service_pb2.RetryNodeRequest(name=f"pipelines/{name}/nodes/a", request_id=f"retry-{name}")

    first = await client.nodes.RetryNode(request)
    again = await client.nodes.RetryNode(request)

    runs = (await client.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent=f"pipelines/{name}"))).runs
    assert again == first
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("approval", "state"),
    [
        (node_service_pb2.APPROVAL_APPROVED, resources_pb2.NODE_STATE_IN_PROGRESS),
        (node_service_pb2.APPROVAL_REJECTED, resources_pb2.NODE_STATE_FAILED),
    ],
)
async def test_person_decides_about_an_execution_that_waits_for_one(
    client: Client, executor: Client, name: str, approval: Any, state: Any
) -> None:
    await client.import_(*CHAIN, document_id=name)
    await run(client, name)
    claim, _ = await start(client, executor, name, "a")
    execution_id = (await client.node(name, "a")).execution.split("/")[5]
    request = node_service_pb2.ApproveNodeRequest(name=f"pipelines/{name}/nodes/a", approval=approval)
    code, _, _ = await refusal(client.nodes.ApproveNode(request))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    await executor.executions.HeartbeatExecution(
        execution_service_pb2.HeartbeatExecutionRequest(
            execution_id=execution_id, claim=claim, waiting_for=resources_pb2.WAITING_FOR_HUMAN
        )
    )

    decided = await client.nodes.ApproveNode(request)

    assert decided.node.state == state


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (
            lambda client, name: client.pipelines.CancelRun(
                pipeline_service_pb2.CancelRunRequest(name=f"pipelines/{name}/runs/{uuid4()}")
            ),
            "RUN_NOT_FOUND",
        ),
        (
            lambda client, name: client.pipelines.PauseRun(
                pipeline_service_pb2.PauseRunRequest(name=f"pipelines/{name}/runs/{'-' * 36}")
            ),
            "RUN_NOT_FOUND",
        ),
        (
            lambda client, name: client.nodes.PauseNode(
                node_service_pb2.PauseNodeRequest(name=f"pipelines/{name}/nodes/none")
            ),
            "NODE_NOT_FOUND",
        ),
        (
            lambda client, _name: client.pipelines.PausePipeline(
                pipeline_service_pb2.PausePipelineRequest(name="pipelines/none")
            ),
            "PIPELINE_NOT_FOUND",
        ),
    ],
)
async def test_what_does_not_exist_cannot_be_held(client: Client, name: str, call: Any, reason: str) -> None:
    await client.import_(*CHAIN, document_id=name)

    code, found, _ = await refusal(call(client, name))

    assert (code, found) == (grpc.StatusCode.NOT_FOUND, reason)
