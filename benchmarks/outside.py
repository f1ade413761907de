"""What is true outside the services: rows, settings and messages, asked of PostgreSQL and JetStream themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from nats.js import JetStreamContext

from benchmarks.growth import write_history
from devstack.layout import DATABASE, SUPERUSER_ROLE
from devstack.stack import Stack
from servicekit import nats_client
from servicekit.tls import TlsFiles

_OVER = "SELECT id::text FROM runs WHERE id = ANY($1::text[]::uuid[]) AND state NOT IN ('ACTIVE', 'PAUSED')"
_COUNTS = """
WITH mine AS (SELECT uid, last_seq FROM pipelines WHERE id = ANY($1)),
done AS (SELECT e.id, e.output FROM executions e JOIN mine ON mine.uid = e.pipeline_uid WHERE e.state = 'SUCCEEDED'),
told AS (SELECT v.pipeline_uid, v.seq, v.type, v.execution_id FROM events v JOIN mine ON mine.uid = v.pipeline_uid)
SELECT
    (SELECT count(*) FROM done) AS succeeded,
    (SELECT count(*) FROM executions e JOIN mine ON mine.uid = e.pipeline_uid) AS executions,
    (SELECT count(DISTINCT execution_id) FROM told WHERE type = 'EXECUTION_QUEUED') AS queued_events,
    (SELECT count(DISTINCT execution_id) FROM told WHERE type = 'EXECUTION_SUCCEEDED') AS succeeded_events,
    (SELECT count(*) FROM mine WHERE last_seq <> (
        SELECT count(*) FROM told WHERE told.pipeline_uid = mine.uid AND told.seq BETWEEN 1 AND mine.last_seq
    )) AS sequences_with_gaps,
    (SELECT count(*) FROM run_nodes n JOIN runs r ON r.id = n.run_id JOIN mine ON mine.uid = r.pipeline_uid
        WHERE n.decision = 'REUSED' AND n.reused_from IS NOT NULL) AS reuse_hits,
    (SELECT array_agg(DISTINCT (output ->> 'content')::json ->> 'pid') FROM done) AS made_by
"""
_SETTINGS = """
SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') = 'on'
    AND current_setting('full_page_writes') = 'on'
    AND NOT EXISTS (
        SELECT FROM pg_db_role_setting, unnest(setconfig) AS one
        WHERE one ~ '^(fsync|synchronous_commit|full_page_writes)='
    )
"""
_UNLOGGED = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relpersistence <> 'p'"
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# Of the services' sessions; the floor works in another database.
_WAL_SYNCS = """
SELECT coalesce(sum(io.fsyncs), 0)::bigint FROM pg_stat_activity AS a, pg_stat_get_backend_io(a.pid) AS io
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND io.object = 'wal'
"""
_TRANSACTIONS = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the rows of some pipelines say."""

    succeeded: int
    executions: int
    queued_events: int
    succeeded_events: int
    sequences_with_gaps: int
    reuse_hits: int
    """Nodes that were completed from an artifact of an earlier execution."""
    made_by: frozenset[str]
    """Process ids that the outputs name."""


class Outside:
    """Use `look_from_outside`."""

    def __init__(self, database: asyncpg.Connection[asyncpg.Record], jetstream: JetStreamContext) -> None:
        self._database = database
        self._jetstream = jetstream

    async def over(self, runs: Collection[str]) -> list[str]:
        """Which of these runs have ended."""
        return [row["id"] for row in await self._database.fetch(_OVER, list(runs))]

    async def counts(self, pipelines: Collection[str]) -> Counts:
        row = await self._database.fetchrow(_COUNTS, list(pipelines))
        values = dict(row.items()) if row else {}
        return Counts(**{**values, "made_by": frozenset(one or "" for one in values["made_by"] or ())})

    async def transactions(self) -> int:
        """Number of the next transaction that writes."""
        return int(await self._database.fetchval(_TRANSACTIONS))

    async def wal_syncs(self) -> int:
        """That the services' sessions have done, as far as they have told: one that is idle tells within 10 s."""
        return int(await self._database.fetchval(_WAL_SYNCS))

    async def work_messages(self) -> int:
        """Stored in the stream so far."""
        stream = await self._jetstream.stream_info("WORK")
        return int(stream.state.last_seq)

    async def pipelines(self) -> int:
        """That are not deleted."""
        return int(await self._database.fetchval("SELECT count(*) FROM pipelines WHERE delete_time IS NULL"))

    async def deadlocks(self) -> int:
        """Transactions that the server ended because two waited for each other, as far as sessions have told."""
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await self._database.fetchval(query))

    async def sessions(self) -> int:
        """Of the services, now."""
        return int(await self._database.fetchval(_SESSIONS))

    async def write_history(self, rows: int) -> int:
        """See `growth`."""
        return await write_history(self._database, rows)

    async def is_durable(self) -> bool:
        """Whether the server's defaults for durability hold for everybody, and no table is unlogged."""
        unlogged = await self._database.fetchval(_UNLOGGED)
        return bool(await self._database.fetchval(_SETTINGS)) and unlogged == 0


@asynccontextmanager
async def look_from_outside(stack: Stack) -> AsyncIterator[Outside]:
    layout = stack.layout
    database = await asyncpg.connect(
        stack.addresses.superuser_database_url,
        database=DATABASE,
        password=layout.postgres_password(SUPERUSER_ROLE).read_text(),
        ssl=False,
    )
    files = layout.tls("pipeline")
    nats = await nats_client.connect(
        nats_client.NatsAddress(
            url=stack.addresses.nats_url,
            user="pipeline",
            password_file=layout.nats_password("pipeline"),
            inbox_prefix="_INBOX_pipeline",
            tls=TlsFiles(cert=files.cert, key=files.key, ca=files.ca),
        ),
        name="bench",
    )
    try:
        yield Outside(database, nats.jetstream())
    finally:
        await nats_client.close(nats)
        await database.close()
