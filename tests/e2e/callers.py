"""Callers as docs/callbacks.md asks for: told of jobs as a vendor is, they call back and repeat what has to be."""

import asyncio
import json
import ssl
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 1.0
_ANSWER_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The last answer of one callback, which its caller does not repeat."""

    status: int
    body: Any


class Callers:
    """Use as an async context manager; `address` is what nodes of the type noop name as their vendor."""

    def __init__(self, *, ca_cert: Path, per_s: float) -> None:
        """`per_s` bounds how many callbacks are begun in a second, while `may_begin` is set; jobs beyond wait."""
        self._tls = ssl.create_default_context(cafile=str(ca_cert))
        self._per_s = per_s
        self._jobs: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._idle: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.may_begin = asyncio.Event()
        self.under_way = 0
        """Callbacks that were begun and have no last answer."""
        self.log: dict[str, list[Answered]] = {}
        """By execution."""
        self.repeated: Counter[str] = Counter()
        """Why callbacks were sent again: 408, 429, 503, or what became of their connection."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        self._spawn(self._call_back())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, writer in self._idle:
            writer.transport.abort()

    @property
    def address(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun to call back about."""
        return self._jobs.qsize()

    @property
    def answered(self) -> int:
        return sum(map(len, self.log.values()))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self._jobs.put_nowait(json.loads(line))
        writer.close()

    async def _call_back(self) -> None:
        clock = asyncio.get_running_loop().time
        begin_at = clock()
        while True:
            await self.may_begin.wait()
            job = await self._jobs.get()
            self.under_way += 1
            self._spawn(self._deliver(job))
            begin_at = max(begin_at + 1 / self._per_s, clock() - 1)
            await asyncio.sleep(begin_at - clock())

    async def _deliver(self, job: dict[str, str]) -> None:
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    status, head, body = await self._post(job)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.repeated[type(error).__name__] += 1
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                continue
            if status not in (408, 429, 503):
                self.log.setdefault(job["process_uuid"], []).append(Answered(status=status, body=json.loads(body)))
                self.under_way -= 1
                return
            self.repeated[str(status)] += 1
            await asyncio.sleep(_LONGEST_WAIT_S if status == 408 else float(head["retry-after"]))

    async def _post(self, job: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(job["callback_url"])
        ids = {name: job[name] for name in ("process_uuid", "node_uuid", "executor_type")}
        body = json.dumps({**ids, "content": json.dumps({"made_for": job["process_uuid"]})}).encode()
        lines = [f"POST {url.path}?{url.query} HTTP/1.1", f"Host: {url.netloc}", "Content-Type: application/json"]
        reader, writer = connection = await self._connect(url.hostname or "", url.port or 443)
        try:
            writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
            first, *others = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in others)}
            answer = await reader.readexactly(int(head["content-length"]))
        except BaseException:
            writer.transport.abort()
            raise
        self._idle.append(connection)
        return int(first.split(" ", 2)[1]), head, answer

    async def _connect(self, host: str, port: int) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection(host, port, ssl=self._tls)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
