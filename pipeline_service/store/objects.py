"""What refers to objects of the store, and the locks under which that does not change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pipeline_service.commands.collecting import NO_NODE, Reference, ReferencePlace
from pipeline_service.domain.audit import AuditRecord
from pipeline_service.domain.garbage import (
    AssetFacts,
    AssetObject,
    ExecutionFacts,
    MadeObject,
    ObjectPlace,
    References,
)
from pipeline_service.domain.ids import ExecutionId, Owner
from pipeline_service.store.audit import write_records
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import ACQUIRE_TIMEOUT_S, Connection, Pool, translated
from pipeline_service.store.reuse import EXECUTION_NAME

# Artifacts are found by the work that made them, of which the execution tells.
_EXECUTIONS = """
SELECT e.id, coalesce(p.owner, e.owner) AS owner, e.end_time,
    EXISTS (
        SELECT FROM purchases AS b WHERE b.owner = p.owner AND b.work_digest = e.work_digest
            AND b.state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN')
    ) AS is_bought,
    ARRAY[coalesce(e.output ->> 's3Key', ''), coalesce(n.output ->> 's3Key', '')] || ARRAY(
        SELECT a.s3_key FROM artifacts AS a
        WHERE a.owner = p.owner AND a.work_digest = e.work_digest AND a.execution_id = e.id
    ) AS kept_keys
FROM executions AS e
LEFT JOIN pipelines AS p ON p.uid = e.pipeline_uid
LEFT JOIN nodes AS n ON n.uid = e.node_uid
WHERE e.id = ANY($1)
"""
_ASSETS = """
SELECT k.key, nullif(u.use_time, '-infinity') AS use_time, k.key IN (
    SELECT i -> 'output' ->> 's3Key' FROM executions AS e, jsonb_array_elements(e.work -> 'inputs') AS i
    WHERE e.state IN ('QUEUED', 'RUNNING', 'WAITING')
) OR EXISTS (
    SELECT FROM nodes AS n JOIN pipelines AS p ON p.uid = n.pipeline_uid
    WHERE n.asset IS NOT NULL AND n.asset ->> 'sha256' = k.sha256 AND p.owner = k.owner
        AND (p.delete_time IS NULL OR p.delete_time > $4)
) AS is_used
FROM unnest($1::text[], $2::text[], $3::text[]) AS k(key, owner, sha256)
LEFT JOIN asset_uses AS u ON u.key = k.key
"""
_LOCK_PIPELINES = """
SELECT FROM pipelines WHERE uid IN (SELECT pipeline_uid FROM executions WHERE id = ANY($1))
ORDER BY uid FOR NO KEY UPDATE
"""
# Only ended executions, of which no process remembers anything: the pipeline's row need not say that it changed.
_GIVE_UP = "UPDATE executions SET sweep_time = now() WHERE id = ANY($1) AND end_time IS NOT NULL AND sweep_time IS NULL"
# Whoever asks for one of them waits from here on, also for the first time.
_MEET_ASSETS = """
INSERT INTO asset_uses (key, use_time) SELECT key, '-infinity' FROM unnest($1::text[]) AS key
ON CONFLICT (key) DO NOTHING
"""
_LOCK_ASSETS = "SELECT FROM asset_uses WHERE key = ANY($1) ORDER BY key FOR UPDATE"
_LEAVE_ASSETS = "DELETE FROM asset_uses WHERE key = ANY($1) AND use_time <= $2"
_KEPT = f"""
SELECT a.owner, a.work_digest, a.s3_key, {EXECUTION_NAME} AS name, a.output
FROM artifacts AS a
LEFT JOIN executions AS e ON e.id = a.execution_id
LEFT JOIN pipelines AS p ON p.uid = e.pipeline_uid
WHERE (a.owner, a.work_digest, a.s3_key) > ($1, $2, $3) AND a.s3_key <> '' AND ($4::text IS NULL OR a.owner = $4)
ORDER BY a.owner, a.work_digest, a.s3_key LIMIT $5
"""  # noqa: S608 - constants only
_OF_ASSETS = """
SELECT n.uid, p.owner, 'pipelines/' || p.id || '/nodes/' || n.id AS name, n.output
FROM nodes AS n JOIN pipelines AS p ON p.uid = n.pipeline_uid
WHERE n.uid > $1 AND n.asset IS NOT NULL AND n.asset ->> 'sha256' <> '' AND n.output ->> 's3Key' <> ''
    AND p.delete_time IS NULL AND ($2::text IS NULL OR p.owner = $2)
ORDER BY n.uid LIMIT $3
"""


class PostgresObjects:
    """As the role that keeps state, which may read everything."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def references(self, places: Sequence[ObjectPlace], *, not_after: datetime) -> References:
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                return await _references(connection, places, not_after=not_after)

    @asynccontextmanager
    async def removing(self, places: Sequence[ObjectPlace], *, not_after: datetime) -> AsyncIterator["_Removal"]:
        """Pipelines first, in ascending order, then assets."""
        executions = [one.execution_id for one in places if isinstance(one, MadeObject)]
        assets = sorted(one.key for one in places if isinstance(one, AssetObject))
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                await connection.execute(_LOCK_PIPELINES, executions)
                await connection.execute(_MEET_ASSETS, assets)
                await connection.execute(_LOCK_ASSETS, assets)
                # Statements of their own: their snapshots must be younger than the locks.
                yield _Removal(connection, await _references(connection, places, not_after=not_after))
                await connection.execute(_LEAVE_ASSETS, assets, not_after)

    async def walk(self, after: ReferencePlace, *, owner: Owner | None, limit: int) -> Sequence[Reference]:
        found: list[Reference] = []
        with translated():
            if after.node_uid == NO_NODE:
                rows = await self._pool.fetch(_KEPT, after.owner, after.work_digest, after.key, owner, limit)
                found.extend(map(_kept_reference, rows))
            if len(found) < limit:
                rows = await self._pool.fetch(_OF_ASSETS, after.node_uid, owner, limit - len(found))
                found.extend(map(_asset_reference, rows))
        return found

    async def record(self, records: Sequence[AuditRecord]) -> None:
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                await write_records(connection, records)


class _Removal:
    def __init__(self, connection: Connection, known: References) -> None:
        self._connection = connection
        self.known = known

    async def give_up(self, executions: Sequence[ExecutionId]) -> None:
        await self._connection.execute(_GIVE_UP, list(executions))


async def _references(connection: Connection, places: Sequence[ObjectPlace], *, not_after: datetime) -> References:
    executions = {one.execution_id for one in places if isinstance(one, MadeObject)}
    assets = [(one.key, one.owner, one.sha256) for one in places if isinstance(one, AssetObject)]
    made = await connection.fetch(_EXECUTIONS, list(executions)) if executions else []
    given = await connection.fetch(_ASSETS, *map(list, zip(*assets, strict=True)), not_after) if assets else []
    return References(
        executions={ExecutionId(row["id"]): _execution_facts(row) for row in made},
        assets={row["key"]: AssetFacts(is_used=row["is_used"], use_time=row["use_time"]) for row in given},
    )


def _execution_facts(row: Row) -> ExecutionFacts:
    return ExecutionFacts(
        owner=Owner(row["owner"]),
        end_time=row["end_time"],
        is_bought=row["is_bought"],
        kept_keys=frozenset(row["kept_keys"]) - {""},
    )


def _kept_reference(row: Row) -> Reference:
    place = ReferencePlace(owner=row["owner"], work_digest=row["work_digest"], key=row["s3_key"])
    return _reference(place, row)


def _asset_reference(row: Row) -> Reference:
    return _reference(ReferencePlace(node_uid=row["uid"]), row)


def _reference(place: ReferencePlace, row: Row) -> Reference:
    output = row["output"]
    return Reference(
        place=place,
        name=row["name"] or "",
        owner=Owner(row["owner"]),
        key=output["s3Key"],
        size_bytes=output["size"],
        sha256=output["sha256"],
    )
