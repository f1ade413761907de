"""The executor as a process: it starts, tells whether it is ready, stops in order, and may be killed while it works."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.integration.executor.rig import World, until
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
Spawn = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def spawn(around: World) -> AsyncIterator[Spawn]:
    async with AsyncExitStack() as stack:

        async def start(**changed: str) -> asyncio.subprocess.Process:
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen"))),
                **around.variables,
                **changed,
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "executor_service", env=environment, cwd=around.folder,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            return process

        yield start


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def readiness(port: int) -> httpx.Response:
    """The first answer that says yes."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(httpx.TransportError):
                answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                if answer.status_code == httpx.codes.OK:
                    return answer
            await asyncio.sleep(0.05)


async def test_process_is_ready_counts_its_work_and_stops_in_order(around: World, spawn: Spawn) -> None:
    await around.create_queue("noop")
    port = free_port()
    process = await spawn(EXECUTOR_OPS_LISTEN=f"127.0.0.1:{port}")

    ready = await readiness(port)
    _, execution = await around.given(config={"nonce": "canary"})
    await until(lambda: execution.has_ended)
    await around.until_stream_is_empty()
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    process.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(process.communicate(), PATIENCE_S)

    assert ready.status_code == 200
    assert ready.json()["checks"] == ["nats", "pipeline", "store"]
    assert 'executor_executions_total{node_type="noop",outcome="completed"} 1.0' in metrics
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in log.splitlines() if line.startswith(b"{")]
    assert [event for event in events if event.startswith("execution_")] == [
        "execution_claimed",
        "execution_completed",
    ]
    assert b"cap=secret" not in log


async def test_no_secret_is_in_the_log_of_work_that_fails_or_breaks_down(around: World, spawn: Spawn) -> None:
    """What a failure says and what a crash leaves behind: seen, and without what signs an address."""
    await around.create_queue("noop")
    process = await spawn(EXECUTOR_FAILPOINTS="executor.before_upload=raise@1")
    address = "https://store.test/marker?X-Amz-Signature=canary-4be1"

    _, fails = await around.given(config={"vendor": address})
    _, breaks = await around.given(config={"nonce": address})
    await until(lambda: fails.has_ended and breaks.has_ended)
    process.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(process.communicate(), PATIENCE_S)

    assert b"store.test/marker" in log
    assert b"Traceback" in log
    secrets = [b"canary-4be1", b"cap=secret", *(path.read_bytes().strip() for path in around.folder.glob("s3.*"))]
    assert [secret for secret in secrets if secret in log] == []


async def test_wrong_settings_stop_the_start_naming_all_of_them(spawn: Spawn) -> None:
    process = await spawn(EXECUTOR_SLOTS="0", EXECUTOR_NATS_URL="http://x", EXECUTOR_TYPO="1")

    _, log = await asyncio.wait_for(process.communicate(), PATIENCE_S)

    assert process.returncode == 2
    assert all(name in log.decode() for name in ("EXECUTOR_SLOTS", "EXECUTOR_NATS_URL", "EXECUTOR_TYPO"))


@pytest.mark.parametrize(
    "place",
    [
        # Every place is passed with all the services around in test_failpoints.
        pytest.param("executor.got_message", marks=pytest.mark.slow),
        pytest.param("executor.after_claim", marks=pytest.mark.slow),
        "executor.after_upload",
        "executor.before_ack",
    ],
)
async def test_killed_worker_leaves_nothing_that_the_next_one_cannot_take_over(
    around: World, spawn: Spawn, place: str
) -> None:
    # Short, because the server may hand the second message to the connection of the dead before it knows of the death.
    await around.create_queue("noop", ack_wait_s=5)
    execution_id, execution = await around.given(config={"nonce": 1})
    process = await spawn(EXECUTOR_FAILPOINTS=f"{place}=kill")
    await asyncio.wait_for(process.wait(), PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    ended_before = execution.has_ended

    # What the service's lease timer does: the lease is over, the execution is dispatched again.
    execution.claim = None
    execution.dispatch_no = 2
    await around.publish(execution_id, dispatch_no=2)
    port = free_port()
    next_one = await spawn(EXECUTOR_OPS_LISTEN=f"127.0.0.1:{port}")
    assert (await readiness(port)).status_code == 200
    await until(lambda: execution.has_ended)
    await until(lambda: len(list((around.folder / "work").glob("process-*.lock"))) == 1)

    assert ended_before is (place == "executor.before_ack")
    assert execution.output is not None
    assert await around.store.head(execution.output.s3_key) is not None
    assert len(around.service.reports("complete")) == 1
    next_one.send_signal(signal.SIGTERM)
    await asyncio.wait_for(next_one.communicate(), PATIENCE_S)
    assert next_one.returncode == 0
