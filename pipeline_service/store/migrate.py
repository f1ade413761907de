"""Brings a database to the schema that this code needs."""

import asyncio
from pathlib import Path

import asyncpg

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database_url: str, *, password: str, engine_role: str, edit_role: str) -> None:
    """Apply every migration that is missing, as the owner of the tables.

    `database_url` is `postgresql://owner@host:port/database` without password. The service connects as two roles, one
    that keeps state and one that edits structure; each is granted what it needs and no more.
    """
    if asyncio.run(_revision(database_url, password=password)) == _newest():
        return
    # Only now: these take longer to import than nothing takes to do, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    # The driver itself reads the address, so that it may say the same as the service's (`?sslmode=verify-full…`).
    config.attributes["connect"] = lambda: asyncpg.connect(database_url, password=password)
    config.attributes["engine_role"] = engine_role
    config.attributes["edit_role"] = edit_role
    command.upgrade(config, "head")


def _newest() -> str:
    """The revision of the last migration; files and revisions bear the same number."""
    return max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


async def _revision(database_url: str, *, password: str) -> str | None:
    """Of the database; None where nothing was migrated yet."""
    connection = await asyncpg.connect(database_url, password=password)
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return found
