"""The two roles of the service: what is refused to each, and that it connects as no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from montage.v1 import pipeline_service_pb2

from devstack.layout import DATABASE, EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE, SUPERUSER_ROLE
from devstack.stack import Stack
from pipeline_service.store.pool import Pool, Pools, open_pool
from pipeline_service.store.roles import WrongRole, check_roles
from tests.factories import noop
from tests.integration.pipeline.conftest import OF_THE_NEXT_SCHEMA, Database
from tests.integration.pipeline.grpc_client import Client
from tests.refusals import REFUSED, not_refused

SHARED = {"nodes": {"update_time"}, "pipelines": {"last_seq", "structure_version"}}
"""Columns that both roles write, by table."""
FIXED = {"nodes": {"uid", "pipeline_uid", "id", "create_time"}, "pipelines": {"uid", "owner", "id", "create_time"}}
"""Columns that nobody writes again."""
COUNTED: dict[str, set[str]] = {
    "nodes": set(),
    "pipelines": {"pending_nodes", "in_progress_nodes", "completed_nodes", "failed_nodes"},
}
"""Columns that the database itself keeps."""
MAY_UPDATE = """
SELECT column_name, has_column_privilege($1, table_name, column_name, 'UPDATE') FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $2
"""
FUNCTIONS = """
SELECT proname, prosecdef, proconfig, pg_get_userbyid(proowner) AS owner, prorettype::regtype::text AS returns,
    has_function_privilege('public', oid, 'EXECUTE') AS is_public
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
CONNECTED = """
SELECT usename FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def test_role_that_keeps_state_is_refused_structure_history_and_definitions(pools: Pools) -> None:
    assert await not_refused(pools.engine, REFUSED[ENGINE_ROLE]) == []


async def test_role_that_edits_structure_is_refused_state_history_and_definitions(pools: Pools) -> None:
    assert await not_refused(pools.edit, REFUSED[EDIT_ROLE]) == []


async def test_running_service_is_connected_as_its_two_roles_alone(stack: Stack, client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    async with _connected(stack, SUPERUSER_ROLE) as superuser:
        found = {row["usename"] for row in await superuser.fetch(CONNECTED)}

    assert found == {ENGINE_ROLE, EDIT_ROLE}
    for role, statements in REFUSED.items():
        async with _connected(stack, role) as connection:
            assert await not_refused(connection, statements) == []


async def test_service_refuses_to_start_as_the_owner_or_with_its_roles_swapped(
    database: Database, pools: Pools
) -> None:
    await check_roles(pools)
    owner = await open_pool(database.owner_url, password=database.owner_password, size=1)
    try:
        with pytest.raises(WrongRole, match=r"PIPELINE_DATABASE_URL: .*montage_owner"):
            await check_roles(Pools(engine=owner, edit=pools.edit))
        with pytest.raises(WrongRole, match=r"PIPELINE_EDIT_DATABASE_URL: .*montage_owner"):
            await check_roles(Pools(engine=pools.engine, edit=owner))
    finally:
        await owner.close()
    with pytest.raises(WrongRole, match=r"PIPELINE_DATABASE_URL: .*montage_edit"):
        await check_roles(Pools(engine=pools.edit, edit=pools.engine))


@pytest.mark.parametrize("table", ["pipelines", "nodes"])
async def test_every_column_of_structure_and_state_belongs_to_one_role(pool: Pool, table: str) -> None:
    engine, edit = [
        {name for name, may_update in await pool.fetch(MAY_UPDATE, role, table) if may_update}
        for role in (ENGINE_ROLE, EDIT_ROLE)
    ]
    columns = {name for name, _ in await pool.fetch(MAY_UPDATE, ENGINE_ROLE, table)}

    assert engine & edit == SHARED[table]
    assert columns - engine - edit - OF_THE_NEXT_SCHEMA == FIXED[table] | COUNTED[table], (
        "a new column needs a grant to the role that owns it"
    )


async def test_functions_run_as_the_owner_for_the_roles_of_the_service_alone(pool: Pool) -> None:
    found = {row["proname"]: row for row in await pool.fetch(FUNCTIONS)}

    called = {name for name, row in found.items() if row["returns"] != "trigger"}
    assert called == {"supersede_nodes", "complete_assets", "wake_waiters"}
    for row in found.values():
        assert row["prosecdef"]
        assert row["owner"] == OWNER_ROLE
        assert row["proconfig"] == ["search_path=pg_catalog, pg_temp"]
        assert not row["is_public"]


@asynccontextmanager
async def _connected(stack: Stack, role: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """To the database of a running stack, past the service."""
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=stack.addresses.ports.postgres,
        user=role,
        database=DATABASE,
        password=stack.layout.postgres_password(role).read_text(),
        ssl=False,
    )
    try:
        yield connection
    finally:
        await connection.close()
