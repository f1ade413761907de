"""Whether the database has the schema that this code needs."""

import asyncio

import asyncpg
import structlog

from pipeline_service.store.pool import Pool, translated

NEEDED = "0023"
"""Oldest revision that this code runs on; a test holds it against the migrations."""
_LOOK_EVERY_S = 0.1


async def wait_for_schema(pool: Pool) -> None:
    """Return when the database is migrated far enough: services and migrations may be started in any order.

    A newer schema is good too: new *pre* migrations run under the old code. Raises Unavailable.
    """
    log = structlog.get_logger("pipeline_service.schema")
    is_told = False
    while (revision := await _revision(pool)) < NEEDED:
        if not is_told:
            log.info("waiting_for_migration", found=revision or "none", needed=NEEDED)
            is_told = True
        await asyncio.sleep(_LOOK_EVERY_S)


async def _revision(pool: Pool) -> str:
    """The revision of the database; revisions are numbers of four digits, so that text order is their order."""
    with translated():
        try:
            found: str | None = await pool.fetchval("SELECT version_num FROM alembic_version")
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            return ""
    return found or ""
