"""The NATS client against a real server with TLS, users and JetStream."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import nats.js.errors
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

from servicekit.config import ConfigError
from servicekit.nats_client import (
    REFUSED_PERMISSION,
    NatsAddress,
    NatsUnavailable,
    OutgoingMessage,
    check_connected,
    close,
    connect,
    ensure_consumer,
    ensure_stream,
    publish,
    publish_all,
)
from tests.fakes.certificates import CertificateAuthority
from tests.integration.servicekit.broker import Broker
from tests.integration.servicekit.conftest import COOK
from tests.patience import PATIENCE_S

STREAM = StreamConfig(
    name="JOBS", subjects=["jobs.>"], retention=RetentionPolicy.WORK_QUEUE, duplicate_window=120, max_msgs=10_000
)


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
async def client(address: NatsAddress, errors: list[str]) -> AsyncIterator[Client]:
    client = await connect(address, name="test", on_error=errors.append)
    yield client
    await close(client, timeout_s=2)


async def test_connected_client_is_ready_and_closed_one_is_not(client: Client) -> None:
    await check_connected(client)

    await close(client)

    assert client.is_closed
    with pytest.raises(NatsUnavailable):
        await check_connected(client)


async def test_connect_where_nobody_listens_fails_at_once(address: NatsAddress, broker: Broker) -> None:
    broker.kill()
    started = asyncio.get_running_loop().time()

    with pytest.raises(NatsUnavailable, match="nobody listens"):
        await connect(address, name="test")

    assert asyncio.get_running_loop().time() - started < 1
    broker.start()


async def test_connect_with_wrong_password_fails_without_telling_it(address: NatsAddress) -> None:
    address.password_file.write_text("wrong-password")

    with pytest.raises(NatsUnavailable) as raised:
        await connect(address, name="test")

    assert "wrong-password" not in str(raised.value)


async def test_connect_with_certificate_of_another_ca_fails(address: NatsAddress, tmp_path: Path) -> None:
    stranger = CertificateAuthority().issue_files(tmp_path / "other", "cook", COOK)

    with pytest.raises(NatsUnavailable):
        await connect(replace(address, tls=stranger), name="test")


async def test_connect_needs_tls_files_and_a_private_password_file(address: NatsAddress) -> None:
    with pytest.raises(ValueError, match="needs TLS files"):
        await connect(replace(address, tls=None), name="test")
    address.password_file.chmod(0o644)
    with pytest.raises(ConfigError, match="0644"):
        await connect(address, name="test")


async def test_refused_permission_is_reported_to_on_error(client: Client, errors: list[str]) -> None:
    await client.publish("secret.plan", b"")
    await client.flush()

    async with asyncio.timeout(PATIENCE_S):
        while not errors:
            await client.flush()
    assert errors == [REFUSED_PERMISSION]


async def test_stream_and_consumer_are_ensured_again_and_changed(client: Client) -> None:
    jetstream = client.jetstream()
    consumer = ConsumerConfig(
        durable_name="cook", filter_subject="jobs.cook", ack_policy=AckPolicy.EXPLICIT, ack_wait=60
    )

    await asyncio.gather(ensure_stream(jetstream, STREAM), ensure_stream(jetstream, STREAM))
    await ensure_consumer(jetstream, "JOBS", consumer)
    await ensure_consumer(jetstream, "JOBS", consumer)
    stream = await ensure_stream(jetstream, replace(STREAM, max_msgs=5_000))
    changed = await ensure_consumer(jetstream, "JOBS", replace(consumer, ack_wait=30))

    assert stream.config.max_msgs == 5_000
    assert changed.config.ack_wait == 30


async def test_publish_is_confirmed_and_its_repeat_is_a_duplicate(client: Client) -> None:
    jetstream = client.jetstream()
    await ensure_stream(jetstream, STREAM)

    first = await publish(jetstream, "jobs.cook", b"1", message_id="a.1", stream="JOBS", headers={"x": "y"})
    again = await publish(jetstream, "jobs.cook", b"1", message_id="a.1", stream="JOBS")

    assert (first.seq, bool(first.duplicate)) == (1, False)
    assert (again.seq, again.duplicate) == (1, True)


async def test_publish_to_no_stream_is_unavailable(client: Client) -> None:
    with pytest.raises(NatsUnavailable, match=r"a\.1"):
        await publish(client.jetstream(), "jobs.cook", b"1", message_id="a.1", stream="JOBS", timeout_s=0.5)


def some_messages(count: int, *, last_subject: str = "jobs.cook") -> list[OutgoingMessage]:
    messages = [OutgoingMessage(subject="jobs.cook", payload=b"x", message_id=f"m.{n}") for n in range(count - 1)]
    return [*messages, OutgoingMessage(subject=last_subject, payload=b"x", message_id="last")]


async def test_messages_of_a_batch_are_all_there_once_the_last_is_confirmed(client: Client) -> None:
    jetstream = client.jetstream()
    await ensure_stream(jetstream, STREAM)

    await publish_all(client, some_messages(500), stream="JOBS")

    assert (await jetstream.stream_info("JOBS")).state.messages == 500


async def test_batch_that_is_published_again_is_stored_once(client: Client) -> None:
    jetstream = client.jetstream()
    await ensure_stream(jetstream, STREAM)

    await publish_all(client, some_messages(1), stream="JOBS")
    for _ in range(2):
        await publish_all(client, some_messages(20), stream="JOBS")

    assert (await jetstream.stream_info("JOBS")).state.messages == 20


async def test_batch_that_no_stream_confirms_is_unavailable(client: Client) -> None:
    await ensure_stream(client.jetstream(), STREAM)

    with pytest.raises(NatsUnavailable, match="last"):
        await publish_all(client, some_messages(3, last_subject="nowhere.cook"), stream="JOBS", timeout_s=0.5)


async def test_client_finds_back_after_the_broker_was_killed(client: Client, broker: Broker) -> None:
    jetstream = client.jetstream()
    await ensure_stream(jetstream, STREAM)

    broker.kill()
    with pytest.raises(NatsUnavailable):
        await publish(jetstream, "jobs.cook", b"1", message_id="a.1", stream="JOBS", timeout_s=0.3)
    broker.start()

    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await check_connected(client)
                await publish(jetstream, "jobs.cook", b"1", message_id="a.1", stream="JOBS", timeout_s=1)
                break
            except NatsUnavailable:
                await asyncio.sleep(0.05)
    stored = await jetstream.get_last_msg("JOBS", "jobs.cook")
    assert stored.data == b"1"


async def test_client_finds_back_after_all_certificates_were_replaced(
    client: Client, broker: Broker, address: NatsAddress, tmp_path: Path
) -> None:
    assert address.tls is not None
    next_authority = CertificateAuthority("Next CA")
    next_authority.issue_files(tmp_path, "nats", "spiffe://house/nats")
    next_authority.issue_files(address.tls.cert.parent, "cook", COOK)

    broker.kill()
    broker.start()

    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(NatsUnavailable):
                await check_connected(client)
                break
            await asyncio.sleep(0.05)


async def test_connection_reads_on_when_a_flush_was_given_up(client: Client) -> None:
    heard = asyncio.Event()

    async def handle(message: object) -> None:
        del message
        heard.set()

    await client.subscribe("open.door", cb=handle)
    flushing = asyncio.create_task(client.flush())
    await asyncio.sleep(0)  # the ping is on its way, its answer is not there yet
    flushing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await flushing

    await check_connected(client)
    await client.publish("open.door", b"{}")
    async with asyncio.timeout(PATIENCE_S):
        await heard.wait()


async def test_drain_lets_a_received_message_be_handled(client: Client) -> None:
    handled: list[object] = []

    async def handle(message: object) -> None:
        handled.append(json.loads(message.data))  # type: ignore[attr-defined]

    await client.subscribe("open.door", cb=handle)
    await client.publish("open.door", b'{"n": 1}')

    await close(client)

    assert handled == [{"n": 1}]


async def test_consumer_on_a_missing_stream_raises(client: Client) -> None:
    with pytest.raises(nats.js.errors.NotFoundError):
        await ensure_consumer(client.jetstream(), "NONE", ConsumerConfig(durable_name="x"))
