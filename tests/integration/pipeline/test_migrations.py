"""The schema: code and migrations agree, and either may be started first."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from devstack.layout import EDIT_ROLE, ENGINE_ROLE
from pipeline_service.store import migrations
from pipeline_service.store.migrate import last_before_post, migrate
from pipeline_service.store.pool import Pool
from pipeline_service.store.schema import NEEDED, wait_for_schema
from tests.integration.pipeline.conftest import Database
from tests.patience import PATIENCE_S

VERSIONS = Path(migrations.__file__).parent / "versions"


def test_needed_revision_is_a_migration() -> None:
    assert NEEDED in {path.name[:4] for path in VERSIONS.glob("[0-9]*.py")}


def test_migrations_say_whether_they_go_before_or_after_the_code() -> None:
    names = [path.stem for path in VERSIONS.glob("[0-9]*.py")]

    assert names
    assert all(name[4:].startswith(("_pre_", "_post_")) for name in names)


def test_revisions_are_the_numbers_of_their_files_and_the_highest_is_the_head() -> None:
    """By the numbers a database that has them all is told from others without a look into the files."""
    scripts = ScriptDirectory(str(VERSIONS.parent))

    found = {script.revision: Path(script.path).name[:4] for script in scripts.walk_revisions()}

    assert found == {number: number for number in found.values()}
    assert scripts.get_heads() == [max(found)]


@pytest.mark.parametrize(
    ("found", "stems", "expected"),
    [
        ("", ["0001_pre_a", "0002_pre_b"], "0002"),
        ("0001", ["0001_pre_a", "0002_pre_b", "0003_post_c", "0004_pre_d"], "0002"),
        ("0002", ["0001_pre_a", "0002_pre_b", "0003_post_c", "0004_pre_d"], "0002"),
        ("0003", ["0001_pre_a", "0002_pre_b", "0003_post_c", "0004_pre_d"], "0004"),
        ("0009", ["0001_pre_a"], "0009"),
    ],
)
def test_while_old_code_runs_nothing_behind_a_post_migration_is_applied(
    found: str, stems: list[str], expected: str
) -> None:
    assert last_before_post(found, stems) == expected


async def test_migrating_for_old_code_brings_a_new_database_to_what_this_code_needs(
    database: Database,
) -> None:
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        await owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
        await asyncio.to_thread(
            migrate,
            database.owner_url,
            password=database.owner_password,
            engine_role=ENGINE_ROLE,
            edit_role=EDIT_ROLE,
            old_code_runs=True,
        )
        assert await owner.fetchval("SELECT version_num FROM alembic_version") >= NEEDED
    finally:
        await owner.close()


async def test_migrating_again_changes_nothing(database: Database, pool: Pool) -> None:
    before = await pool.fetchval("SELECT version_num FROM alembic_version")

    await asyncio.to_thread(
        migrate, database.owner_url, password=database.owner_password, engine_role=ENGINE_ROLE, edit_role=EDIT_ROLE
    )

    assert await pool.fetchval("SELECT version_num FROM alembic_version") == before


async def test_service_waits_for_a_schema_that_is_too_old(database: Database, pool: Pool) -> None:
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        await owner.execute("UPDATE alembic_version SET version_num = '0000'")
        waiting = asyncio.create_task(wait_for_schema(pool))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done

        await owner.execute("UPDATE alembic_version SET version_num = $1", NEEDED)

        async with asyncio.timeout(PATIENCE_S):
            await waiting
    finally:
        await owner.close()


async def test_service_runs_on_a_newer_schema(database: Database, pool: Pool) -> None:
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        await owner.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await owner.close()

    async with asyncio.timeout(PATIENCE_S):
        await wait_for_schema(pool)
