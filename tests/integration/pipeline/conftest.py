"""A real Postgres with a database for each test, cloned from a migrated template; and the whole service."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import asyncpg
import pytest

from devstack.layout import EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE, SERVICE_ROLES, SUPERUSER_ROLE
from devstack.stack import Stack, StackOptions
from pipeline_service.store.pool import Pool, Pools, open_pool
from tests.integration.pipeline.grpc_client import Client, open_channel
from tests.integration.pipeline.rig import Rig, running_rig
from tests.stacks import running_stack

SERVICE = ("postgres", "nats", "s3", "migrate", "pipeline")
_numbers = count(1)
OF_THE_NEXT_SCHEMA = {"next_text", "next_time"}
# What code of today knows nothing of, as the next release may bring it beforehand.
_WIDEN = """
DO $$
DECLARE one text;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format(
            'ALTER TABLE %I ADD COLUMN next_text text, ADD COLUMN next_time timestamptz NOT NULL DEFAULT now()',
            one
        );
    END LOOP;
    CREATE TABLE things_of_the_next (name text PRIMARY KEY);
END $$
"""


@dataclass(frozen=True, kw_only=True)
class Database:
    """One test's database."""

    urls: Mapping[str, str]
    """By role, without password; the owner's among them."""
    passwords: Mapping[str, str]

    @property
    def owner_url(self) -> str:
        return self.urls[OWNER_ROLE]

    @property
    def owner_password(self) -> str:
        return self.passwords[OWNER_ROLE]

    async def open_pools(self, *, size: int) -> Pools:
        """As the service opens them."""
        engine, edit = [
            await open_pool(self.urls[role], password=self.passwords[role], size=size)
            for role in (ENGINE_ROLE, EDIT_ROLE)
        ]
        return Pools(engine=engine, edit=edit)


@pytest.fixture(scope="session")
def template() -> Iterator[Stack]:
    """A server with a migrated template in it, which is wider already than this code needs it.

    So every test here is one of old code on a new schema as well; on its own schema all other tests run.
    """
    options = StackOptions(processes=("postgres", "migrate"), settings={"postgres": {"fsync": "off"}})
    with running_stack(options) as stack:
        asyncio.run(_widen(stack))
        yield stack


@pytest.fixture
async def database(template: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database of its own. A deadlock in it fails the test, unless that provokes one."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(
        _url(template, SUPERUSER_ROLE, "postgres"),
        password=template.layout.postgres_password(SUPERUSER_ROLE).read_text(),
    )
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE montage OWNER {OWNER_ROLE}")
        # A copy of a database has the tables' rights of its template, and not those of the database itself.
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(SERVICE_ROLES)}")
        roles = (OWNER_ROLE, *SERVICE_ROLES)
        yield Database(
            urls={role: _url(template, role, name) for role in roles},
            passwords={role: template.layout.postgres_password(role).read_text() for role in roles},
        )
        # What a session has counted is there when it has ended.
        deadlocks = await admin.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = $1", name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        assert not deadlocks or request.node.get_closest_marker("provokes_deadlock"), f"{deadlocks} deadlocks"
    finally:
        await admin.close()


@pytest.fixture
async def pools(database: Database) -> AsyncIterator[Pools]:
    pools = await database.open_pools(size=5)
    yield pools
    await pools.close()


@pytest.fixture
def pool(pools: Pools) -> Pool:
    """As the role that keeps state, which may read everything."""
    return pools.engine


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
async def gateway(stack: Stack) -> AsyncIterator[Client]:
    async with open_channel(stack, "callback-gateway") as channel:
        yield Client(channel)


@pytest.fixture
def name() -> str:
    return f"film-{uuid4().hex[:8]}"


async def _widen(postgres: Stack) -> None:
    owner = await asyncpg.connect(
        _url(postgres, OWNER_ROLE, "montage"), password=postgres.layout.postgres_password(OWNER_ROLE).read_text()
    )
    try:
        await owner.execute(_WIDEN)
    finally:
        await owner.close()


def _url(stack: Stack, role: str, database: str) -> str:
    return f"postgresql://{role}@127.0.0.1:{stack.addresses.ports.postgres}/{database}"


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig
