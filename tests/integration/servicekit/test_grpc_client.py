"""Deadlines, retries, rotation and the drain of a server, as a client sees them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.access import allow
from servicekit.grpc_client import ChannelOptions, ServiceChannel
from servicekit.grpc_errors import RpcError
from servicekit.grpc_retry import RetryPolicy, call
from servicekit.grpc_server import Drain
from servicekit.server_tls import server_credentials
from servicekit.tls import InvalidTlsFiles, TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.fakes.clock import FakeClock
from tests.integration.servicekit.conftest import COOK, GUEST, OpenChannel, StartServer
from tests.integration.servicekit.house import CODEC, METHODS, Door, echo, knock


class Held:
    """A behaviour that waits until the test lets it go."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.release = asyncio.Event()

    async def __call__(self, text: str) -> str:
        self.started.set()
        await self.release.wait()
        return text


async def test_call_without_deadline_gets_the_default_one(start_server: StartServer, open_channel: OpenChannel) -> None:
    server = await start_server(Door(Held()))
    options = ChannelOptions(default_deadline_s=0.2, default_stream_deadline_s=0.2)
    channel = await open_channel(server.port, options=options)

    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await channel.unary_unary(METHODS[0], **CODEC)(StringValue(value="hello"))
    with pytest.raises(grpc.aio.AioRpcError) as stream:
        [one async for one in channel.unary_stream(METHODS[1], **CODEC)(StringValue(value="hello"))]

    assert unary.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert stream.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_server_under_another_name_is_refused_unless_that_name_is_expected(
    start_server: StartServer, tls: Callable[[str, str], TlsFiles], authority: CertificateAuthority, tmp_path: Path
) -> None:
    elsewhere = authority.write(
        tmp_path, "elsewhere", authority.issue("elsewhere", uris=["spiffe://house/e"], dns=["elsewhere"], ips=[])
    )
    server = await start_server(credentials=server_credentials(elsewhere, on_reload=lambda _ok: None))
    cook = tls("cook", COOK)

    async with ServiceChannel(f"127.0.0.1:{server.port}", tls=cook) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await knock(channel, "UnaryUnary", "hello", timeout=2)
    assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

    options = ChannelOptions(server_name="elsewhere")
    async with ServiceChannel(f"127.0.0.1:{server.port}", tls=cook, options=options) as channel:
        assert await knock(channel, "UnaryUnary", "hello") == ["hello"]


async def test_channel_with_unusable_certificate_files_is_not_opened(tls: Callable[[str, str], TlsFiles]) -> None:
    files = tls("cook", COOK)
    files.key.unlink()

    with pytest.raises(InvalidTlsFiles, match="key"):
        ServiceChannel("127.0.0.1:1", tls=files)


async def test_rotated_client_certificate_is_shown_without_a_new_stub(
    start_server: StartServer, authority: CertificateAuthority, tmp_path: Path
) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, allow(COOK, GUEST)))
    files, clock = authority.issue_files(tmp_path, "who", COOK), FakeClock()
    async with ServiceChannel(f"127.0.0.1:{server.port}", tls=files, clock=clock) as channel:
        ask = channel.unary_unary(METHODS[0], **CODEC)
        assert (await ask(StringValue(value="who"))).value == COOK

        authority.issue_files(tmp_path, "who", GUEST)
        assert (await ask(StringValue(value="who"))).value == COOK
        clock.advance(timedelta(seconds=11))

        assert (await ask(StringValue(value="who"))).value == GUEST


async def test_broken_rotation_keeps_the_channel_until_it_is_mended(
    start_server: StartServer, authority: CertificateAuthority, tmp_path: Path
) -> None:
    server = await start_server(access=dict.fromkeys(METHODS, allow(COOK, GUEST)))
    files, clock = authority.issue_files(tmp_path, "who", COOK), FakeClock()
    async with ServiceChannel(f"127.0.0.1:{server.port}", tls=files, clock=clock) as channel:
        files.cert.unlink()
        clock.advance(timedelta(seconds=11))
        assert await knock(channel, "UnaryUnary", "who") == [COOK]

        authority.issue_files(tmp_path, "who", GUEST)
        clock.advance(timedelta(seconds=11))
        assert await knock(channel, "UnaryUnary", "who") == [GUEST]


class Attempts:
    """Raises what it is given, one after the other, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors = list(errors)
        self.timeouts: list[float] = []

    async def __call__(self, *, timeout: float) -> str:
        self.timeouts.append(timeout)
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


def failure(code: grpc.StatusCode, *, retry_after: timedelta | None = None) -> grpc.aio.AioRpcError:
    status = RpcError(code=code, reason="TEST", message="", retry_after=retry_after).to_status("house")
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details="")


class TestCall:
    @pytest.fixture
    def waits(self) -> list[float]:
        return []

    def run(self, attempts: Attempts, waits: list[float], **policy: float) -> Any:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        policy = {"deadline_s": 30.0} | policy
        return call(attempts, policy=RetryPolicy(**policy), rng=lambda: 1.0, sleep=sleep)

    async def test_unavailable_and_cancelled_by_the_server_are_repeated_with_growing_waits(
        self, waits: list[float]
    ) -> None:
        codes = grpc.StatusCode
        attempts = Attempts(*(failure(code) for code in (codes.UNAVAILABLE, codes.CANCELLED, codes.UNAVAILABLE)))

        assert await self.run(attempts, waits) == "answer"
        assert waits == [0.1, 0.2, 0.4]
        assert attempts.timeouts == [10.0] * 4

    @pytest.mark.parametrize(
        "code",
        [
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.INTERNAL,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ],
    )
    async def test_other_codes_end_the_call(self, code: grpc.StatusCode, waits: list[float]) -> None:
        attempts = Attempts(failure(code))

        with pytest.raises(grpc.aio.AioRpcError):
            await self.run(attempts, waits)
        assert waits == []

    async def test_pushback_is_obeyed(self, waits: list[float]) -> None:
        attempts = Attempts(failure(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after=timedelta(seconds=3)))

        assert await self.run(attempts, waits) == "answer"
        assert waits == [3.0]

    async def test_wait_beyond_the_deadline_is_not_begun(self, waits: list[float]) -> None:
        attempts = Attempts(failure(grpc.StatusCode.UNAVAILABLE, retry_after=timedelta(seconds=60)))

        with pytest.raises(grpc.aio.AioRpcError):
            await self.run(attempts, waits)
        assert waits == []

    async def test_attempt_gets_no_more_time_than_the_whole_has(self, waits: list[float]) -> None:
        attempts = Attempts()

        await self.run(attempts, waits, deadline_s=2.0)

        assert attempts.timeouts[0] <= 2.0

    async def test_own_cancellation_is_not_repeated(self, waits: list[float]) -> None:
        with pytest.raises(asyncio.CancelledError):
            await self.run(Attempts(asyncio.CancelledError()), waits)
        assert waits == []


async def test_call_outlives_a_restart_of_the_server(start_server: StartServer, open_channel: OpenChannel) -> None:
    first = await start_server()
    channel = await open_channel(first.port)
    ask = channel.unary_unary(METHODS[0], **CODEC)
    await ask(StringValue(value="hello"))
    await first.stop()

    calling = asyncio.create_task(
        call(partial(ask, StringValue(value="again")), policy=RetryPolicy(deadline_s=15, attempt_timeout_s=3))
    )
    await start_server(Door(echo), listen=f"127.0.0.1:{first.port}")

    assert (await calling).value == "again"


class TestDrain:
    async def test_stop_tells_health_first_and_lets_running_calls_end(
        self, start_server: StartServer, open_channel: OpenChannel
    ) -> None:
        held = Held()
        server = await start_server(Door(held), drain=Drain(notice_s=0.5, grace_s=10))
        channel = await open_channel(server.port)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        running = asyncio.create_task(knock(channel, "UnaryUnary", "hello", timeout=15))
        await held.started.wait()

        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        late = asyncio.create_task(knock(channel, "UnaryUnary", "within the notice", timeout=15))
        held.release.set()

        assert await running == ["hello"]
        assert await late == ["within the notice"]
        await stopping

    async def test_stop_does_not_wait_longer_than_the_grace(
        self, start_server: StartServer, open_channel: OpenChannel
    ) -> None:
        held = Held()
        server = await start_server(Door(held), drain=Drain(notice_s=0, grace_s=0.2))
        channel = await open_channel(server.port)
        running = asyncio.create_task(knock(channel, "UnaryUnary", "hello", timeout=15))
        await held.started.wait()

        async with asyncio.timeout(5):
            await server.stop()

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await running
        assert raised.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
