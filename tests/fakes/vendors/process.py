"""A simulated vendor as a process, its bill, and its switches."""

import asyncio
import contextlib
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "key-of-the-tests"
"""The one API key that simulators of the tests take."""
_ROOT = Path(__file__).resolve().parents[3]
_START_S = 30.0


@dataclass(frozen=True)
class Simulator:
    """A running vendor."""

    address: str
    bill_file: Path

    def bill(self, **fields: object) -> list[dict[str, Any]]:
        """Its lines that have these fields: what was accepted, and is to be paid."""
        lines = [json.loads(line) for line in self.bill_file.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if fields.items() <= line.items()]

    async def switch(self, **switches: object) -> None:
        """Set these switches; all others are at rest again."""
        await self._control("POST", "switches", switches)

    async def advance(self, seconds: float) -> None:
        await self._control("POST", "clock", {"advance_s": seconds})

    async def log(self) -> list[dict[str, Any]]:
        """Every request that it answered."""
        found: list[dict[str, Any]] = (await self._control("GET", "log", None))["requests"]
        return found

    async def _control(self, method: str, path: str, body: object) -> Any:
        return await asyncio.to_thread(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: object) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/_sim/{path}", data=content, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@asynccontextmanager
async def open_simulator(vendor: str, folder: Path, *, key: str = KEY) -> AsyncIterator[Simulator]:
    """Start one by the name of its module; it is never killed before the end."""
    bill = folder / f"{vendor}-bill.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"tests.fakes.vendors.{vendor}", "--bill", str(bill), "--key", key),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            address = (await process.stdout.readline()).decode().strip()
        yield Simulator(address, bill)
    finally:
        with contextlib.suppress(ProcessLookupError):  # a Ctrl-C reaches it, too
            process.kill()
        await process.wait()
