"""What compose and an operator run once: the bucket on our store, the roles and their passwords on a real Postgres."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from devstack.layout import DATABASE, EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE, SUPERUSER_ROLE
from devstack.postgres import find_home
from devstack.stack import Stack, StackOptions
from pipeline_service.store.migrate import migrate
from pipeline_service.store.pool import open_pool
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.patience import PATIENCE_S
from tests.stacks import running_stack
from tests.unit.deploy.manifests import ROOT

PASSWORDS = {OWNER_ROLE: "own-er_1", ENGINE_ROLE: "en-gine_2", EDIT_ROLE: "ed-it_3"}
RIGHTS = (
    "SELECT datname::text, pg_get_userbyid(datdba)::text, datacl::text FROM pg_database ORDER BY 1",
    "SELECT pg_get_userbyid(nspowner)::text, nspacl::text FROM pg_namespace WHERE nspname = 'public'",
    "SELECT pg_get_userbyid(defaclrole)::text, defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY 2",
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=("postgres", "s3"))) as running:
        yield running


def superuser_password(stack: Stack) -> str:
    return stack.layout.postgres_password(SUPERUSER_ROLE).read_text()


async def fetch(stack: Stack, *statements: str, database: str = DATABASE) -> list[list[tuple[object, ...]]]:
    """As the superuser, one after the other."""
    connection = await asyncpg.connect(
        host="127.0.0.1", port=stack.addresses.ports.postgres, user=SUPERUSER_ROLE,
        password=superuser_password(stack), database=database, ssl=False,
    )  # fmt: skip
    try:
        return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements]
    finally:
        await connection.close()


def run(stack: Stack, *command: str, **environment: str) -> None:
    """A program of PostgreSQL's clients, as the superuser."""
    binaries = find_home(stack.layout, ephemeral=True, namespaces=True).binaries
    subprocess.run(
        command, check=True, timeout=PATIENCE_S, capture_output=True,
        env={
            "PATH": f"{binaries}:/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": str(stack.addresses.ports.postgres),
            "PGPASSWORD": superuser_password(stack), **environment,
        },
    )  # fmt: skip


async def test_roles_made_by_hand_have_the_rights_of_devstacks(stack: Stack, tmp_path: Path) -> None:
    rights = await fetch(stack, *RIGHTS)
    dropped = (f"DROP ROLE {role}" for role in PASSWORDS)
    await fetch(stack, f"DROP DATABASE {DATABASE}", *dropped, database="postgres")
    await fetch(stack, f"CREATE DATABASE {DATABASE}", "GRANT ALL ON DATABASE postgres TO PUBLIC", database="postgres")
    psql = ("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER_ROLE, "-d", DATABASE)
    for role, password in PASSWORDS.items():
        (tmp_path / role).write_text(password)

    for _ in range(2):
        run(stack, *psql, "-f", str(ROOT / "deploy/postgres/roles.sql"))
        run(stack, str(ROOT / "deploy/postgres/set-passwords.sh"), ROLE_PASSWORD_DIR=str(tmp_path))

    assert await fetch(stack, *RIGHTS) == rights
    await _migrate_and_count(stack)


async def _migrate_and_count(stack: Stack) -> None:
    address = f"127.0.0.1:{stack.addresses.ports.postgres}/{DATABASE}"
    # In a thread, because migrations bring an event loop of their own.
    await asyncio.to_thread(
        migrate,
        f"postgresql://{OWNER_ROLE}@{address}",
        password=PASSWORDS[OWNER_ROLE],
        engine_role=ENGINE_ROLE,
        edit_role=EDIT_ROLE,
    )
    for role in (ENGINE_ROLE, EDIT_ROLE):
        pool = await open_pool(f"postgresql://{role}@{address}", password=PASSWORDS[role], size=1)
        try:
            assert await pool.fetchval("SELECT count(*) FROM pipelines") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute("CREATE TABLE mine (id int)")
        finally:
            await pool.close()


async def test_bucket_made_twice_is_there_and_no_error(stack: Stack) -> None:
    keys = stack.layout.s3_access_key("pipeline"), stack.layout.s3_secret_key("pipeline")
    endpoint = stack.addresses.s3_endpoint
    command = [sys.executable, str(ROOT / "deploy/docker/ensure_bucket.py"), endpoint, "films", "us-east-1"]

    for _ in range(2):
        made = await asyncio.create_subprocess_exec(*command, *map(str, keys))
        assert await asyncio.wait_for(made.wait(), PATIENCE_S) == 0

    address = StoreAddress(
        bucket="films", region="us-east-1", endpoint=endpoint, access_key_file=keys[0], secret_key_file=keys[1]
    )
    store = ObjectStore(address)
    try:
        await store.check()
    finally:
        await store.close()
