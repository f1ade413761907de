"""Reports from outside, many in one call: each is held against its own capability and answered by itself."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from montage.v1 import callback_service_pb2 as api
from montage.v1 import (
    callback_service_pb2_grpc,
    execution_service_pb2,
    node_service_pb2,
    pipeline_service_pb2,
    resources_pb2,
)

from devstack.layout import ENGINE_ROLE
from devstack.stack import Stack
from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, open_channel, reason_of, refusal, start_request

NODES = ("done", "twice", "failed", "elsewhere", "foreign", "defaced")
ROWS = """
SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM audit), (SELECT count(*) FROM requests),
    (SELECT count(*) FROM wakes), (SELECT count(*) FROM artifacts), (SELECT count(*) FROM webhook_events),
    (SELECT array_agg(xmin::text ORDER BY id) FROM executions)
"""
FAILURE = resources_pb2.Failure(error_type="ffmpeg_error", message="it broke")


@pytest.fixture
async def callbacks(stack: Stack) -> AsyncIterator[callback_service_pb2_grpc.CallbackServiceStub]:
    async with open_channel(stack, "callback-gateway") as channel:
        yield callback_service_pb2_grpc.CallbackServiceStub(channel)


@pytest.fixture
async def capabilities(client: Client, executor: Client, name: str) -> dict[str, str]:
    """Of the nodes of a pipeline that runs, as a worker was given them."""
    await client.import_(*(noop(node) for node in NODES), document_id=name)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    found = {}
    for node in NODES:
        execution = (await client.node(name, node)).execution.rpartition("/")[2]
        started = await executor.executions.StartExecution(start_request(execution, str(uuid4())))
        found[node] = parse_qs(urlsplit(started.callback_url).query)["cap"][0]
    return found


def result(capability: str, text: str = "result", **ids: Any) -> api.ReportExternalRequest:
    output = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_TEXT, content=text)
    return api.ReportExternalRequest(capability=capability, output=output, **ids)


def word(answer: api.ExternalReportAnswer) -> str:
    if answer.WhichOneof("answer") == "error":
        return reason_of(answer.error.details)
    return execution_service_pb2.Disposition.Name(answer.disposition).removeprefix("DISPOSITION_")


async def test_each_report_of_a_call_has_its_answer_and_the_good_ones_apply(
    client: Client, callbacks: Any, capabilities: dict[str, str], name: str
) -> None:
    outside = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_JSON, s3_key="../../etc", size_bytes=1)
    reports = [
        result(capabilities["done"]),
        result(capabilities["twice"]),
        result(capabilities["twice"]),
        result(capabilities["twice"], text="another"),
        api.ReportExternalRequest(capability=capabilities["failed"], failure=FAILURE),
        api.ReportExternalRequest(capability=capabilities["elsewhere"], output=outside),
        result(capabilities["foreign"], execution_id=str(uuid4())),
        result(capabilities["defaced"][:-6] + "AAAAAA"),
        result(""),
        api.ReportExternalRequest(capability=capabilities["defaced"]),
    ]

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=reports))).answers

    assert [word(answer) for answer in answers] == [
        *("APPLIED", "APPLIED", "DUPLICATE", "CONFLICT", "APPLIED"),
        *("KEY_OUTSIDE_PREFIX", "INVALID_FIELD", "CAPABILITY_INVALID", "CAPABILITY_INVALID", "INVALID_FIELD"),
    ]
    states = {node: resources_pb2.NodeState.Name((await client.node(name, node)).state) for node in NODES}
    assert states == {
        "done": "NODE_STATE_COMPLETED",
        "twice": "NODE_STATE_COMPLETED",
        "failed": "NODE_STATE_FAILED",
        "elsewhere": "NODE_STATE_IN_PROGRESS",
        "foreign": "NODE_STATE_IN_PROGRESS",
        "defaced": "NODE_STATE_IN_PROGRESS",
    }


@pytest.mark.parametrize("number", [0, 257])
async def test_call_of_no_or_of_too_many_reports_is_refused_as_a_whole(callbacks: Any, number: int) -> None:
    request = api.ReportExternalsRequest(reports=[result("x")] * number)

    _, reason, fields = await refusal(callbacks.ReportExternals(request))

    assert (reason, list(fields)) == ("INVALID_FIELD", ["reports"])


async def test_executor_may_not_report_from_outside(stack: Stack) -> None:
    async with open_channel(stack, "executor") as channel:
        stranger = callback_service_pb2_grpc.CallbackServiceStub(channel)

        _, reason, _ = await refusal(stranger.ReportExternals(api.ReportExternalsRequest(reports=[result("x")])))

    assert reason == "CALLER_NOT_ALLOWED"


async def test_larger_text_lies_in_the_store_under_its_own_checksum(
    client: Client, callbacks: Any, capabilities: dict[str, str], name: str
) -> None:
    text = json.dumps({"output": "é" * 200_000}, ensure_ascii=False)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    output = resources_pb2.Output(
        type=resources_pb2.MEDIA_TYPE_JSON, content=text, content_type="application/json", sha256=sha256
    )
    request = api.ReportExternalRequest(capability=capabilities["done"], output=output)

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=[request, request]))).answers

    assert [word(answer) for answer in answers] == ["APPLIED", "DUPLICATE"]
    kept = (await client.node(name, "done")).output
    assert (kept.content, kept.size_bytes, kept.sha256) == ("", len(text.encode()), sha256)
    assert kept.s3_key.endswith(f"/{sha256}.json")
    asked = node_service_pb2.GetNodeOutputUrlRequest(name=f"pipelines/{name}/nodes/done")
    async with httpx.AsyncClient() as http:
        assert (await http.get((await client.nodes.GetNodeOutputUrl(asked)).url)).content == text.encode()


async def test_text_above_the_limit_is_refused_by_itself(callbacks: Any, capabilities: dict[str, str]) -> None:
    reports = [result(capabilities["done"], text="x" * (640 * 1024 + 1)), result(capabilities["twice"])]

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=reports))).answers

    assert [word(answer) for answer in answers] == ["INVALID_FIELD", "APPLIED"]


async def test_text_with_a_null_is_refused_alone_among_255_good_reports(
    callbacks: Any, capabilities: dict[str, str]
) -> None:
    good = [result(capabilities["done"]) for _ in range(255)]
    reports = [*good[:100], result(capabilities["twice"], text="a\0b"), *good[100:]]

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=reports))).answers

    words = [word(answer) for answer in answers]
    assert words.pop(100) == "INVALID_FIELD"
    assert words == ["APPLIED", *["DUPLICATE"] * 254]


async def test_progress_is_shown_to_watchers_and_leaves_no_event(
    client: Client, callbacks: Any, capabilities: dict[str, str], name: str
) -> None:
    watch = client.pipelines.WatchPipeline(pipeline_service_pb2.WatchPipelineRequest(name=f"pipelines/{name}"))
    snapshot = (await watch.read()).snapshot

    half = resources_pb2.Progress(stage="half of it", fraction=0.5)
    request = api.ReportExternalRequest(capability=capabilities["done"], progress=half)
    answer = await callbacks.ReportExternal(request)

    assert answer.disposition == execution_service_pb2.DISPOSITION_APPLIED
    update = await watch.read()
    watch.cancel()
    assert update.progress.node == f"pipelines/{name}/nodes/done"
    assert (update.progress.progress.stage, update.progress.progress.fraction) == ("half of it", 0.5)
    shown = await client.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name=f"pipelines/{name}"))
    assert shown.pipeline.last_sequence == snapshot.sequence


async def test_progress_after_the_end_is_superseded(callbacks: Any, capabilities: dict[str, str]) -> None:
    reports = [
        result(capabilities["done"]),
        api.ReportExternalRequest(capability=capabilities["done"], progress=resources_pb2.Progress(stage="late")),
    ]

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=reports))).answers

    assert [word(answer) for answer in answers] == ["APPLIED", "SUPERSEDED"]


async def test_flood_of_forgeries_writes_no_row(callbacks: Any, capabilities: dict[str, str], stack: Stack) -> None:
    true = capabilities["done"]
    forged = [result(true[:place] + ("A" if true[place] != "A" else "B") + true[place + 1 :]) for place in range(256)]
    before = await rows_of(stack)

    answers = (await callbacks.ReportExternals(api.ReportExternalsRequest(reports=forged))).answers

    assert {word(answer) for answer in answers} == {"CAPABILITY_INVALID"}
    assert await rows_of(stack) == before


async def rows_of(stack: Stack) -> tuple[Any, ...]:
    """How many rows there are, and which transactions changed executions: a change need not be a new row."""
    password = stack.layout.postgres_password(ENGINE_ROLE).read_text()
    database = await asyncpg.connect(stack.addresses.database_url, password=password)
    try:
        return tuple(await database.fetchrow(ROWS) or ())
    finally:
        await database.close()
