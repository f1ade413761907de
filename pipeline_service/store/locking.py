"""Opens transactions: pipelines are locked first, in ascending order, and nothing below them before."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from pipeline_service.domain.ids import PipelineUid
from pipeline_service.store.editing import PostgresEdit, Rehearsed
from pipeline_service.store.loading import Caches, LockedPipeline, PostgresTransaction
from pipeline_service.store.pool import ACQUIRE_TIMEOUT_S, Connection, Pool, translated

_LOCK = """
SELECT uid, owner, structure_version, last_seq, paused, delete_time IS NOT NULL AS is_deleted, xmin::text AS version,
    clock_timestamp() AS now
FROM pipelines WHERE uid = ANY($1) AND (delete_time IS NULL OR $2)
ORDER BY uid FOR NO KEY UPDATE
"""


@asynccontextmanager
async def open_transaction(
    pool: Pool, caches: Caches, pipelines: Collection[PipelineUid], *, with_deleted: bool
) -> AsyncIterator[PostgresTransaction]:
    """Begin, lock, hand over, commit. Leaving with an exception rolls back."""
    try:
        with translated():
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                locked, now = await _lock(connection, pipelines, with_deleted=with_deleted)
                transaction = PostgresTransaction(connection, locked=locked, caches=caches, now=now)
                yield transaction
    except BaseException:
        for pipeline in pipelines:
            caches.rows.forget(pipeline)
        raise
    transaction.remember_rows()


@asynccontextmanager
async def open_edit(
    pool: Pool, caches: Caches, pipelines: Collection[PipelineUid], *, is_rehearsal: bool
) -> AsyncIterator[PostgresEdit]:
    """The same for an edit. A rehearsal is rolled back at its end."""
    with translated(), suppress(Rehearsed):
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
            locked, now = await _lock(connection, pipelines, with_deleted=False)
            edit = PostgresEdit(connection, locked=locked, caches=caches, now=now)
            yield edit
            if is_rehearsal:
                raise Rehearsed
    if not is_rehearsal:
        edit.remember_structure()


async def _lock(
    connection: Connection, pipelines: Collection[PipelineUid], *, with_deleted: bool
) -> tuple[Sequence[LockedPipeline], datetime]:
    """The locked pipelines, and the database's clock once all of them are."""
    rows = await connection.fetch(_LOCK, sorted(pipelines), with_deleted)
    locked = [
        LockedPipeline(
            uid=PipelineUid(row["uid"]),
            owner=row["owner"],
            structure_version=row["structure_version"],
            last_sequence=row["last_seq"],
            is_paused=row["paused"],
            is_deleted=row["is_deleted"],
            version=row["version"],
        )
        for row in rows
    ]
    now = max((row["now"] for row in rows), default=None) or await connection.fetchval("SELECT clock_timestamp()")
    return locked, now
