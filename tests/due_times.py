"""Moves due times of executions: the tests own the clock of the rows."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from pipeline_service.store.pool import Connection, Pool

# The pipeline's row is written as well, and first, as in every transaction of the service: a replica that remembers
# executions by it would else put the old time back with whatever it writes of them next.
_MOVE = """
WITH moved AS (SELECT id, pipeline_uid FROM executions AS e WHERE {which}),
written AS (
    UPDATE pipelines SET last_seq = last_seq WHERE uid IN (SELECT pipeline_uid FROM moved) RETURNING uid
)
UPDATE executions AS e SET {column} = clock_timestamp() + {by}
FROM written, moved WHERE written.uid = moved.pipeline_uid AND e.id = moved.id
RETURNING e.*
"""
_EXPIRE = _MOVE.replace("{which}", "id = ANY($1) AND {column} IS NOT NULL").replace("{by}", "interval '-1 hour'")
_POSTPONE = _MOVE.format(
    column="dispatch_due_at",
    which="dispatch_due_at > clock_timestamp() - interval '30 minutes' "
    "AND dispatch_due_at < clock_timestamp() + interval '4 seconds'",
    by="interval '1 hour'",
)


async def expire(database: "Pool | Connection", column: str, executions: Collection[UUID]) -> list[asyncpg.Record]:
    """Let a due time of executions have passed an hour ago, where they have one. Answers their rows as they are now."""
    return await database.fetch(_EXPIRE.format(column=column), list(executions))


async def postpone(database: "Pool | Connection") -> None:
    """Let no dispatch be due in the next seconds but those that have expired by `expire`.

    The first repeat of one comes after five seconds, which a test may take on a slow machine.
    """
    await database.execute(_POSTPONE)
