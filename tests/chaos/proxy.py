"""A TCP proxy that can be told to be slow, to break, or to swallow answers."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable
from typing import Self

from tests.chaos.plan import FaultKind

_CHUNK_BYTES = 64 * 1024
DELAY_S = 0.3
"""By which every piece comes late while a delay lasts."""


class Proxy:
    """Listens on a free port of loopback and forwards to `target`, which may be named later."""

    def __init__(self) -> None:
        self.target: tuple[str, int] | None = None
        self.refused = 0
        """Connections that were broken at once."""
        self._disturbance: FaultKind | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def disturb(self, kind: FaultKind, *, lasts_s: float) -> int:
        """Do it for so long; another disturbance meanwhile takes its place. Answers how many connections it met."""
        self._disturbance = kind
        met = len(self._connections)
        if kind is FaultKind.CUT:
            self.cut()
        await asyncio.sleep(lasts_s)
        if self._disturbance is kind:
            self._disturbance = None
        # A stream that has lost a piece cannot go on.
        for connection in [one for one in self._connections if one.has_lost]:
            connection.abort()
        return met

    def cut(self) -> None:
        """Break every connection, without a word to either side."""
        for connection in list(self._connections):
            connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self.target is None or self._disturbance is FaultKind.CUT:
            self.refused += 1
            reset(writer)
            return
        try:
            there = await asyncio.open_connection(*self.target)
        except OSError:
            reset(writer)
            return
        connection = _Connection((reader, writer), there)
        self._connections.add(connection)
        try:
            await asyncio.gather(self._forward(connection, answers=False), self._forward(connection, answers=True))
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def _forward(self, connection: "_Connection", *, answers: bool) -> None:
        (reader, _), (_, writer) = connection.ends if not answers else connection.ends[::-1]
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK_BYTES):
                if self._disturbance is FaultKind.DELAY:
                    await asyncio.sleep(DELAY_S)
                if answers and (connection.has_lost or self._disturbance is FaultKind.DROP_ANSWERS):
                    connection.has_lost = True
                    continue
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


class _Connection:
    def __init__(
        self,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.ends = (here, there)
        self.has_lost = False

    def abort(self) -> None:
        for _, writer in self.ends:
            reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a broken line does: what was not delivered is forgotten, and the other side told at once."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Edges:
    """The proxies of a run, by name."""

    def __init__(self, proxies: dict[str, Proxy]) -> None:
        self._proxies = proxies

    def __getitem__(self, name: str) -> Proxy:
        return self._proxies[name]

    def lead(self, name: str, port: int) -> None:
        self._proxies[name].target = ("127.0.0.1", port)

    def disturb(self, name: str, kind: FaultKind, *, lasts_s: float) -> Awaitable[int]:
        return self._proxies[name].disturb(kind, lasts_s=lasts_s)
