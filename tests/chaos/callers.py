"""A vendor that calls back: late, sometimes twice at once, sometimes again much later, sometimes with other words.

Its first words for an execution are the honest ones, and it repeats them until somebody answers.
What it says afterwards must change nothing.
"""

import asyncio
import contextlib
import hashlib
import json
import random
import ssl
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.chaos.history import History

SOONEST_S, LATEST_S = 1.0, 2.5
"""How long the vendor works before it calls."""
TWICE = 0.3
AGAIN = 0.25
OTHERWISE = 0.25
"""Chances that it says the same twice at once, the same again later, and something else later."""
LATER_S = (2.0, 10.0)
_REPEAT_S = 0.5


class Callers:
    """Listens on loopback for jobs of the node type noop; calls back through `gateway`, an address of loopback."""

    def __init__(self, *, seed: int, ca_cert: Path, history: History) -> None:
        self._chance = random.Random(seed)
        self._history = history
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=str(ca_cert)), timeout=12.0, trust_env=False
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self.calling = 0
        """Callbacks that the gateway has in its hands now."""
        self.answered = 0
        self.repeats = 0
        """Callbacks beyond the first: duplicates, replays, other words."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    @property
    def address(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def quiet(self) -> None:
        """Wait until everything has been said; for ever when nobody listens."""
        while working := [task for task in self._tasks if task is not asyncio.current_task()]:
            await asyncio.wait(working)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                self._spawn(self._work(json.loads(line)))
        writer.close()

    async def _work(self, job: dict[str, str]) -> None:
        await asyncio.sleep(self._chance.uniform(SOONEST_S, LATEST_S))
        honest = {"made_for": job["process_uuid"]}
        if self._chance.random() < TWICE:
            self._spawn(self._repeat(job, honest, after_s=0))
        is_answered = await self._say(job, honest)
        while not is_answered:
            await asyncio.sleep(_REPEAT_S)
            is_answered = await self._say(job, honest)
        if self._chance.random() < AGAIN:
            self._spawn(self._repeat(job, honest, after_s=self._chance.uniform(*LATER_S)))
        if self._chance.random() < OTHERWISE:
            other = honest | {"said": "otherwise"}
            self._spawn(self._repeat(job, other, after_s=self._chance.uniform(*LATER_S)))

    async def _repeat(self, job: dict[str, str], words: dict[str, str], *, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.repeats += 1
        await self._say(job, words)

    async def _say(self, job: dict[str, str], words: dict[str, str]) -> bool:
        """One callback; whether it was answered once and for all."""
        content = json.dumps(words).ljust(200)
        ids = {name: job[name] for name in ("process_uuid", "node_uuid", "executor_type")}
        self.calling += 1
        try:
            answer = await self._http.post(job["callback_url"], json={**ids, "content": content})
        except httpx.HTTPError:
            return False
        finally:
            self.calling -= 1
        if answer.status_code >= 500 or answer.status_code == 429:
            return False
        self.answered += 1
        self._history.write(
            "called_back",
            execution=job["process_uuid"],
            sha256=hashlib.sha256(content.encode()).hexdigest(),
            status=answer.status_code,
            answer=_word(answer),
            path=urlsplit(job["callback_url"]).path,
        )
        return True

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _word(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("status", ""))
    except ValueError:
        return ""
