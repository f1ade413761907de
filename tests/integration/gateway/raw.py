"""A caller that writes bytes instead of requests."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from servicekit.tls import TlsFiles
from tests.integration.gateway.rig import Rig, caller_context
from tests.unit.gateway.capabilities import PATH


class RawCaller:
    """One TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes, *, every_s: float) -> bytes:
        """Send byte by byte until the other side ends the connection; returns what it said."""
        answer = asyncio.create_task(self.everything())
        for position in range(len(data)):
            if answer.done():
                break
            try:
                await self.send(data[position : position + 1])
            except ConnectionError:
                break
            await asyncio.wait({answer}, timeout=every_s)
        return await answer

    async def answer(self) -> bytes:
        """One whole answer."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head + await self._reader.readexactly(int(length.partition(b":")[2]))

    async def everything(self) -> bytes:
        """What arrives until the connection ends."""
        try:
            return await self._reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def connected(rig: Rig, *, certificate: TlsFiles | None = None) -> AsyncIterator[RawCaller]:
    """Connect with TLS, showing a certificate or none."""
    context = caller_context(rig.authority.cert, certificate=certificate)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=context)
    try:
        yield RawCaller(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def head(*, cap: str, length: int | None = None, extra: str = "") -> bytes:
    """The head of a callback."""
    lines = f"POST {PATH}?cap={cap} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n{extra}"
    return (lines + ("" if length is None else f"Content-Length: {length}\r\n") + "\r\n").encode()


async def everything_said(base_url: str, ca: Path, data: bytes) -> bytes:
    """What a server answers to these bytes, until the connection ends."""
    url = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(
        url.hostname, url.port, ssl=ssl.create_default_context(cafile=str(ca))
    )
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.transport.abort()
