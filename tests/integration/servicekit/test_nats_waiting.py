"""A connection to a broker that is not there yet."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from servicekit.nats_client import NatsAddress, NatsRefused, NatsUnavailable, check_connected, close
from servicekit.nats_waiting import WaitingConnection
from tests.integration.servicekit.broker import Broker


@asynccontextmanager
async def running(connection: WaitingConnection) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(connection.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, NatsUnavailable):
            await task
        await close(connection.client, timeout_s=2)


async def test_work_begins_when_a_late_broker_is_there(broker: Broker, address: NatsAddress) -> None:
    broker.kill()
    connection = WaitingConnection(address, name="test")
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        async def on_message(message: object) -> None:
            heard.set_result(message.data)  # type: ignore[attr-defined] # the client's own message class

        await connection.client.subscribe("open.door", cb=on_message)
        await connection.client.publish("open.door", b"hello")

    async with running(connection):
        working = asyncio.create_task(connection.once_connected(listen))
        with pytest.raises(NatsUnavailable):
            await check_connected(connection.client)
        assert not working.done()

        broker.start()

        async with asyncio.timeout(15):
            assert await heard == b"hello"
        await check_connected(connection.client)


async def test_broker_that_takes_calls_and_hangs_up_is_waited_for(broker: Broker, address: NatsAddress) -> None:
    """As one that is held still, or that still reads its store."""
    broker.kill()
    with socket.socket() as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        mute.bind(("127.0.0.1", broker.port))
        mute.listen()
        mute.settimeout(0)
        connection = WaitingConnection(address, name="test")
        async with running(connection) as task:
            async with asyncio.timeout(10):
                # The second caller is the connection itself: the first one only looked whether anybody listens.
                for _ in range(2):
                    caller, _ = await asyncio.get_running_loop().sock_accept(mute)
                    caller.close()
            mute.close()
            broker.start()

            async with asyncio.timeout(30):
                await connection.connected()
            assert not task.done()


async def test_broker_that_refuses_us_is_not_waited_for(broker: Broker, address: NatsAddress) -> None:
    address.password_file.write_text("wrong")
    connection = WaitingConnection(address, name="test")

    with pytest.raises(NatsRefused):
        async with asyncio.timeout(15):
            await connection.run()


async def test_lost_connection_comes_back_by_itself(broker: Broker, address: NatsAddress) -> None:
    connection = WaitingConnection(address, name="test")
    async with running(connection):
        await connection.connected()
        broker.kill()
        broker.start()

        async with asyncio.timeout(15):
            while True:
                with suppress(NatsUnavailable):
                    await check_connected(connection.client)
                    break
                await asyncio.sleep(0.05)
