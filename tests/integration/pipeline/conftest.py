"""A real Postgres with a database for each test, cloned from a migrated template; and the whole service."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import asyncpg
import pytest

from devstack.layout import APP_ROLE, OWNER_ROLE, SUPERUSER_ROLE
from devstack.stack import Stack, StackOptions
from pipeline_service.store.migrate import migrate
from pipeline_service.store.pool import Pool, open_pool
from tests.integration.pipeline.grpc_client import Client, open_channel
from tests.stacks import running_stack

SERVICE = ("postgres", "nats", "s3", "migrate", "pipeline")
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Database:
    """One test's database."""

    url: str
    """As the service's role, without password."""
    password: str
    owner_url: str
    owner_password: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=("postgres",))) as stack:
        yield stack


@pytest.fixture(scope="session")
def template(postgres: Stack) -> Stack:
    """The server, with a migrated template in it."""
    migrate(
        _url(postgres, OWNER_ROLE, "montage"),
        password=postgres.layout.postgres_password(OWNER_ROLE).read_text(),
        service_role=APP_ROLE,
    )
    return postgres


@pytest.fixture
async def database(template: Stack) -> AsyncIterator[Database]:
    name = f"test_{next(_numbers)}"
    owner_password = template.layout.postgres_password(OWNER_ROLE).read_text()
    admin = await asyncpg.connect(
        _url(template, SUPERUSER_ROLE, "postgres"),
        password=template.layout.postgres_password(SUPERUSER_ROLE).read_text(),
    )
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE montage OWNER {OWNER_ROLE}")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        yield Database(
            url=_url(template, APP_ROLE, name),
            password=template.layout.postgres_password(APP_ROLE).read_text(),
            owner_url=_url(template, OWNER_ROLE, name),
            owner_password=owner_password,
        )
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    pool = await open_pool(database.url, password=database.password, size=5)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The pipeline service with its neighbours; tests keep apart by the names of their pipelines."""
    with running_stack(StackOptions(processes=SERVICE, test_types=True)) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with open_channel(stack, "client-dev") as channel:
        yield Client(channel)


@pytest.fixture
async def executor(stack: Stack) -> AsyncIterator[Client]:
    async with open_channel(stack, "executor") as channel:
        yield Client(channel)


@pytest.fixture
def name() -> str:
    return f"film-{uuid4().hex[:8]}"


def _url(stack: Stack, role: str, database: str) -> str:
    return f"postgresql://{role}@127.0.0.1:{stack.addresses.ports.postgres}/{database}"
