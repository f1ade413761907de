"""The store of the commands, on Postgres."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from pipeline_service.commands.errors import Deadlocked
from pipeline_service.commands.ports import (
    CrashPoint,
    DueExecution,
    DuePoll,
    DueWork,
    Graph,
    Line,
    NewPipeline,
    Place,
    QueueLoad,
    RequestKey,
    Wanted,
    nowhere,
)
from pipeline_service.commands.views import PipelineView
from pipeline_service.domain.engine.planning import Kind
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineId, PipelineUid
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store.creating import create_pipeline
from pipeline_service.store.editing import PostgresEdit
from pipeline_service.store.limits import show_limits
from pipeline_service.store.lines import next_in_line, queue_loads
from pipeline_service.store.loading import Caches, PostgresTransaction
from pipeline_service.store.locking import open_edit, open_transaction
from pipeline_service.store.pool import Pools, translated
from pipeline_service.store.remembered import RememberedRows
from pipeline_service.store.reuse import execution_names
from pipeline_service.store.structures import StructureCache

_LOCATE = "SELECT id, pipeline_uid, node_uid FROM executions WHERE id = ANY($1)"
_FIND = "SELECT uid FROM pipelines WHERE owner = $1 AND id = $2 AND delete_time IS NULL"
_FIND_GRAPH = """
SELECT uid, pending_nodes + in_progress_nodes + completed_nodes + failed_nodes AS nodes
FROM pipelines WHERE owner = $1 AND id = $2 AND delete_time IS NULL
"""
_TAKEN = """
SELECT uid FROM pipelines WHERE uid = ANY($1)
UNION SELECT uid FROM nodes WHERE uid = ANY($1)
UNION SELECT node_uid FROM executions WHERE node_uid = ANY($1)
"""
_FIND_JOB = """
SELECT p.execution_id AS id, p.pipeline_uid, e.node_uid
FROM purchases AS p JOIN executions AS e ON e.id = p.execution_id
WHERE p.vendor = $1 AND p.job_id = $2 AND p.job_id <> ''
ORDER BY p.state = 'SUBMITTED' DESC, p.create_time DESC LIMIT 1
"""
# A row that is young enough is not written, and waited for all the same.
_NOTE_ASSETS = """
INSERT INTO asset_uses AS u (key, use_time) SELECT key, now() FROM unnest($1::text[]) AS key
ON CONFLICT (key) DO UPDATE SET use_time = excluded.use_time
WHERE u.use_time < excluded.use_time - interval '10 minutes'
"""
_WANTED = """
SELECT e.id, CASE WHEN e.state IN ('QUEUED', 'RUNNING') THEN e.dispatch_no END AS dispatch_no, p.poll_no
FROM executions AS e
LEFT JOIN purchases AS p
    ON p.id = e.purchase_id AND p.execution_id = e.id AND p.state IN ('INTENDED', 'SUBMITTED', 'UNKNOWN')
WHERE e.id = ANY($1)
"""
LATELY = 25
"""Executions that tell how long one takes."""
_DURATIONS = """
SELECT k.node_type, k.provider, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds) AS seconds
FROM unnest($2::text[], $3::text[]) AS k(node_type, provider)
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM e.end_time - e.start_time)::float8 AS seconds FROM executions AS e
    WHERE e.owner = $1 AND e.node_type = k.node_type AND e.provider = k.provider
        AND e.state = 'SUCCEEDED' AND e.owner <> ''
    ORDER BY e.id DESC LIMIT $4
) AS t
GROUP BY k.node_type, k.provider
"""
_WAKES = "SELECT pipeline_uid FROM wakes GROUP BY pipeline_uid ORDER BY min(id) LIMIT $1"
# Not those that a hold keeps back: a wake would change nothing, and they would be found again and again.
_VAIN_WAITERS = """
SELECT DISTINCT r.pipeline_uid
FROM run_nodes AS n JOIN runs AS r ON r.id = n.run_id JOIN pipelines AS p ON p.uid = r.pipeline_uid
JOIN nodes AS w ON w.uid = n.node_uid
WHERE n.decision = 'WAITING' AND r.state = 'ACTIVE' AND NOT p.paused AND NOT w.paused AND NOT EXISTS (
    SELECT FROM executions AS e
    WHERE e.owner = p.owner AND e.work_digest = n.waiting_digest AND e.owner <> ''
        AND e.state IN ('QUEUED', 'RUNNING', 'WAITING')
)
LIMIT $1
"""
# One statement for each timer: each reads what is due from its own partial index. The clock itself is another time for
# each row that is looked at, so that all of them would be.
_DUE = """
SELECT id, pipeline_uid, node_uid, {column} AS due FROM executions
WHERE {column} <= statement_timestamp() ORDER BY {column} LIMIT $1
"""


# A purchase that nobody asks about, though no execution waits for it: whoever ended that may not touch purchases.
_DUE_POLLS = """
SELECT p.execution_id AS id, p.pipeline_uid, e.node_uid, p.next_poll_at AS due, NOT p.called_off OR EXISTS (
    SELECT FROM executions AS w
    WHERE w.owner = p.owner AND w.work_digest = p.work_digest AND w.state IN ('QUEUED', 'RUNNING', 'WAITING')
) AS is_wanted
FROM purchases p JOIN executions e ON e.id = p.execution_id
WHERE p.next_poll_at <= statement_timestamp()
UNION ALL
SELECT p.execution_id, p.pipeline_uid, e.node_uid, NULL, true
FROM purchases p JOIN executions e ON e.id = p.execution_id
WHERE p.state IN ('INTENDED', 'SUBMITTED') AND p.next_poll_at IS NULL
    AND p.update_time < statement_timestamp() - interval '2 minutes' AND e.end_time IS NOT NULL
LIMIT $1
"""


class PostgresStore:
    """State behind the pools of two roles. Transactions and look-ups of the commands; reading for show is `reads`."""

    def __init__(
        self,
        pools: Pools,
        *,
        structures: StructureCache,
        concurrency: Mapping[str, int],
        on_deadlock: Callable[[], None] = lambda: None,
        crash_point: CrashPoint = nowhere,
    ) -> None:
        """`concurrency` is how much each vendor is asked to do at once, at most.

        `on_deadlock` is called for each transaction that the database ended because two waited for each other.
        """
        self._engine = pools.engine
        self._edit = pools.edit
        self._caches = Caches(structures=structures, rows=RememberedRows(), concurrency=concurrency)
        self._on_deadlock = on_deadlock
        self._crash_point = crash_point

    @asynccontextmanager
    async def transaction(
        self, pipelines: Collection[PipelineUid], *, with_deleted: bool = False
    ) -> AsyncIterator[PostgresTransaction]:
        with self._telling_of_deadlocks():
            async with open_transaction(
                self._engine, self._caches, pipelines, with_deleted=with_deleted
            ) as transaction:
                await self._crash_point("state.locked")
                yield transaction
                await self._crash_point("state.before_commit")
        await self._crash_point("state.after_commit")

    @asynccontextmanager
    async def edit(
        self, pipelines: Collection[PipelineUid], *, is_rehearsal: bool = False
    ) -> AsyncIterator[PostgresEdit]:
        with self._telling_of_deadlocks():
            async with open_edit(self._edit, self._caches, pipelines, is_rehearsal=is_rehearsal) as transaction:
                await self._crash_point("edit.locked")
                yield transaction
                await self._crash_point("edit.before_commit")
        await self._crash_point("edit.after_commit")

    async def create(
        self,
        new: NewPipeline,
        working_set: WorkingSet,
        *,
        request: RequestKey | None,
        resource: str,
        is_rehearsal: bool = False,
    ) -> PipelineView:
        await self._crash_point("edit.before_commit")
        made = await create_pipeline(
            self._edit, new, working_set, request=request, resource=resource, is_rehearsal=is_rehearsal
        )
        await self._crash_point("edit.after_commit")
        if not is_rehearsal:
            # Most imports are followed by a run, which needs the graph.
            self._caches.structures.keep(working_set.structures[new.uid])
        return made

    async def locate(self, executions: Collection[ExecutionId]) -> dict[ExecutionId, Place]:
        with translated():
            rows = await self._engine.fetch(_LOCATE, list(executions))
        return {place.execution_id: place for place in map(_place, rows)}

    async def note_assets(self, keys: Collection[str]) -> None:
        if keys:
            with translated():
                await self._engine.execute(_NOTE_ASSETS, sorted(keys))

    async def find_job(self, vendor: str, job_id: str) -> Place | None:
        with translated():
            row = await self._engine.fetchrow(_FIND_JOB, vendor, job_id)
        return _place(row) if row else None

    async def find_pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineUid | None:
        with translated():
            uid = await self._engine.fetchval(_FIND, owner, pipeline_id)
        return PipelineUid(uid) if uid else None

    async def find_graph(self, owner: Owner, pipeline_id: PipelineId) -> Graph | None:
        with translated():
            row = await self._engine.fetchrow(_FIND_GRAPH, owner, pipeline_id)
        return Graph(pipeline_uid=PipelineUid(row["uid"]), nodes=row["nodes"]) if row else None

    async def execution_names(self, executions: Collection[ExecutionId]) -> dict[ExecutionId, str]:
        if not executions:
            return {}
        with translated():
            return await execution_names(self._engine, executions)

    async def taken_uids(self, uids: Collection[UUID]) -> frozenset[UUID]:
        if not uids:
            return frozenset()
        with translated():
            rows = await self._engine.fetch(_TAKEN, list(uids))
        return frozenset(row["uid"] for row in rows)

    async def wanted_messages(self, executions: Collection[ExecutionId]) -> dict[ExecutionId, Wanted]:
        with translated():
            rows = await self._engine.fetch(_WANTED, list(executions))
        return {ExecutionId(row["id"]): Wanted(dispatch_no=row["dispatch_no"], poll_no=row["poll_no"]) for row in rows}

    async def durations(self, owner: Owner, kinds: Collection[Kind]) -> dict[Kind, timedelta]:
        asked = sorted(kinds)
        with translated():
            rows = await self._engine.fetch(
                _DURATIONS, owner, [kind[0] for kind in asked], [kind[1] for kind in asked], LATELY
            )
        return {(row["node_type"], row["provider"]): timedelta(seconds=row["seconds"]) for row in rows}

    async def wakes(self, limit: int) -> list[PipelineUid]:
        with translated():
            rows = await self._engine.fetch(_WAKES, limit)
        return [PipelineUid(row["pipeline_uid"]) for row in rows]

    async def vain_waiters(self, limit: int) -> list[PipelineUid]:
        with translated():
            rows = await self._engine.fetch(_VAIN_WAITERS, limit)
        return [PipelineUid(row["pipeline_uid"]) for row in rows]

    async def due_work(self, limit: int) -> DueWork:
        return DueWork(
            dispatches=await self._due("dispatch_due_at", limit),
            leases=await self._due("lease_until", limit),
            closes=await self._due("close_due_at", limit),
            polls=await self._due_polls(limit),
        )

    async def queue_loads(self) -> dict[Line, QueueLoad]:
        return await queue_loads(self._engine)

    async def vendor_limits(self) -> tuple[datetime, list[VendorLimit]]:
        return await show_limits(self._engine, self._caches.concurrency)

    async def next_in_line(self, line: Line, *, window: int, limit: int) -> list[DueExecution]:
        return await next_in_line(self._engine, line, window=window, limit=limit)

    @contextmanager
    def _telling_of_deadlocks(self) -> Iterator[None]:
        try:
            yield
        except Deadlocked:
            self._on_deadlock()
            raise

    async def _due(self, column: str, limit: int) -> tuple[DueExecution, ...]:
        with translated():
            rows: Sequence[asyncpg.Record] = await self._engine.fetch(_DUE.format(column=column), limit)
        return tuple(DueExecution(place=_place(row), due=row["due"]) for row in rows)

    async def _due_polls(self, limit: int) -> tuple[DuePoll, ...]:
        with translated():
            rows: Sequence[asyncpg.Record] = await self._engine.fetch(_DUE_POLLS, limit)
        return tuple(DuePoll(place=_place(row), due=row["due"], is_wanted=row["is_wanted"]) for row in rows)


def _place(row: asyncpg.Record) -> Place:
    return Place(
        execution_id=ExecutionId(row["id"]),
        pipeline_uid=PipelineUid(row["pipeline_uid"]),
        node_uid=NodeUid(row["node_uid"]),
    )
