"""How to see that a process is ready: each probe asks once and answers yes or no."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

Probe = Callable[[int], Awaitable[bool]]
"""Given the process id of the incarnation that is asked about."""

ANSWER_TIMEOUT_S = 2.0


async def never(_: int) -> bool:
    """For what is ready only by ending well."""
    return False


def file_appears(path: Path) -> Probe:
    async def probe(_: int) -> bool:
        return path.is_file()  # noqa: ASYNC240 - one stat of a local file

    return probe


def port_accepts(port: int) -> Probe:
    async def probe(_: int) -> bool:
        return await _first_line(port, request=b"", reads=False) is not None

    return probe


def http_answers_ok(port: int, path: str) -> Probe:
    """GET over plain HTTP on loopback, as ops listeners speak it."""

    async def probe(_: int) -> bool:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        status = await _first_line(port, request=request.encode())
        return status is not None and status.split()[1:2] == [b"200"]

    return probe


def nats_has_jetstream(port: int) -> Probe:
    """A NATS server greets with its abilities before it asks for TLS."""

    async def probe(_: int) -> bool:
        greeting = await _first_line(port, request=b"")
        if greeting is None or not greeting.startswith(b"INFO "):
            return False
        return json.loads(greeting.removeprefix(b"INFO ")).get("jetstream") is True

    return probe


def postgres_is_ready(data: Path) -> Probe:
    """The postmaster writes its state into the eighth line of its lock file."""

    async def probe(pid: int) -> bool:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # After a crash the file still holds the state of the incarnation before.
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    return probe


async def _first_line(port: int, *, request: bytes, reads: bool = True) -> bytes | None:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return await reader.readline() if reads else b""
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError):
        return None
