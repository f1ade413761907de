"""The chain of seals, and the rows that it covers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pipeline_service.commands.sealing import Sealable
from pipeline_service.domain.audit import AuditAction, AuditRecord, KeptRecord
from pipeline_service.domain.seals import DIGEST_BYTES, Seal, SealedRow
from pipeline_service.store.audit import write_records
from pipeline_service.store.pool import ACQUIRE_TIMEOUT_S, Connection, Pool, as_json, translated

# Any constant; held until the transaction ends.
_LOCK = "SELECT pg_try_advisory_xact_lock(7266243)"
_HEAD = "SELECT number, previous_sha256, sha256, covers, ''::bytea AS digests FROM seals ORDER BY number DESC LIMIT 1"
_SHA256 = "SELECT sha256 FROM seals WHERE number = $1"
_SEAL = "SELECT number, previous_sha256, sha256, covers, row_digests AS digests FROM seals"
_GET = f"{_SEAL} WHERE number = $1"
_AFTER = f"{_SEAL} WHERE number > $1 ORDER BY number LIMIT 1"
_ADD = (
    "INSERT INTO seals (number, previous_sha256, sha256, covers, row_digests) VALUES ($1, $2, $3, $4::text::jsonb, $5)"
)
# What is older than the oldest transaction that still runs was committed before this statement began, or never will be.
_LOOK = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running,
    LEAST(
        (SELECT tx FROM events WHERE tx >= $1 ORDER BY tx LIMIT 1),
        (SELECT tx FROM audit WHERE tx >= $1 ORDER BY tx LIMIT 1)
    ) AS first,
    (SELECT tx FROM events WHERE tx >= $1 ORDER BY tx OFFSET $2 LIMIT 1) AS full_at
"""
# Arrays of JSON, since they tell where each value ends. Times are text in UTC: sessions of the service have that zone.
_ROWS = f"""
SELECT 0 AS kind, tx, pipeline_uid AS uid, seq AS number, substring(sha256(convert_to(json_build_array(
    'event', tx, pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state,
    new_state, actor, message
)::text, 'UTF8')) FOR {DIGEST_BYTES}) AS digest
FROM events WHERE tx >= $1 AND tx < $2
UNION ALL
SELECT 1, tx, NULL, id, substring(sha256(convert_to(json_build_array(
    'audit', tx, id, create_time, actor, action, subject, outcome, details
)::text, 'UTF8')) FOR {DIGEST_BYTES})
FROM audit WHERE tx >= $1 AND tx < $2
"""  # noqa: S608 - constants only
_ORDER = "ORDER BY kind, tx, uid, number"
_DIGESTS = f"SELECT coalesce(string_agg(digest, ''::bytea {_ORDER}), ''::bytea) FROM ({_ROWS}) AS found"  # noqa: S608
_NAMED = f"SELECT kind, uid, number, digest FROM ({_ROWS}) AS found {_ORDER}"  # noqa: S608 - constants only
_COUNT = "SELECT (SELECT count(*) FROM events WHERE tx >= $1) + (SELECT count(*) FROM audit WHERE tx >= $1)"
_RECORDS = """
SELECT id, create_time, actor, action, subject, outcome, details FROM audit
WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""


class PostgresSeals:
    """As the role that keeps state, which may add seals and change none."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def sealing(self) -> AsyncIterator["_Sealing | None"]:
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                yield _Sealing(connection) if await connection.fetchval(_LOCK) else None

    async def get(self, number: int) -> Seal | None:
        with translated():
            return _seal(await self._pool.fetchrow(_GET, number))

    async def after(self, number: int) -> Seal | None:
        with translated():
            return _seal(await self._pool.fetchrow(_AFTER, number))

    async def rows(self, begin: int, end: int) -> Sequence[SealedRow]:
        with translated():
            return [_row(row) for row in await self._pool.fetch(_NAMED, begin, end)]

    async def count_rows(self, begin: int) -> int:
        with translated():
            return int(await self._pool.fetchval(_COUNT, begin))

    async def records(self, *, before: int | None, limit: int) -> Sequence[KeptRecord]:
        with translated():
            return [_kept(row) for row in await self._pool.fetch(_RECORDS, before, limit)]

    async def record(self, record: AuditRecord) -> None:
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                await write_records(connection, [record])


class _Sealing:
    """Holds the lock of the one sealer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def head(self) -> Seal | None:
        return _seal(await self._connection.fetchrow(_HEAD))

    async def sha256_of(self, number: int) -> bytes | None:
        found: bytes | None = await self._connection.fetchval(_SHA256, number)
        return found

    async def look(self, begin: int, *, most_rows: int) -> Sealable:
        [row] = await self._connection.fetch(_LOOK, begin, most_rows)
        return Sealable(first_transaction=row["first"], oldest_running=row["oldest_running"], full_at=row["full_at"])

    async def digests(self, begin: int, end: int) -> bytes:
        found: bytes = await self._connection.fetchval(_DIGESTS, begin, end)
        return found

    async def add(self, seal: Seal) -> None:
        covers = as_json({"from": seal.from_transaction, "to": seal.to_transaction})
        await self._connection.execute(_ADD, seal.number, seal.previous_sha256, seal.sha256, covers, seal.digests)


def _seal(row: Any) -> Seal | None:
    if row is None:
        return None
    return Seal(
        number=row["number"],
        previous_sha256=row["previous_sha256"],
        from_transaction=row["covers"]["from"],
        to_transaction=row["covers"]["to"],
        digests=row["digests"],
        sha256=row["sha256"],
    )


def _row(row: Any) -> SealedRow:
    name = f"events/{row['uid']}/{row['number']}" if row["kind"] == 0 else f"auditRecords/{row['number']}"
    return SealedRow(name=name, digest=row["digest"])


def _kept(row: Any) -> KeptRecord:
    return KeptRecord(
        number=row["id"],
        create_time=row["create_time"],
        record=AuditRecord(
            actor=row["actor"],
            action=AuditAction(row["action"]),
            subject=row["subject"],
            outcome=row["outcome"],
            details=row["details"],
        ),
    )
