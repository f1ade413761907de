"""A world around executors, and executors in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from executor_service import app
from executor_service.config import ExecutorSettings
from servicekit.config import load_settings
from servicekit.lifecycle import Lifecycle
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.contract.s3.servers import ACCESS_KEY, REGION, SECRET_KEY, Endpoint, our_server
from tests.integration.executor.rig import World, world

StartExecutor = Callable[..., Awaitable[Lifecycle]]


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with our_server(tmp_path_factory.mktemp("executor-s3")) as server:
        yield server.start()


@pytest.fixture
async def around(tmp_path: Path, s3_endpoint: Endpoint) -> AsyncIterator[World]:
    async with world(tmp_path, s3_endpoint) as made:
        yield made


@pytest.fixture
async def start_executor(around: World) -> AsyncIterator[StartExecutor]:
    """Starts executors with changed settings, and stops them after the test."""
    async with AsyncExitStack() as stack:

        async def start(**changed: str) -> Lifecycle:
            life = Lifecycle()
            stack.push_async_callback(life.close)
            settings = load_settings(ExecutorSettings, around.variables | {"EXECUTOR_DRAIN_S": "0"} | changed)
            await app.start(settings, life)
            return life

        yield start


@pytest.fixture(scope="session")
def store(s3_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """One for all tests: making its client costs more than most of them. Each writes below a prefix of its own."""
    keys = tmp_path_factory.mktemp("store-keys")
    for name, value in {"access": ACCESS_KEY, "secret": SECRET_KEY}.items():
        (keys / name).touch(mode=0o600)
        (keys / name).write_text(value)
    store = ObjectStore(
        StoreAddress(
            bucket="executors",
            region=REGION,
            endpoint=s3_endpoint.url,
            access_key_file=keys / "access",
            secret_key_file=keys / "secret",
        )
    )
    asyncio.run(store.ensure_bucket())
    yield store
    asyncio.run(store.close())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "attempt").mkdir()
    return tmp_path / "attempt"


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    return f"pipelines/p/nodes/n/executions/e/{tmp_path.name}/"
