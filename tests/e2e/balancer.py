"""Stands where a load balancer stands in production: passes connections on, and knows nothing of what is in them."""

import asyncio
import contextlib
from typing import Self

_CHUNK_BYTES = 64 * 1024


class Balancer:
    """Listens on a free port of loopback; each connection goes to the next of `ports`.

    One that cannot be made is broken, as whoever connected would see it. Nothing is tried again here.
    """

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._taken = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._taken += 1
        try:
            behind = await asyncio.open_connection("127.0.0.1", self.ports[self._taken % len(self.ports)])
        except OSError:
            writer.transport.abort()
            return
        try:
            # What breaks on one side breaks on the other.
            with contextlib.suppress(OSError):
                await asyncio.gather(_forward(reader, behind[1]), _forward(behind[0], writer))
        finally:
            writer.transport.abort()
            behind[1].transport.abort()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_CHUNK_BYTES):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
