"""Stream and database agree in the end, in both directions, with a real JetStream."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client as NatsClient
from nats.js import JetStreamContext
from nats.js.api import PubAck
from prometheus_client import Counter

from devstack.stack import Stack, StackOptions
from pipeline_service.commands.sweeping import Sweeper
from pipeline_service.commands.timers import Timers
from pipeline_service.domain.ids import TaskQueue
from pipeline_service.relay.backlog import StreamBacklog
from pipeline_service.relay.publisher import Publisher
from pipeline_service.relay.stream import MAX_DELIVER, STREAM, ensure_work_queue, subject_of
from pipeline_service.store.pool import Pools
from servicekit import nats_client
from servicekit.nats_client import NatsAddress
from servicekit.tls import TlsFiles
from servicekit.tracing import Tracer
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import Rig, running_rig
from tests.patience import PATIENCE_S
from tests.stacks import running_stack

QUEUE = TaskQueue("noop")


@pytest.fixture(scope="module")
def nats_stack() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=("nats",))) as stack:
        yield stack


@pytest.fixture
async def nats(nats_stack: Stack) -> AsyncIterator[NatsClient]:
    """The pipeline service's own connection, with its rights."""
    async for client in _connected(nats_stack, "pipeline"):
        await ensure_work_queue(client.jetstream(), [QUEUE], replicas=1)
        backlog = StreamBacklog(client.jetstream())
        for message in await backlog.look(after=0, older_than=timedelta(0), limit=100):
            await backlog.remove(message.place)
        yield client


@pytest.fixture
async def worker(nats_stack: Stack) -> AsyncIterator[NatsClient]:
    async for client in _connected(nats_stack, "executor"):
        yield client


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


async def _connected(stack: Stack, user: str) -> AsyncIterator[NatsClient]:
    files = stack.layout.tls(user)
    address = NatsAddress(
        url=stack.addresses.nats_url,
        user=user,
        password_file=stack.layout.nats_password(user),
        inbox_prefix=f"_INBOX_{user}",
        tls=TlsFiles(cert=files.cert, key=files.key, ca=files.ca),
    )
    client = await nats_client.connect(address, name=user)
    yield client
    await nats_client.close(client)


def a_counter() -> Counter:
    return Counter("published", "", ["outcome"], registry=None)


def a_sweeper(rig: Rig, nats: NatsClient) -> Sweeper:
    return Sweeper(store=rig.store, backlog=StreamBacklog(nats.jetstream()), min_age=timedelta(0))


async def publish(rig: Rig, nats: NatsClient) -> None:
    """What the rig has dispatched, as the relay would."""
    for dispatch in rig.outbox.dispatches:
        await nats_client.publish(
            nats.jetstream(),
            subject_of(QUEUE),
            b"work",
            message_id=f"{dispatch.execution_id}.{dispatch.dispatch_no}",
            stream=STREAM,
        )
    rig.outbox.dispatches.clear()


async def messages(nats: NatsClient) -> int:
    return (await nats.jetstream().stream_info(STREAM)).state.messages


async def test_message_that_is_wanted_stays(rig: Rig, nats: NatsClient) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await publish(rig, nats)

    assert await a_sweeper(rig, nats).sweep() == 0
    assert await messages(nats) == 1


async def test_message_of_an_ended_execution_is_taken_out(rig: Rig, nats: NatsClient) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await publish(rig, nats)
    await rig.complete("a")

    assert await a_sweeper(rig, nats).sweep() == 1
    assert await messages(nats) == 0


async def test_message_that_was_overtaken_is_taken_out_and_the_newest_stays(rig: Rig, nats: NatsClient) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await publish(rig, nats)
    await dispatch_again(rig)
    await publish(rig, nats)

    assert await a_sweeper(rig, nats).sweep() == 1
    assert await messages(nats) == 1


async def test_message_that_the_queue_gave_up_delivering_is_replaced_and_taken_out(
    rig: Rig, nats: NatsClient, worker: NatsClient
) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await publish(rig, nats)
    subscription = await worker.jetstream().pull_subscribe_bind(QUEUE, stream=STREAM)
    for _ in range(MAX_DELIVER):
        [message] = await subscription.fetch(1, timeout=PATIENCE_S)
        await message.nak()
    with pytest.raises(TimeoutError):
        await subscription.fetch(1, timeout=0.5)
    assert await messages(nats) == 1

    await dispatch_again(rig)
    await publish(rig, nats)
    await a_sweeper(rig, nats).sweep()

    [message] = await subscription.fetch(1, timeout=PATIENCE_S)
    assert message.headers == {"Nats-Msg-Id": f"{(await rig.latest('a')).id}.2", "Nats-Expected-Stream": STREAM}
    assert await messages(nats) == 1


async def test_messages_that_belong_to_nobody_are_taken_out(rig: Rig, nats: NatsClient) -> None:
    stamps = ("garbage", "00000000-0000-0000-0000-00000000dead.1", "")
    for stamp in stamps:
        await nats.jetstream().publish(subject_of(QUEUE), b"?", headers={"Nats-Msg-Id": stamp} if stamp else None)

    assert await a_sweeper(rig, nats).sweep() == len(stamps)
    assert await messages(nats) == 0


async def test_young_messages_are_left_alone(rig: Rig, nats: NatsClient) -> None:
    await nats.jetstream().publish(subject_of(QUEUE), b"?")
    sweeper = Sweeper(store=rig.store, backlog=StreamBacklog(nats.jetstream()))

    assert await sweeper.sweep() == 0
    assert await messages(nats) == 1


async def test_dispatch_that_was_repeated_while_the_stream_was_away_is_published_once(
    rig: Rig, nats: NatsClient
) -> None:
    away: Any = Away(nats)
    publisher = Publisher(away, queues=[QUEUE], replicas=1, published=a_counter(), tracer=Tracer())
    await rig.import_(noop("a"), noop("b"))
    await rig.run()
    await dispatch_again(rig)
    *both, again = rig.outbox.dispatches
    (other,) = [one for one in both if one.execution_id != again.execution_id]

    async with running(publisher.run()):
        publisher.publish(both)
        await asyncio.wait_for(away.asked.wait(), PATIENCE_S)
        publisher.publish([again])
        away.back.set()
        found = await until_messages(nats, 2)

    assert found == [f"{other.execution_id}.1", f"{again.execution_id}.2"]


class Away:
    """The service's connection while the stream is away: until `back`, what is sent is lost and unconfirmed."""

    def __init__(self, nats: NatsClient) -> None:
        self._nats = nats
        self._jetstream = nats.jetstream()
        self.asked = asyncio.Event()
        self.back = asyncio.Event()

    def jetstream(self) -> "JetStreamAway":
        return JetStreamAway(self, self._jetstream)

    async def publish(self, *arguments: Any, **named: Any) -> None:
        if self.back.is_set():
            await self._nats.publish(*arguments, **named)


class JetStreamAway:
    def __init__(self, away: Away, jetstream: JetStreamContext) -> None:
        self._away = away
        self._jetstream = jetstream

    async def publish(self, *arguments: Any, **named: Any) -> PubAck:
        if self._away.back.is_set():
            return await self._jetstream.publish(*arguments, **named)
        self._away.asked.set()
        await self._away.back.wait()
        raise TimeoutError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jetstream, name)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_messages(nats: NatsClient, number: int) -> list[str]:
    """Wait until the stream holds so many; their stamps in its order."""
    async with asyncio.timeout(PATIENCE_S):
        while await messages(nats) < number:  # noqa: ASYNC110 # the stream rings no bell
            await asyncio.sleep(0.01)
    backlog = StreamBacklog(nats.jetstream())
    return [
        f"{one.execution_id}.{one.number}" for one in await backlog.look(after=0, older_than=timedelta(0), limit=100)
    ]


async def dispatch_again(rig: Rig) -> None:
    """The timer's part: nobody has taken the message."""

    async def reconcile(_one: object) -> bool:
        return False

    execution = await rig.latest("a")
    await expire(rig.pool, "dispatch_due_at", [execution.id])
    await Timers(store=rig.store, batcher=rig.batcher, reconcile=reconcile).tick()
