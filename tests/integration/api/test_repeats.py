"""A repeat is answered as the call was, after a crash, at another replica, for a day; of two writers one wins."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import grpc
import pytest
from montage.v1 import resources_pb2
from montage.v1.node_service_pb2 import CreateNodeRequest, UpdateNodeRequest
from montage.v1.pipeline_service_pb2 import (
    CreatePipelineRequest,
    ImportPipelineRequest,
    ListRunsRequest,
    RunPipelineRequest,
)

from devstack.stack import Stack
from tests.factories import a_document, noop
from tests.integration.api.here import QUIET, serving, superuser
from tests.integration.pipeline.grpc_client import Client, node_message, refusal

ROUNDS = 50


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await superuser(stack)
    yield connection
    await connection.close()


async def test_call_that_crashed_behind_its_commit_is_answered_at_another_replica(
    stack: Stack, client: Client, name: str
) -> None:
    await client.import_(noop("a"), document_id=name)
    request = RunPipelineRequest(name=f"pipelines/{name}", request_id=f"{name}-run", force=True)

    with serving(stack, QUIET | {"PIPELINE_FAILPOINTS": "request.after_commit=raise"}) as crashing:
        async with crashing.async_channel("client-dev") as channel:
            crashed = await refusal(Client(channel).pipelines.RunPipeline(request))
    answer = await client.pipelines.RunPipeline(request)
    again = await client.pipelines.RunPipeline(request)
    runs = await client.pipelines.ListRuns(ListRunsRequest(parent=f"pipelines/{name}"))

    assert crashed[0] is grpc.StatusCode.INTERNAL
    assert [run.name for run in runs.runs] == [answer.run.name] == [again.run.name]


async def test_answer_of_one_replica_is_given_by_the_other_byte_by_byte(
    stack: Stack, client: Client, name: str
) -> None:
    request = ImportPipelineRequest(request_id=f"{name}-import")
    request.document.update(a_document(noop("a"), noop("b", "a"), document_id=name))
    first = await client.pipelines.ImportPipeline(request)
    await client.import_(noop("a"), document_id=name)

    with serving(stack) as other:
        async with other.async_channel("client-dev") as channel:
            again = await Client(channel).pipelines.ImportPipeline(request)

    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)


async def test_answer_above_64_kib_is_built_again(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await client.import_(noop("a"), document_id=name)
    config = {"provider": "local", "nonce": "x" * 65_000}
    node = node_message(name, {"type": "noop", "title": "t" * 1000, "config": config})
    request = CreateNodeRequest(parent=f"pipelines/{name}", node_id="b", node=node, request_id=f"{name}-make")

    first = await client.nodes.CreateNode(request)
    kept = await database.fetchval("SELECT answer FROM requests WHERE request_id = $1", request.request_id)
    again = await client.nodes.CreateNode(request)

    assert first.ByteSize() > 64 * 1024
    assert kept is None
    assert again == first
    assert await client.node_ids(name) == ["a", "b"]


async def test_difference_of_a_large_import_is_told_again(
    client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    ids = [f"{number:04}-{'x' * 50}" for number in range(1300)]
    await client.import_(*map(noop, ids), noop("gone"), document_id=name)
    request = ImportPipelineRequest(request_id=f"{name}-import")
    changed = [noop(one, nonce="new") if number == 7 else noop(one) for number, one in enumerate(ids)]
    request.document.update(a_document(noop("new"), *reversed(changed), document_id=name))

    first = await client.pipelines.ImportPipeline(request)
    kept = await database.fetchval("SELECT answer FROM requests WHERE request_id = $1", request.request_id)
    again = await client.pipelines.ImportPipeline(request)

    assert (list(first.added_nodes), list(first.changed_nodes)) == (["new"], [ids[7]])
    assert (list(first.removed_nodes), len(first.unchanged_nodes)) == (["gone"], 1299)
    assert kept is None
    assert again == first


async def test_creation_that_comes_twice_at_the_same_moment_is_answered_twice(client: Client, name: str) -> None:
    request = CreatePipelineRequest(pipeline_id=name, request_id=f"{name}-make")

    answers = await asyncio.gather(*(client.pipelines.CreatePipeline(request) for _ in range(8)))

    assert all(answer == answers[0] for answer in answers)


async def test_request_is_forgotten_after_a_day_and_not_before(
    stack: Stack, client: Client, name: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for age in ("23 hours 59 minutes", "24 hours 1 minute"):
        request = CreatePipelineRequest(pipeline_id=f"{name}-{age[:2]}", request_id=f"{name}-{age[:2]}")
        await client.pipelines.CreatePipeline(request)
        await database.execute(
            "UPDATE requests SET create_time = create_time - $2::text::interval WHERE request_id = $1",
            request.request_id,
            age,
        )

    with serving(stack):
        # It forgets when it starts, and every hour.
        left = "SELECT request_id FROM requests WHERE starts_with(request_id, $1)"
        for _ in range(1000):
            found = await database.fetch(left, name)
            if len(found) == 1:
                break
            await asyncio.sleep(0.01)

    assert [row["request_id"] for row in found] == [f"{name}-23"]


async def test_other_body_under_the_same_id_is_refused_also_while_the_first_is_answered(
    client: Client, name: str
) -> None:
    requests = [CreatePipelineRequest(pipeline_id=f"{name}-{number}", request_id=f"{name}-make") for number in range(4)]

    answers = await asyncio.gather(*map(client.pipelines.CreatePipeline, requests), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert len(refused) == 3
    assert {error.code() for error in refused} == {grpc.StatusCode.ALREADY_EXISTS}


async def test_of_two_writers_with_the_same_etag_exactly_one_wins_in_50_rounds(
    stack: Stack, client: Client, name: str
) -> None:
    await client.import_(noop("a"), document_id=name)
    etag = (await client.node(name, "a")).etag

    with serving(stack) as other:
        async with other.async_channel("client-dev") as channel:
            writers = (client, Client(channel))
            for number in range(ROUNDS):
                calls = [retitle(writer, name, f"{place} {number}", etag) for place, writer in enumerate(writers)]
                answers = await asyncio.gather(*calls, return_exceptions=True)
                (won,) = [answer for answer in answers if not isinstance(answer, BaseException)]
                (lost,) = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
                assert lost.code() is grpc.StatusCode.ABORTED
                now = await client.node(name, "a")
                assert (now.title, now.etag) == (won.node.title, won.node.etag)
                etag = now.etag


async def retitle(client: Client, name: str, title: str, etag: str) -> Any:
    node = resources_pb2.Node(name=f"pipelines/{name}/nodes/a", title=title, etag=etag)
    return await client.nodes.UpdateNode(UpdateNodeRequest(node=node, update_mask={"paths": ["title"]}))
