"""The ops listener over real HTTP."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from prometheus_client import Counter

from servicekit.ops_listener import NotLoopback, OpsListener
from servicekit.telemetry import new_metrics_registry
from tests.patience import PATIENCE_S

Start = Callable[..., Awaitable[str]]


async def ready() -> None:
    pass


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[OpsListener] = []

    async def listen(**checks: Callable[[], Awaitable[None]]) -> str:
        registry = new_metrics_registry(service="shop", version="1")
        Counter("doors_opened", "Doors.", registry=registry).inc(3)
        listener = OpsListener(
            host="127.0.0.1", port=0, registry=registry, checks=checks, check_timeout_s=0.1, request_timeout_s=0.3
        )
        started.append(listener)
        return f"127.0.0.1:{await listener.start()}"

    yield listen
    for listener in started:
        await listener.stop()


async def get(address: str, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, f"http://{address}{path}")


async def test_healthz_answers_while_the_loop_turns(start: Start) -> None:
    response = await get(await start(), "/healthz?verbose=1")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readyz_is_ready_when_every_check_passes(start: Start) -> None:
    response = await get(await start(database=ready, broker=ready), "/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "checks": ["database", "broker"]})


async def test_readyz_names_what_is_missing_and_not_the_text_of_the_error(start: Start) -> None:
    async def away() -> None:
        raise ConnectionError("postgresql://user:hunter2@db")

    async def hangs() -> None:
        await asyncio.Event().wait()

    response = await get(await start(database=away, broker=hangs, store=ready), "/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "missing": {"database": "ConnectionError", "broker": "no answer within 0.1 s"},
    }


async def test_metrics_are_those_of_the_registry(start: Start) -> None:
    response = await get(await start(), "/metrics")

    assert response.status_code == 200
    assert "doors_opened_total 3.0" in response.text
    assert response.headers["content-type"].startswith("text/plain")


async def test_anything_else_is_not_found_or_not_allowed(start: Start) -> None:
    address = await start()

    assert (await get(address, "/")).status_code == 404
    assert (await get(address, "/metrics", "POST")).status_code == 405


async def test_head_has_no_body(start: Start) -> None:
    response = await get(await start(), "/healthz", "HEAD")

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    "sent", [b"", b"GET /healthz HTTP/1.1\r\n", b"GET /" + b"x" * 20_000, b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
async def test_slow_large_or_garbled_request_is_dropped_and_the_next_is_answered(sent: bytes, start: Start) -> None:
    address = await start()
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)

    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert (await get(address, "/healthz")).status_code == 200


async def test_stop_closes_the_port(start: Start) -> None:
    listener = OpsListener(
        host="localhost", port=0, registry=new_metrics_registry(service="shop", version="1"), checks={}
    )
    port = await listener.start()
    assert json.loads((await get(f"localhost:{port}", "/readyz")).content)["status"] == "ready"

    await listener.stop()

    with pytest.raises(httpx.ConnectError):
        await get(f"localhost:{port}", "/healthz")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 # must be refused
def test_address_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(NotLoopback, match=host):
        OpsListener(host=host, port=0, registry=new_metrics_registry(service="shop", version="1"), checks={})
