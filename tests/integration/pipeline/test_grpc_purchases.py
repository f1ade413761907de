"""Paid work over gRPC and Postgres: intended with the claim, asked about by polls, settled once."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from montage.v1 import callback_service_pb2, node_service_pb2, pipeline_service_pb2, resources_pb2, work_pb2
from montage.v1 import execution_service_pb2 as pb

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal
from tests.patience import PATIENCE_S


async def start(executor: Client, execution_id: str, *, kind: Any = None, number: int = 1) -> tuple[Any, str]:
    claim = str(uuid4())
    request = pb.StartExecutionRequest(
        execution_id=execution_id, claim=claim, dispatch_no=number, kind=kind or work_pb2.WORK_KIND_RUN
    )
    return await executor.executions.StartExecution(request), claim


async def run(client: Client, name: str) -> str:
    """Run the pipeline's one node; answers the id of its execution."""
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    node = await client.node(name, "clip")
    execution: str = node.execution.split("/")[5]
    return execution


async def submit(
    executor: Client, execution_id: str, claim: str, *, next_poll_after_s: int = 1, job_id: str = "job-7"
) -> None:
    beat = pb.HeartbeatExecutionRequest(
        execution_id=execution_id, claim=claim, waiting_for=resources_pb2.WAITING_FOR_VENDOR
    )
    beat.purchase.outcome = pb.PURCHASE_OUTCOME_SUBMITTED
    beat.purchase.job_id = job_id
    beat.purchase.next_poll_after.seconds = next_poll_after_s
    answer = await executor.executions.HeartbeatExecution(beat)
    assert answer.disposition == pb.DISPOSITION_APPLIED


async def take_poll(executor: Client, execution_id: str) -> tuple[Any, str]:
    """Wait until the timer has sent the poll, and take it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer, claim = await start(executor, execution_id, kind=work_pb2.WORK_KIND_POLL)
            if answer.outcome == pb.START_OUTCOME_CLAIMED and answer.task.purchase.job_id:
                return answer, claim
            await asyncio.sleep(0.05)


async def test_claim_of_paid_work_is_handed_the_key_of_its_purchase(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(noop("clip", provider="ledger"), document_id=name)

    answer, _ = await start(executor, await run(client, name))

    purchase = answer.task.purchase
    assert purchase.state == work_pb2.PURCHASE_STATE_INTENDED
    assert purchase.submit_key
    assert not purchase.possibly_submitted


async def test_free_work_is_handed_no_purchase(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("clip"), document_id=name)

    answer, _ = await start(executor, await run(client, name))

    assert not answer.task.HasField("purchase")


async def test_execution_after_an_edit_and_back_adopts_the_vendors_job(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(noop("clip", provider="ledger"), document_id=name)
    first = await run(client, name)
    answer, claim = await start(executor, first)
    await submit(executor, first, claim, next_poll_after_s=3600)
    await client.import_(noop("clip", provider="ledger", nonce="other"), document_id=name)
    await client.import_(noop("clip", provider="ledger"), document_id=name)

    again, _ = await start(executor, await run(client, name))

    assert again.task.purchase.submit_key == answer.task.purchase.submit_key
    assert again.task.purchase.job_id == "job-7"


async def test_poll_is_sent_when_it_is_due_and_says_what_the_job_is(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(noop("clip", provider="ledger"), document_id=name)
    execution = await run(client, name)
    _, claim = await start(executor, execution)
    await submit(executor, execution, claim)

    answer, _ = await take_poll(executor, execution)

    assert answer.task.purchase.job_id == "job-7"
    assert answer.key_prefix.startswith("pipelines/")


async def test_job_of_a_deleted_pipeline_is_asked_about_to_its_end(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("clip", provider="ledger"), document_id=name)
    execution = await run(client, name)
    _, claim = await start(executor, execution)
    await submit(executor, execution, claim)
    await client.pipelines.DeletePipeline(
        pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}", force=True)
    )

    _, poll_claim = await take_poll(executor, execution)
    over = pb.FailExecutionRequest(execution_id=execution, claim=poll_claim)
    over.failure.error_type = "moderation"
    over.failure.message = "declined"
    over.purchase.outcome = pb.PURCHASE_OUTCOME_FAILED
    await executor.executions.FailExecution(over)
    late, _ = await start(executor, execution, kind=work_pb2.WORK_KIND_POLL, number=99)

    assert late.outcome == pb.START_OUTCOME_STALE


async def test_submission_in_doubt_is_resolved_by_a_person_and_not_approved(
    client: Client, executor: Client, name: str
) -> None:
    await client.import_(noop("clip", provider="ledger-blind"), document_id=name)
    execution = await run(client, name)
    _, claim = await start(executor, execution)
    beat = pb.HeartbeatExecutionRequest(
        execution_id=execution, claim=claim, waiting_for=resources_pb2.WAITING_FOR_HUMAN
    )
    beat.purchase.outcome = pb.PURCHASE_OUTCOME_UNKNOWN
    await executor.executions.HeartbeatExecution(beat)
    node = f"pipelines/{name}/nodes/clip"
    approval = node_service_pb2.ApproveNodeRequest(name=node, approval=node_service_pb2.APPROVAL_APPROVED)

    code, _, _ = await refusal(client.nodes.ApproveNode(approval))
    await client.nodes.ResolveNode(node_service_pb2.ResolveNodeRequest(name=node, adopt_job_id="job-3"))
    shown = await client.nodes.GetExecution(node_service_pb2.GetExecutionRequest(name=f"{node}/executions/{execution}"))

    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert shown.execution.waiting_for == resources_pb2.WAITING_FOR_VENDOR
    assert shown.execution.vendor_job_id == "job-3"
    answer, _ = await take_poll(executor, execution)
    assert answer.task.purchase.job_id == "job-3"


async def test_signal_of_the_vendor_has_a_job_asked_about_long_before_its_time(
    client: Client, executor: Client, gateway: Client, name: str
) -> None:
    await client.import_(noop("clip", provider="ledger"), document_id=name)
    execution = await run(client, name)
    _, claim = await start(executor, execution)
    await submit(executor, execution, claim, next_poll_after_s=3600, job_id=f"job-{name}")
    request = callback_service_pb2.SignalVendorJobRequest(vendor="ledger", job_id=f"job-{name}")

    answer = await gateway.callbacks.SignalVendorJob(request)
    asked, _ = await take_poll(executor, execution)
    again = await gateway.callbacks.SignalVendorJob(request)

    assert answer.outcome == callback_service_pb2.SIGNAL_OUTCOME_BROUGHT_FORWARD
    assert asked.task.purchase.job_id == f"job-{name}"
    # A worker asks: it asks again 5 s later, since this may be news that it did not see.
    assert again.outcome == callback_service_pb2.SIGNAL_OUTCOME_BROUGHT_FORWARD


@pytest.mark.parametrize("job_id", ["job-of-nobody", "with\x00nul"])
async def test_signal_of_an_unknown_job_is_answered_and_not_refused(gateway: Client, job_id: str) -> None:
    request = callback_service_pb2.SignalVendorJobRequest(vendor="ledger", job_id=job_id)

    answer = await gateway.callbacks.SignalVendorJob(request)

    assert answer.outcome == callback_service_pb2.SIGNAL_OUTCOME_UNKNOWN_JOB
