"""What the kill tests share: films to compare with, and looks into the queue."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import nats
from montage.v1 import resources_pb2 as resources
from nats.js.errors import NotFoundError

from tests.e2e.documents import a_film, a_merge
from tests.e2e.house import House, Row, new_id, state_of, until
from tests.e2e.processes import ENCODING, below, go_on, stop
from tests.patience import PATIENCE_S

STREAM = "WORK"
LEASE_S = "4"
"""How long a dead worker holds an execution; short, so that tests need not wait."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A Lambda node in the middle of its work: the execution waits for a callback, and FFmpeg is held still."""

    run: resources.Run
    execution: Row
    encoder: int
    """Process id of FFmpeg."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Messages of one task queue."""

    undelivered: int
    unacknowledged: int


@asynccontextmanager
async def held_encoding(house: House) -> AsyncIterator[Held]:
    """Hold FFmpeg still in a merge; it goes on at the end."""
    run = await house.begin(a_merge(new_id("held")))
    endpoint = house.stack.process("lambda").pid

    async def encoders() -> list[int]:
        return below(endpoint, running=ENCODING)

    encoder = (await until(encoders, within_s=40, is_brief=True))[0]
    stop(encoder)
    try:
        yield Held(run=run, execution=await house.until_execution(run, "film", "WAITING"), encoder=encoder)
    finally:
        go_on(encoder)


async def undisturbed_film(house: House) -> str:
    """SHA-256 of the small film when nothing dies."""
    run = await house.run(a_film(new_id("undisturbed")))
    assert state_of(run) == "SUCCEEDED"
    sha256 = (await house.execution(run, "film")).sha256
    assert sha256
    return sha256


async def undisturbed_merge(house: House) -> str:
    """The same for the shortest way through Lambda."""
    run = await house.run(a_merge(new_id("undisturbed")))
    assert state_of(run) == "SUCCEEDED"
    sha256 = (await house.execution(run, "film")).sha256
    assert sha256
    return sha256


async def look_into_queue(house: House, durable: str) -> Queue | None:
    """How full a task queue is; None when there is none."""
    files = house.stack.layout.tls("pipeline")
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.cert, files.key)
    connection = await nats.connect(
        house.stack.addresses.nats_url,
        user="pipeline",
        password=house.stack.layout.nats_password("pipeline").read_text(),
        tls=context,
        inbox_prefix="_INBOX_pipeline",
        connect_timeout=PATIENCE_S,
    )
    try:
        consumer = await connection.jetstream().consumer_info(STREAM, durable)
    except NotFoundError:
        return None
    finally:
        await connection.close()
    return Queue(undelivered=consumer.num_pending or 0, unacknowledged=consumer.num_ack_pending or 0)
