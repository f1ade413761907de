"""A fake service with a real connection to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from montage_cli.calls import CallOptions
from montage_cli.client import MontageClient
from montage_cli.connection import Connection
from servicekit.server_tls import server_credentials
from tests.fakes.certificates import CertificateAuthority
from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.fake_store import FakeStore
from tests.integration.cli.process import DOCUMENT, Montage

QUICK = CallOptions(
    connect_patience_s=1.0,
    patience_s=5.0,
    attempt_s=2.0,
    watch_patience_s=5.0,
    watch_silence_s=0.5,
    watch_deadline_s=5.0,
)


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def store() -> Iterator[FakeStore]:
    store = FakeStore()
    yield store
    store.close()


@pytest.fixture
async def service(store: FakeStore) -> FakeService:
    return FakeService(store)


@pytest.fixture
async def connection(
    service: FakeService, authority: CertificateAuthority, tmp_path: Path
) -> AsyncIterator[Connection]:
    """To a server that demands a certificate of the same authority."""
    files = authority.issue_files(tmp_path / "tls", "pipeline", "spiffe://montage/pipeline")
    server = grpc.aio.server()
    service.register(server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(files, on_reload=lambda _: None))
    await server.start()
    ours = authority.issue_files(tmp_path / "tls", "client", "spiffe://montage/client/dev")
    yield Connection(
        address=f"127.0.0.1:{port}", ca_cert=ours.ca, client_cert=ours.cert, client_key=ours.key, origin="the test"
    )
    await server.stop(None)


@pytest.fixture
async def client(connection: Connection) -> AsyncIterator[MontageClient]:
    async with MontageClient(connection, options=QUICK) as client:
        yield client


@pytest.fixture
def montage(connection: Connection, tmp_path: Path) -> Montage:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "welcome.yaml").write_text(DOCUMENT)
    return Montage(connection, folder)
