"""The gateway as a process of its own: it starts, drains at SIGTERM, and says what is wrong with its settings."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.gateway.rig import caller_context, surroundings
from tests.patience import PATIENCE_S
from tests.unit.gateway.capabilities import PATH, success

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def process(environment: Mapping[str, str], *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m callback_gateway`, killed if it is still there at the end."""
    python_path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'protos' / 'gen'}"}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callback_gateway",
        *arguments,
        cwd=ROOT,
        env=dict(environment) | python_path,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line_of(child: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """The next log line of that event."""
    assert child.stderr is not None
    seen = []
    async with asyncio.timeout(PATIENCE_S):
        async for raw in child.stderr:
            seen.append(raw)
            if not raw.startswith(b"{"):
                continue  # gRPC's C core writes lines of its own
            line: dict[str, Any] = json.loads(raw)
            if line["event"] == event:
                return line
    raise AssertionError(f"no {event!r} among {seen}")


async def refusing_connections(port: int) -> None:
    """Returns when the listener is closed, which is a moment after the signal."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue  # it was in the queue of the listener when that was closed
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def test_sigterm_finishes_callbacks_in_flight_and_exits_0(tmp_path: Path) -> None:
    async with surroundings(tmp_path) as around, process(around.variables) as child:
        port = (await line_of(child, "listening"))["port"]
        around.service.may_answer.clear()
        context = caller_context(around.authority.cert)
        async with httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{port}", verify=context, timeout=PATIENCE_S
        ) as client:
            running = asyncio.create_task(client.post(PATH, json=success(), params={"cap": around.keys.issue()}))
            await around.service.arrived.wait()

            child.send_signal(signal.SIGTERM)
            await line_of(child, "stopping")
            await refusing_connections(port)
            around.service.may_answer.set()

            assert (await running).json() == {"status": "ok"}
        assert await asyncio.wait_for(child.wait(), PATIENCE_S) == 0
        assert len(around.service.requests) == 1


async def test_callback_that_outlasts_the_drain_is_told_to_come_back(tmp_path: Path) -> None:
    async with surroundings(tmp_path, GATEWAY_DRAIN_S="1") as around, process(around.variables) as child:
        port = (await line_of(child, "listening"))["port"]
        around.service.may_answer.clear()
        context = caller_context(around.authority.cert)
        async with httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{port}", verify=context, timeout=PATIENCE_S
        ) as client:
            running = asyncio.create_task(client.post(PATH, json=success(), params={"cap": around.keys.issue()}))
            await around.service.arrived.wait()

            child.send_signal(signal.SIGTERM)

            answer = await running
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert await asyncio.wait_for(child.wait(), PATIENCE_S) == 0


async def test_killed_between_commit_and_answer_the_repeat_is_a_duplicate(tmp_path: Path) -> None:
    async with surroundings(tmp_path, GATEWAY_FAILPOINTS="gateway.after_report=kill") as around:
        context = caller_context(around.authority.cert)
        callback: dict[str, Any] = {"json": success(), "params": {"cap": around.keys.issue()}}
        async with process(around.variables) as child, httpx.AsyncClient(verify=context, timeout=PATIENCE_S) as client:
            port = (await line_of(child, "listening"))["port"]
            with pytest.raises(httpx.TransportError):
                await client.post(f"https://127.0.0.1:{port}{PATH}", **callback)
            assert await asyncio.wait_for(child.wait(), PATIENCE_S) == -signal.SIGKILL
        around.service.disposition = "DUPLICATE"

        sane = around.variables | {"GATEWAY_FAILPOINTS": ""}
        async with process(sane) as again, httpx.AsyncClient(verify=context, timeout=PATIENCE_S) as client:
            port = (await line_of(again, "listening"))["port"]
            response = await client.post(f"https://127.0.0.1:{port}{PATH}", **callback)

        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert len(around.service.requests) == 2
        assert around.service.requests[0] == around.service.requests[1]


async def test_wrong_settings_stop_the_start_with_all_faults(tmp_path: Path) -> None:
    async with process({"GATEWAY_LISTEN": "nonsense", "GATEWAY_BODY_LIMIT_BYTES": "many"}) as child:
        _, stderr = await asyncio.wait_for(child.communicate(), PATIENCE_S)

    assert child.returncode == 2
    assert b"GATEWAY_LISTEN: expected host:port" in stderr
    assert b"GATEWAY_BODY_LIMIT_BYTES" in stderr
    assert b"GATEWAY_PIPELINE_ADDR: must be set" in stderr


async def test_unusable_key_file_stops_the_start(tmp_path: Path) -> None:
    async with surroundings(tmp_path) as around:
        (tmp_path / "public.json").write_text("{}")
        async with process(around.variables) as child:
            _, stderr = await asyncio.wait_for(child.communicate(), PATIENCE_S)

    assert child.returncode == 1
    assert b"public.json" in stderr


async def test_taken_port_stops_the_start(tmp_path: Path) -> None:
    async with surroundings(tmp_path) as around, process(around.variables) as first:
        port = (await line_of(first, "listening"))["port"]
        async with process(around.variables | {"GATEWAY_LISTEN": f"127.0.0.1:{port}"}) as second:
            await asyncio.wait_for(second.communicate(), PATIENCE_S)

        assert second.returncode == 1


async def test_arguments_are_a_usage_error() -> None:
    async with process({}, "external") as child:
        _, stderr = await asyncio.wait_for(child.communicate(), PATIENCE_S)

    assert child.returncode == 2
    assert stderr.startswith(b"usage: ")
