"""Reports that are late, wrong, foreign or forged: each gets its answer, the others apply, no other row moves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from montage.v1 import execution_service_pb2 as api
from montage.v1 import node_service_pb2, pipeline_service_pb2, resources_pb2
from prometheus_client.parser import text_string_to_metric_families

from devstack.stack import Stack
from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, reason_of, refusal

NODES = ("queued", "held", "failed", "cancelled", "done", "neighbour")
NO_ID = "00000000-0000-4000-8000-00000000dead"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A pipeline whose nodes stand in every way, with the claim that each was last held by."""

    name: str
    executions: dict[str, str]
    claims: dict[str, str]

    def start(self, node: str, *, claim: str = "", dispatch_no: int = 1) -> api.ExecutionReport:
        request = api.StartExecutionRequest(
            execution_id=self.executions[node], claim=claim or str(uuid4()), dispatch_no=dispatch_no
        )
        return api.ExecutionReport(start=request)

    def beat(self, node: str, **changes: Any) -> api.ExecutionReport:
        return api.ExecutionReport(heartbeat=api.HeartbeatExecutionRequest(**self.who(node) | changes))

    def complete(self, node: str, *, text: str = "result", **changes: Any) -> api.ExecutionReport:
        output = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_TEXT, content=text)
        return api.ExecutionReport(
            complete=api.CompleteExecutionRequest(**self.who(node) | {"output": output} | changes)
        )

    def complete_with_key(self, node: str, key: str, *, size_bytes: int = 10) -> api.ExecutionReport:
        output = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_VIDEO, s3_key=key, size_bytes=size_bytes)
        return self.complete(node, output=output)

    def fail(self, node: str, *, error_type: str = "invalid_input", **changes: Any) -> api.ExecutionReport:
        failure = resources_pb2.Failure(error_type=error_type, message="it broke")
        return api.ExecutionReport(fail=api.FailExecutionRequest(**self.who(node) | {"failure": failure} | changes))

    def who(self, node: str) -> dict[str, Any]:
        return {"execution_id": self.executions[node], "claim": self.claims[node]}


Build = Callable[[Scene, str], list[api.ExecutionReport]]
"""The reports of a case; the string is the prefix that the claim of `held` owns."""


@pytest.fixture
async def scene(client: Client, executor: Client, name: str) -> Scene:
    await client.import_(*(noop(node) for node in NODES), document_id=name)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    executions = {node: (await client.node(name, node)).execution.rpartition("/")[2] for node in NODES}
    scene = Scene(name=name, executions=executions, claims={node: str(uuid4()) for node in NODES})
    for node in NODES[1:]:
        await report(executor, scene.start(node, claim=scene.claims[node]))
    await report(executor, scene.fail("failed"), scene.complete("done"))
    await client.nodes.CancelNode(node_service_pb2.CancelNodeRequest(name=f"pipelines/{name}/nodes/cancelled"))
    return scene


async def report(executor: Client, *reports: api.ExecutionReport) -> list[str]:
    """Send reports in one call; each answer in one word."""
    answer = await executor.executions.ReportExecutions(api.ReportExecutionsRequest(reports=reports))
    return [_word(one) for one in answer.answers]


def _word(answer: api.ExecutionReportAnswer) -> str:
    kind = answer.WhichOneof("answer")
    if kind == "error":
        return reason_of(answer.error.details)
    if kind == "start":
        return api.StartOutcome.Name(answer.start.outcome).removeprefix("START_OUTCOME_")
    return api.Disposition.Name(getattr(answer, kind).disposition).removeprefix("DISPOSITION_")


async def rows(client: Client, scene: Scene, *, but: str = "neighbour") -> list[str]:
    """Everything that is shown of nodes and executions, of all but one node."""
    parent = f"pipelines/{scene.name}"
    nodes = (await client.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=parent))).nodes
    request = node_service_pb2.ListExecutionsRequest(parent=f"{parent}/nodes/-")
    executions = (await client.nodes.ListExecutions(request)).executions
    return [str(one) for one in (*nodes, *executions) if f"/nodes/{but}" not in one.name]


UNKNOWN = {"execution_id": NO_ID}
FOREIGN = {"claim": str(uuid4())}

CHANGES_NOTHING: dict[str, tuple[Build, list[str]]] = {
    "unknown execution": (
        lambda s, _: [s.beat("held", **UNKNOWN), s.complete("held", **UNKNOWN), s.fail("held", **UNKNOWN)],
        ["EXECUTION_NOT_FOUND"] * 3,
    ),
    "failed before": (
        lambda s, _: [
            s.start("failed"),
            s.beat("failed"),
            s.complete("failed"),
            s.fail("failed", error_type="timeout"),
        ],
        ["STALE", "SUPERSEDED", "SUPERSEDED", "SUPERSEDED"],
    ),
    "same failure again": (lambda s, _: [s.fail("failed")], ["DUPLICATE"]),
    "cancelled before": (
        lambda s, _: [s.start("cancelled"), s.beat("cancelled"), s.complete("cancelled"), s.fail("cancelled")],
        ["STALE", "SUPERSEDED", "SUPERSEDED", "SUPERSEDED"],
    ),
    "succeeded before": (
        lambda s, _: [s.start("done"), s.beat("done"), s.fail("done")],
        ["STALE", "SUPERSEDED", "SUPERSEDED"],
    ),
    "same result again": (lambda s, _: [s.complete("done"), s.complete("done")], ["DUPLICATE"] * 2),
    "another result of the same claim": (lambda s, _: [s.complete("done", text="another")], ["CONFLICT"]),
    "another result of another claim": (lambda s, _: [s.complete("done", text="another", **FOREIGN)], ["SUPERSEDED"]),
    "foreign claim": (
        lambda s, _: [
            s.start("held"),
            s.beat("held", **FOREIGN),
            s.complete("held", **FOREIGN),
            s.fail("held", **FOREIGN),
        ],
        ["HELD", "LOST", "LOST", "LOST"],
    ),
    "overtaken dispatch": (lambda s, _: [s.start("held", dispatch_no=0)], ["INVALID_FIELD"]),
    "no id": (
        lambda s, _: [s.beat("held", execution_id=""), s.complete("held", execution_id=""), s.fail("held", claim="")],
        ["INVALID_FIELD"] * 3,
    ),
    "ids that are none": (
        lambda s, _: [
            s.beat("held", execution_id="1"),
            s.start("queued", claim="'; --"),
            s.fail("held", claim="x" * 99),
        ],
        ["INVALID_FIELD"] * 3,
    ),
    "nothing at all": (lambda _s, _: [api.ExecutionReport()], ["INVALID_FIELD"]),
    "no output": (
        lambda s, _: [api.ExecutionReport(complete=api.CompleteExecutionRequest(**s.who("held")))],
        ["INVALID_FIELD"],
    ),
    "key outside the prefix": (
        lambda s, prefix: [
            s.complete_with_key("held", key)
            for key in (
                "../../etc/passwd",
                f"{prefix}../output.mp4",
                f"{prefix}sub/output.mp4",
                prefix,
                f"x{prefix}o.mp4",
            )
        ],
        ["KEY_OUTSIDE_PREFIX"] * 5,
    ),
    "object that is not there": (
        lambda s, prefix: [s.complete_with_key("held", f"{prefix}output.mp4", size_bytes=10 * 1024**2)],
        ["ARTIFACT_MISMATCH"],
    ),
    "content that is too large": (lambda s, _: [s.complete("held", text="x" * 300_000)], ["INVALID_FIELD"]),
    "content of 10 MB": (lambda s, _: [s.complete("held", text="x" * 10_000_000)], ["INVALID_FIELD"]),
    "details that are too large": (lambda s, _: [s.beat("held", details={"job": "x" * 5000})], ["INVALID_FIELD"]),
}


@pytest.mark.parametrize(("build", "expected"), CHANGES_NOTHING.values(), ids=CHANGES_NOTHING)
async def test_bad_report_is_answered_and_changes_nothing_and_the_rest_of_its_batch_applies(
    client: Client, executor: Client, scene: Scene, build: Build, expected: list[str]
) -> None:
    node = await client.node(scene.name, "held")
    pipeline_uid = (
        await client.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name=f"pipelines/{scene.name}"))
    ).pipeline.uid
    prefix = f"pipelines/{pipeline_uid}/nodes/{node.uid}/executions/{scene.executions['held']}/{scene.claims['held']}/"
    before = await rows(client, scene)

    answers = await report(executor, scene.beat("neighbour"), *build(scene, prefix), scene.complete("neighbour"))

    assert answers == ["APPLIED", *expected, "APPLIED"]
    assert await rows(client, scene) == before
    assert (await client.node(scene.name, "neighbour")).state == resources_pb2.NODE_STATE_COMPLETED


async def test_same_result_twice_in_one_batch_counts_once(client: Client, executor: Client, scene: Scene) -> None:
    answers = await report(
        executor, scene.complete("held"), scene.complete("held"), scene.complete("held", text="other")
    )

    assert answers == ["APPLIED", "DUPLICATE", "CONFLICT"]
    assert (await client.node(scene.name, "held")).output.content == "result"


async def test_two_results_of_one_claim_are_counted_as_an_alarm(executor: Client, scene: Scene, stack: Stack) -> None:
    before = await alarms(stack)

    await report(executor, scene.complete("done", text="another"))

    assert await alarms(stack) == before + 1


async def alarms(stack: Stack) -> float:
    """Of the kind `conflict`, as the service counts them."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{stack.addresses.ports.pipeline_ops}/metrics")).text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return sum(
        one.value for one in samples if one.name == "pipeline_alarms_total" and one.labels == {"alarm": "conflict"}
    )


async def test_reports_out_of_order_are_taken_in_the_order_of_the_batch(executor: Client, scene: Scene) -> None:
    """The result overtook its claim: unclaimed work is claimed by its first report, and what follows is too late."""
    claim = scene.claims["queued"]

    answers = await report(
        executor,
        scene.beat("queued"),
        scene.complete("queued"),
        scene.start("queued", claim=claim),
        scene.fail("queued"),
        scene.complete("queued"),
    )

    assert answers == ["LOST", "APPLIED", "STALE", "SUPERSEDED", "DUPLICATE"]


async def test_batch_of_seventeen_megabytes_is_refused_whole(client: Client, executor: Client, scene: Scene) -> None:
    before = await rows(client, scene, but="none")
    huge = scene.complete("held", text="x" * 17 * 1024**2)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await executor.executions.ReportExecutions(
            api.ReportExecutionsRequest(reports=[scene.complete("neighbour"), huge])
        )

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await rows(client, scene, but="none") == before


@pytest.mark.parametrize("count", [0, 257])
async def test_batch_of_no_or_too_many_reports_is_refused_whole(executor: Client, scene: Scene, count: int) -> None:
    reports = [scene.beat("held")] * count

    code, reason, fields = await refusal(
        executor.executions.ReportExecutions(api.ReportExecutionsRequest(reports=reports))
    )

    assert (code, reason, list(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["reports"])
