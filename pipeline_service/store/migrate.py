"""Brings a database to the schema that this code needs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database_url: str, *, password: str, engine_role: str, edit_role: str, old_code_runs: bool = False) -> None:
    """Apply every migration that is missing, as the owner of the tables; while `old_code_runs` only those it can bear.

    `database_url` is `postgresql://owner@host:port/database` without password. The service connects as two roles, one
    that keeps state and one that edits structure; each is granted what it needs and no more.
    """
    found = asyncio.run(_revision(database_url, password=password))
    stems = sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    target = last_before_post(found, stems) if old_code_runs else stems[-1][:4]
    if found >= target:
        return  # a newer schema is good, too
    # Only now: these take longer to import than nothing takes to do, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # The driver itself reads the address, so that it may say the same as the service's (`?sslmode=verify-full…`).
    config.attributes["connect"] = lambda: asyncpg.connect(database_url, password=password)
    config.attributes["engine_role"] = engine_role
    config.attributes["edit_role"] = edit_role
    command.upgrade(config, target)


def last_before_post(found: str, stems: Sequence[str]) -> str:
    """The newest revision that a database of revision `found` may get while the code before still runs.

    Migrations are files whose stems begin with the number of their revision and the phase, the oldest first.
    """
    target = found
    for revision, phase, *_ in (stem.split("_") for stem in stems):
        if revision > found:
            if phase == "post":
                break
            target = revision
    return target


async def _revision(database_url: str, *, password: str) -> str:
    """Of the database; empty where nothing was migrated yet."""
    connection = await asyncpg.connect(database_url, password=password)
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return ""
    finally:
        await connection.close()
    return found or ""
