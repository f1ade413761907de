"""A vendor for the test node `noop`: told over TCP what to call back, it does so 5 ms later, through the gateway."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from benchmarks.https_post import Connection, post

WORK_S = 0.005
"""How long the vendor works on a job."""
CONNECTIONS = 32
"""To the gateway, kept open; a job waits for one that is free."""


class Vendor:
    """Listens on loopback; each line is one job as JSON: where to call back, and which ids to name."""

    def __init__(self, *, ca_cert: Path) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca_cert))
        self._jobs: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        self._tasks |= {asyncio.create_task(self._call_back()) for _ in range(CONNECTIONS)}
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

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while line := await reader.readline():
            loop.call_later(WORK_S, self._jobs.put_nowait, json.loads(line))
        writer.close()

    async def _call_back(self) -> None:
        """One connection after the other, each for as long as the gateway keeps it."""
        connection: Connection | None = None
        while True:
            job = await self._jobs.get()
            url = urlsplit(job["callback_url"])
            if connection is None or connection[0].at_eof():
                connection = await asyncio.open_connection(url.hostname, url.port, ssl=self._tls)
            try:
                status = await post(connection, target=f"{url.path}?{url.query}", host=url.netloc, body=_body(job))
            except (OSError, asyncio.IncompleteReadError):
                status = 0
            if status != 200:
                connection = None
                # As any vendor would: again, after a moment.
                asyncio.get_running_loop().call_later(0.1, self._jobs.put_nowait, job)


def _body(job: dict[str, str]) -> bytes:
    content = json.dumps({"made_for": job["process_uuid"]}).ljust(200)
    ids = {name: job[name] for name in ("process_uuid", "node_uuid", "executor_type")}
    return json.dumps({**ids, "content": content}).encode()
