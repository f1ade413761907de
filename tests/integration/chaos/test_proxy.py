"""What the proxy of a fault run does to a connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.plan import FaultKind
from tests.chaos.proxy import DELAY_S, Proxy
from tests.e2e.house import until_true


class Echo:
    """A server that answers every line with itself, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.heard.append(line)
            writer.write(line)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def echo_behind_a_proxy() -> AsyncIterator[tuple[Echo, Proxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with Proxy() as proxy:
        proxy.target = ("127.0.0.1", server.sockets[0].getsockname()[1])
        yield echo, proxy
    server.close()


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_undisturbed_it_forwards_both_ways() -> None:
    async with echo_behind_a_proxy() as (_, proxy):
        reader, writer = await connect(proxy)
        writer.write(b"hello\n")

        assert await reader.readline() == b"hello\n"
        writer.close()


async def test_dropped_answers_leave_the_request_delivered_and_break_the_connection() -> None:
    async with echo_behind_a_proxy() as (echo, proxy):
        reader, writer = await connect(proxy)
        writer.write(b"before\n")
        await reader.readline()
        disturbing = asyncio.create_task(proxy.disturb(FaultKind.DROP_ANSWERS, lasts_s=0.2))
        await asyncio.sleep(0)
        writer.write(b"pay\n")

        with pytest.raises(ConnectionResetError):
            await reader.read()

        assert echo.heard == [b"before\n", b"pay\n"]
        assert await disturbing == 1


async def test_cut_breaks_what_is_there_refuses_what_comes_and_heals() -> None:
    async with echo_behind_a_proxy() as (_, proxy):
        reader, writer = await connect(proxy)
        writer.write(b"before\n")
        await reader.readline()
        disturbing = asyncio.create_task(proxy.disturb(FaultKind.CUT, lasts_s=0.2))

        with pytest.raises(ConnectionResetError):
            await reader.read()
        refused, _ = await connect(proxy)
        with pytest.raises(ConnectionResetError):
            await refused.read()
        await disturbing

        healed, writer = await connect(proxy)
        writer.write(b"after\n")
        assert await healed.readline() == b"after\n"
        writer.close()


async def test_delay_brings_everything_late() -> None:
    async with echo_behind_a_proxy() as (echo, proxy):
        disturbing = asyncio.create_task(proxy.disturb(FaultKind.DELAY, lasts_s=0.1))
        await asyncio.sleep(0)
        reader, writer = await connect(proxy)
        began = time.monotonic()
        writer.write(b"hello\n")

        await until_true(lambda: echo.heard)

        assert time.monotonic() - began >= DELAY_S
        assert await reader.readline() == b"hello\n"
        writer.close()
        await disturbing
