"""What each NATS user may do, tried against the real server."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.client import JetStreamContext

from devstack.stack import Stack, StackOptions

STREAM = StreamConfig(name="WORK", subjects=["work.>"], retention=RetentionPolicy.WORK_QUEUE)
TIMEOUT_S = 0.5


class Peer:
    """One user's connection, and what the server refused it."""

    def __init__(self, client: Client, denials: list[str], refused: asyncio.Event) -> None:
        self.client = client
        self.denials = denials
        self.refused = refused
        self.jetstream: JetStreamContext = client.jetstream(timeout=TIMEOUT_S)

    async def is_denied(self, subject: str) -> bool:
        """Whether the server refuses a publish to this subject."""
        await self.client.publish(subject, b"{}")
        return await self._hears(f'publish to "{subject}"')

    async def may_not_hear(self, subject: str) -> bool:
        await self.client.subscribe(subject)
        return await self._hears(f'subscription to "{subject}"')

    async def _hears(self, refusal: str) -> bool:
        # The client reports refusals from a task of its own, some time after the answer to a flush.
        async with asyncio.timeout(5):
            while not any(refusal.lower() in denial.lower() for denial in self.denials):
                self.refused.clear()
                await self.refused.wait()
        return True


async def connect(stack: Stack, user: str, *, password: str | None = None, identity: str | None = "") -> Peer:
    denials: list[str] = []
    refused = asyncio.Event()

    async def on_error(error: Exception) -> None:
        denials.append(str(error))
        refused.set()

    context = ssl.create_default_context(cafile=str(stack.layout.ca_cert))
    if identity is not None:
        files = stack.layout.tls(identity or user)
        context.load_cert_chain(files.cert, files.key)
    client = await nats.connect(
        stack.addresses.nats_url,
        user=user,
        password=stack.layout.nats_password(user).read_text() if password is None else password,
        tls=context,
        inbox_prefix=f"_INBOX_{user}",
        error_cb=on_error,
        allow_reconnect=False,
        connect_timeout=2,
    )
    return Peer(client, denials, refused)


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with Stack(StackOptions(processes=("nats",))) as running:
        yield running


@pytest.fixture
async def peers(stack: Stack) -> AsyncIterator[tuple[Peer, Peer]]:
    """The pipeline, with a stream and the durable `local`, and the executor."""
    async with AsyncExitStack() as cleanup:
        pipeline, executor = await connect(stack, "pipeline"), await connect(stack, "executor")
        cleanup.push_async_callback(pipeline.client.close)
        cleanup.push_async_callback(executor.client.close)
        await pipeline.jetstream.add_stream(STREAM)
        durable = ConsumerConfig(durable_name="local", filter_subject="work.local", ack_policy=AckPolicy.EXPLICIT)
        await pipeline.jetstream.add_consumer("WORK", durable)
        yield pipeline, executor


async def test_work_goes_from_pipeline_to_executor_and_is_acknowledged(peers: tuple[Peer, Peer]) -> None:
    pipeline, executor = peers
    stamp = {"Nats-Msg-Id": "execution.1"}
    first = await pipeline.jetstream.publish("work.local", b"one", stream="WORK", headers=stamp)
    again = await pipeline.jetstream.publish("work.local", b"one", stream="WORK", headers=stamp)
    subscription = await executor.jetstream.pull_subscribe_bind("local", stream="WORK")

    [message] = await subscription.fetch(1, timeout=2)
    await message.ack_sync(timeout=2)

    assert message.data == b"one"
    assert (first.stream, again.duplicate) == ("WORK", True)
    assert (await pipeline.jetstream.stream_info("WORK")).state.messages == 0
    assert pipeline.denials == executor.denials == []


async def test_control_reaches_the_executor_and_events_reach_the_pipeline(peers: tuple[Peer, Peer]) -> None:
    pipeline, executor = peers
    control = await executor.client.subscribe("control.>")
    events = await pipeline.client.subscribe("events.>")
    await executor.client.flush()
    await pipeline.client.flush()

    await pipeline.client.publish("control.execution-1", b"cancel")
    await pipeline.client.publish("events.pipeline-1", b"7")

    assert (await control.next_msg(timeout=2)).data == b"cancel"
    assert (await events.next_msg(timeout=2)).data == b"7"


@pytest.mark.parametrize(
    "subject",
    [
        "work.local",
        "control.execution-1",
        "events.pipeline-1",
        "$JS.API.STREAM.PURGE.WORK",
        "$JS.API.STREAM.DELETE.WORK",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.UPDATE.WORK",
        "$JS.API.STREAM.MSG.GET.WORK",
        "$JS.API.DIRECT.GET.WORK",
        "$JS.API.CONSUMER.CREATE.WORK",
        "$JS.API.CONSUMER.DURABLE.CREATE.WORK.mine",
        "$JS.API.CONSUMER.DELETE.WORK.local",
        "_INBOX_pipeline.x",
    ],
)
async def test_executor_may_not_publish(peers: tuple[Peer, Peer], subject: str) -> None:
    assert await peers[1].is_denied(subject)


@pytest.mark.parametrize("subject", ["work.>", ">", "events.>", "_INBOX_pipeline.>", "_INBOX.>", "$JS.EVENT.>"])
async def test_executor_may_not_hear(peers: tuple[Peer, Peer], subject: str) -> None:
    assert await peers[1].may_not_hear(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.PURGE.WORK",
        "$JS.API.STREAM.DELETE.WORK",
        "$JS.API.STREAM.CREATE.OTHER",
        "$JS.API.STREAM.MSG.DELETE.OTHER",
        "$JS.API.CONSUMER.MSG.NEXT.WORK.local",
        "_INBOX_executor.x",
        "anything",
    ],
)
async def test_pipeline_may_not_publish(peers: tuple[Peer, Peer], subject: str) -> None:
    assert await peers[0].is_denied(subject)


@pytest.mark.parametrize("subject", ["work.>", ">", "_INBOX_executor.>"])
async def test_pipeline_may_not_hear(peers: tuple[Peer, Peer], subject: str) -> None:
    assert await peers[0].may_not_hear(subject)


async def test_executor_cannot_purge_through_its_client(peers: tuple[Peer, Peer]) -> None:
    pipeline, executor = peers
    await pipeline.jetstream.publish("work.local", b"one")

    # A denial reaches the caller as silence.
    with pytest.raises(TimeoutError):
        await executor.jetstream.purge_stream("WORK")

    assert (await pipeline.jetstream.stream_info("WORK")).state.messages == 1


@pytest.mark.parametrize(
    ("password", "identity"), [("wrong", ""), ("", ""), (None, None)], ids=["wrong password", "empty", "no certificate"]
)
async def test_stranger_is_not_admitted(stack: Stack, password: str | None, identity: str | None) -> None:
    with pytest.raises((nats.errors.Error, OSError, asyncio.TimeoutError)):
        await connect(stack, "pipeline", password=password, identity=identity)


async def test_plaintext_is_not_spoken(stack: Stack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.addresses.ports.nats)
    greeting = await reader.readline()
    writer.write(b'CONNECT {"user":"pipeline","pass":"x"}\r\nPING\r\n')
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()

    assert b'"tls_required":true' in greeting
    assert b"PONG" not in answer
