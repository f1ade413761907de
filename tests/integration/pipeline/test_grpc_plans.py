"""Plans over gRPC, and the run that insists on one."""

from typing import Any

import grpc
from montage.v1 import pipeline_service_pb2 as pb
from montage.v1 import resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal

CHAIN = (noop("a"), noop("b", "a"))


async def plan(client: Client, name: str, **arguments: Any) -> pb.Plan:
    answer = await client.pipelines.PlanPipeline(pb.PlanPipelineRequest(name=f"pipelines/{name}", **arguments))
    return answer.plan


async def run(client: Client, name: str, **arguments: Any) -> resources_pb2.Run:
    answer = await client.pipelines.RunPipeline(pb.RunPipelineRequest(name=f"pipelines/{name}", **arguments))
    return answer.run


def actions(planned: pb.Plan) -> dict[str, str]:
    return {
        node.node.split("/")[3]: pb.PlanAction.Name(node.action).removeprefix("PLAN_ACTION_") for node in planned.nodes
    }


async def test_plan_says_what_the_run_that_insists_on_it_does(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)

    planned = await plan(client, name)
    made = await run(client, name, plan_digest=planned.digest, priority=7)

    assert actions(planned) == {"a": "RUN", "b": "MAYBE"}
    assert [resources_pb2.RunDecision.Name(row.decision) for row in made.nodes] == [
        "RUN_DECISION_ACTIVE",
        "RUN_DECISION_WANTED",
    ]
    assert (made.priority, made.force) == (7, False)


async def test_run_that_insists_on_a_plan_of_before_is_refused(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)
    planned = await plan(client, name)
    await client.import_(noop("a", nonce=f"{name}/new"), noop("b", "a"), document_id=name)

    code, reason, _ = await refusal(run(client, name, plan_digest=planned.digest))

    assert (code, reason) == (grpc.StatusCode.ABORTED, "PLAN_CHANGED")
    runs = await client.pipelines.ListRuns(pb.ListRunsRequest(parent=f"pipelines/{name}"))
    assert list(runs.runs) == []


async def test_run_that_is_only_validated_has_no_name_and_leaves_nothing(client: Client, name: str) -> None:
    await client.import_(*CHAIN, document_id=name)

    would_be = await run(client, name, validate_only=True, force=True)

    assert (would_be.name, would_be.uid, would_be.force) == ("", "", True)
    assert [(row.node.split("/")[3], row.decision, row.execution) for row in would_be.nodes] == [
        ("a", resources_pb2.RUN_DECISION_ACTIVE, ""),
        ("b", resources_pb2.RUN_DECISION_WANTED, ""),
    ]
    assert (await client.node(name, "a")).state == resources_pb2.NODE_STATE_PENDING


async def test_validated_run_of_an_invalid_node_is_refused_as_the_run_would_be(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await client.create_node(name, "b", config={"provider": "local", "seconds": "soon"})

    code, reason, _ = await refusal(run(client, name, validate_only=True))
    planned = await plan(client, name)

    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")
    assert actions(planned) == {"a": "RUN", "b": "BLOCKED"}
