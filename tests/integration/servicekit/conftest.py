"""Certificates, a running server for the gRPC tests, and a broker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from servicekit.access import Allow, allow
from servicekit.grpc_client import ChannelOptions, ServiceChannel
from servicekit.grpc_server import Drain, GrpcServer
from servicekit.nats_client import NatsAddress
from servicekit.server_tls import server_credentials
from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.integration.servicekit.broker import Broker, a_broker
from tests.integration.servicekit.house import METHODS, Door

COOK = "spiffe://house/cook"
GUEST = "spiffe://house/guest/anna"

StartServer = Callable[..., Awaitable[GrpcServer]]
OpenChannel = Callable[..., Awaitable[ServiceChannel]]


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def tls(authority: CertificateAuthority, tmp_path: Path) -> Callable[[str, str], TlsFiles]:
    def files(name: str, uri: str) -> TlsFiles:
        return authority.issue_files(tmp_path / "tls", name, uri)

    return files


@pytest.fixture
def server_tls(tls: Callable[[str, str], TlsFiles]) -> TlsFiles:
    return tls("house", "spiffe://house/house")


@pytest.fixture
async def start_server(server_tls: TlsFiles) -> AsyncIterator[StartServer]:
    """Starts servers that only COOK may call unless told otherwise, and stops them after the test."""
    async with AsyncExitStack() as stack:

        async def start(door: Door | None = None, **changed: Any) -> GrpcServer:
            arguments: dict[str, Any] = {
                "listen": "127.0.0.1:0",
                "credentials": server_credentials(server_tls, on_reload=lambda _ok: None),
                "services": [(door or Door()).register],
                "access": dict.fromkeys(METHODS, allow(COOK)),
                "reflection_access": allow(COOK),
                "domain": "house",
                "errors": {},
                "drain": Drain(notice_s=0, grace_s=0),
            }
            server = GrpcServer(**(arguments | changed))
            await server.start()
            stack.push_async_callback(server.stop)
            return server

        yield start


@pytest.fixture
async def open_channel(tls: Callable[[str, str], TlsFiles]) -> AsyncIterator[OpenChannel]:
    """Opens channels as COOK unless told otherwise, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(
            port: int, *, uri: str = COOK, files: TlsFiles | None = None, options: ChannelOptions | None = None
        ) -> ServiceChannel:
            channel = ServiceChannel(
                f"127.0.0.1:{port}", tls=files or tls(uri.rpartition("/")[2], uri), options=options
            )
            stack.push_async_callback(channel.close)
            return channel

        yield open_one


@pytest.fixture
def nobody() -> Allow:
    return Allow()


@pytest.fixture
def broker(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Broker]:
    """Running."""
    broker = a_broker(tmp_path, authority.issue_files(tmp_path, "nats", "spiffe://house/nats"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def address(broker: Broker, tls: Callable[[str, str], TlsFiles], tmp_path: Path) -> NatsAddress:
    password = tmp_path / "password"
    password.write_text("right\n")
    password.chmod(0o600)
    return NatsAddress(
        url=f"tls://127.0.0.1:{broker.port}",
        user="cook",
        password_file=password,
        inbox_prefix="_INBOX_cook",
        tls=tls("cook", COOK),
    )
