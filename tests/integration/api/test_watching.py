"""A watch tells each event once, whoever dies, and holds up nobody but itself."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import grpc
import pytest
from montage.v1 import resources_pb2
from montage.v1.pipeline_service_pb2 import (
    DeletePipelineRequest,
    GetPipelineRequest,
    UpdatePipelineRequest,
    WatchPipelineRequest,
)

from devstack.stack import Stack
from tests.factories import noop
from tests.integration.api.answers import refusal_of
from tests.integration.api.here import QUIET, Service, serving
from tests.integration.pipeline.grpc_client import Client
from tests.patience import PATIENCE_S

KILLS = 200
SMALL_WINDOW = ("grpc.http2.bdp_probe", 0)
"""A connection that does not learn to take ever more that nobody asked for: 5 MiB were seen, and it may be all."""


async def rename(client: Client, name: str, title: str) -> None:
    pipeline = resources_pb2.Pipeline(name=f"pipelines/{name}", title=title)
    request = UpdatePipelineRequest(pipeline=pipeline, update_mask={"paths": ["title"]})
    await client.pipelines.UpdatePipeline(request, timeout=PATIENCE_S)


async def last_sequence(client: Client, name: str) -> int:
    found = await client.pipelines.GetPipeline(GetPipelineRequest(name=f"pipelines/{name}"))
    return int(found.pipeline.last_sequence)


def watch(client: Client, name: str, **fields: Any) -> Any:
    request = WatchPipelineRequest(name=f"pipelines/{name}", **fields)
    return client.pipelines.WatchPipeline(request, timeout=PATIENCE_S)


async def events(stream: Any) -> AsyncIterator[Any]:
    async for update in stream:
        if update.HasField("event"):
            yield update.event


async def refusal(stream: Any) -> tuple[grpc.StatusCode, str]:
    """How a stream ends that does not end well, nor tells all that there is."""
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        [page async for page in snapshot(stream)]
    told = refusal_of(ended.value)
    return told.code, told.reason


class Replicas:
    """Two replicas; one of them is stopped and started again whenever that is asked for."""

    def __init__(self, stack: Stack, first: Service) -> None:
        self._stack, self._first = stack, first
        self._second = serving(stack)
        self._services = [first, self._second.__enter__()]

    def restart_second(self) -> None:
        self._second.__exit__(None, None, None)
        self._second = serving(self._stack)
        self._services[1] = self._second.__enter__()

    def close(self) -> None:
        self._second.__exit__(None, None, None)

    @asynccontextmanager
    async def any(self) -> AsyncIterator[Client]:
        async with random.choice(self._services).async_channel("client-dev") as channel:
            yield Client(channel)


async def test_watcher_that_is_killed_200_times_sees_every_sequence_once(
    stack: Stack, service: Service, client: Client, name: str
) -> None:
    await client.import_(noop("a"), document_id=name)
    replicas = Replicas(stack, service)
    seen: list[int] = []
    is_over = asyncio.Event()

    async def write() -> None:
        for number in count():
            if is_over.is_set():
                return
            await rename(client, name, f"title {number}")

    writing = asyncio.create_task(write())
    try:
        for kill in range(KILLS):
            if kill in (70, 140):
                await asyncio.to_thread(replicas.restart_second)
            async with replicas.any() as other:
                stream = watch(other, name, after_sequence=seen[-1] if seen else 0)
                lives_for = random.randrange(4)
                async for event in events(stream):
                    seen.append(event.sequence)
                    lives_for -= 1
                    if lives_for <= 0:
                        break
                stream.cancel()
        is_over.set()
        await writing
        last = await last_sequence(client, name)
        stream = watch(client, name, after_sequence=seen[-1])
        while seen[-1] < last:
            seen.append((await anext(events(stream))).sequence)
        stream.cancel()
    finally:
        writing.cancel()
        await asyncio.to_thread(replicas.close)

    assert seen == list(range(1, last + 1))


async def test_snapshot_comes_in_pages_of_one_sequence_and_then_events(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}") for number in range(450)), document_id=name)

    stream = watch(client, name)
    pages = [(await anext(aiter(stream))).snapshot for _ in range(3)]
    await rename(client, name, "New")
    event = await anext(events(stream))
    stream.cancel()

    assert [len(page.nodes) for page in pages] == [200, 200, 50]
    assert [page.complete for page in pages] == [False, False, True]
    assert {page.sequence for page in pages} == {event.sequence - 1}
    assert [node.name.split("/")[3] for page in pages for node in page.nodes] == [f"n{n}" for n in range(450)]


async def test_pages_of_large_nodes_fit_into_the_messages_of_any_client(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}", nonce="x" * 60_000) for number in range(100)), document_id=name)

    pages = [page async for page in snapshot(watch(client, name))]

    assert sum(len(page.nodes) for page in pages) == 100
    assert max(page.ByteSize() for page in pages) < 1.2 * 1024 * 1024


async def snapshot(stream: Any) -> AsyncIterator[Any]:
    async for update in stream:
        yield update.snapshot
        if update.snapshot.complete:
            stream.cancel()
            return


async def test_pipeline_that_was_made_anew_under_the_same_id_is_not_resumed_into(client: Client, name: str) -> None:
    await client.import_(noop("a"), noop("b"), document_id=name)
    before = (await anext(aiter(watch(client, name)))).snapshot
    await client.pipelines.DeletePipeline(DeletePipelineRequest(name=f"pipelines/{name}"))
    await client.import_(noop("a"), document_id=name)

    beyond = await refusal(watch(client, name, after_sequence=before.sequence))
    other = await refusal(watch(client, name, after_sequence=1, pipeline_uid=before.pipeline.uid))
    now = (await anext(aiter(watch(client, name)))).snapshot.pipeline.uid
    same = await anext(events(watch(client, name, after_sequence=1, pipeline_uid=now)))

    assert beyond == other == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")
    assert same.sequence == 2


async def test_watch_ends_well_behind_the_event_that_tells_of_the_deletion(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    stream = watch(client, name, after_sequence=0)
    first = await anext(events(stream))

    await client.pipelines.DeletePipeline(DeletePipelineRequest(name=f"pipelines/{name}"))
    rest = [event async for event in events(stream)]

    assert first.type == resources_pb2.EVENT_TYPE_PIPELINE_CREATED
    assert rest[-1].type == resources_pb2.EVENT_TYPE_PIPELINE_DELETED
    assert await stream.code() is grpc.StatusCode.OK


async def test_watch_without_news_has_a_heartbeat_with_its_place(stack: Stack, client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    last = await last_sequence(client, name)

    with serving(stack, QUIET | {"PIPELINE_WATCH_HEARTBEAT_S": "0.1"}) as quick:
        async with quick.async_channel("client-dev") as channel:
            stream = watch(Client(channel), name, after_sequence=last)
            beats = [await anext(aiter(stream)) for _ in range(3)]
            stream.cancel()

    assert [beat.heartbeat.sequence for beat in beats] == [last] * 3


@pytest.mark.timeout(120)
async def test_watchers_that_do_not_read_hold_up_no_writer_are_cut_off_and_may_resume(
    stack: Stack, client: Client, name: str
) -> None:
    # Twelve pages, of which a connection takes one when it is asked for the next update, and none before.
    nodes = [noop(f"n{number}", nonce="x" * 60_000) for number in range(200)]
    await client.import_(*nodes, document_id=name)
    before = await last_sequence(client, name)

    with serving(stack, QUIET | {"PIPELINE_WATCH_SEND_TIMEOUT_S": "1"}) as strict:
        async with AsyncExitStack() as channels:
            # One connection each: what is unread fills the window of its connection.
            writer, *watchers = [
                Client(await channels.enter_async_context(strict.async_channel("client-dev", SMALL_WINDOW)))
                for _ in range(6)
            ]
            streams = [watch(watcher, name) for watcher in watchers]
            for stream in streams:
                await anext(aiter(stream))
            for number in range(20):
                await rename(writer, name, f"title {number}")
            # The service has answered behind the first page, so it has offered the second one by now.
            unread_since = time.monotonic()
            while time.monotonic() < unread_since + 1.5:
                await rename(writer, name, "title 20")
            ends = [await refusal(stream) for stream in streams]
            resumed = events(watch(watchers[0], name, after_sequence=before))
            seen = [(await anext(resumed)).sequence for _ in range(20)]

    assert ends == [(grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")] * 5
    assert seen == list(range(before + 1, before + 21))
