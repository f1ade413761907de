"""Reports of the executor over gRPC."""

from uuid import uuid4

import grpc
from montage.v1 import execution_service_pb2, node_service_pb2, pipeline_service_pb2, resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, reason_of, start_request


async def test_reports_of_one_call_have_answers_of_their_own(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), noop("b"), document_id=name)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    listed = await client.nodes.ListExecutions(
        node_service_pb2.ListExecutionsRequest(parent=f"pipelines/{name}/nodes/-")
    )
    one, other = listed.executions
    claim, lost = str(uuid4()), str(uuid4())
    reports = [
        execution_service_pb2.ExecutionReport(start=start_request(one.uid, claim)),
        execution_service_pb2.ExecutionReport(start=start_request(str(uuid4()), claim)),
        execution_service_pb2.ExecutionReport(
            heartbeat=execution_service_pb2.HeartbeatExecutionRequest(execution_id=one.uid, claim=lost)
        ),
        execution_service_pb2.ExecutionReport(
            complete=execution_service_pb2.CompleteExecutionRequest(
                execution_id=one.uid,
                claim=claim,
                output=resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_JSON, s3_key="../../etc", size_bytes=1),
            )
        ),
        execution_service_pb2.ExecutionReport(start=start_request(other.uid, claim)),
    ]

    answers = (
        await executor.executions.ReportExecutions(execution_service_pb2.ReportExecutionsRequest(reports=reports))
    ).answers

    assert [answer.WhichOneof("answer") for answer in answers] == ["start", "error", "heartbeat", "error", "start"]
    assert answers[0].start.outcome == execution_service_pb2.START_OUTCOME_CLAIMED
    assert answers[1].error.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert answers[2].heartbeat.disposition == execution_service_pb2.DISPOSITION_LOST
    assert reason_of(answers[3].error.details) == "KEY_OUTSIDE_PREFIX"
    assert answers[4].start.outcome == execution_service_pb2.START_OUTCOME_CLAIMED
