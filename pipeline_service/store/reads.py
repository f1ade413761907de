"""Plain queries for what is shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pipeline_service.commands.views import (
    EventView,
    ExecutionCursor,
    ExecutionView,
    NodeCursor,
    NodeView,
    PipelineCursor,
    PipelineView,
    ProgressView,
    RunNodeView,
    RunView,
    SnapshotView,
)
from pipeline_service.domain.ids import ExecutionId, NodeId, NodeUid, Owner, PipelineId, PipelineUid, RunId
from pipeline_service.domain.states import NodeState, RunDecision
from pipeline_service.domain.values import Progress
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import Connection, Pool, translated
from pipeline_service.store.rows import (
    EXECUTION_COLUMNS,
    STATE_OF,
    event_from_row,
    execution_from_row,
    node_from_row,
    progress_from_row,
    run_from_row,
)
from pipeline_service.store.structures import inputs_from_rows, spec_from_row

# ruff: noqa: S608 - statements are put together from constants only
_PIPELINE = """
SELECT p.uid, p.id, p.title, p.version, p.labels, p.structure_version, p.last_seq, p.create_time, p.update_time,
    p.paused,
    (SELECT coalesce(jsonb_object_agg(c.status, c.count), '{}') FROM (
        SELECT status, count(*) FROM nodes WHERE pipeline_uid = p.uid GROUP BY status
    ) AS c) AS counts
FROM pipelines AS p
WHERE p.owner = $1 AND p.delete_time IS NULL
"""
_NODE = """
SELECT n.uid, n.id, n.pipeline_uid, n.position, n.type, n.title, n.labels, n.config, n.asset, n.provider, n.spec_digest,
    n.validation_errors, n.status, n.execution_id, n.latest_execution_id, n.attempts, n.done_spec, n.output,
    n.content_digest, n.failure, n.paused,
    n.create_time, n.update_time, e.progress_stage, e.progress_fraction, e.progress_time
FROM nodes AS n LEFT JOIN executions AS e ON e.id = n.execution_id
WHERE n.pipeline_uid = $1
"""
_EDGES = """
SELECT i.node_uid, i.slot, i.source_uid, s.id AS source_id
FROM node_inputs AS i JOIN nodes AS s ON s.uid = i.source_uid
WHERE i.node_uid = ANY($1) ORDER BY i.node_uid, i.slot, i.position
"""
_EXECUTIONS = f"SELECT {EXECUTION_COLUMNS} FROM executions"
_RUN_NODES = """
SELECT n.id, r.decision, r.reason, r.execution_id
FROM run_nodes AS r JOIN nodes AS n ON n.uid = r.node_uid WHERE r.run_id = $1 ORDER BY n.position
"""
_RUNS = """
SELECT id, pipeline_uid, state, targets, force, create_time, end_time FROM runs
WHERE pipeline_uid = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""
_EVENTS = """
SELECT pipeline_uid, seq, create_time, type, node_uid, node_id, execution_id, run_id, attempt, old_state, new_state,
    actor, message
FROM events WHERE pipeline_uid = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""
_PROGRESS = """
SELECT id, work ->> 'nodeId' AS node_id, progress_stage, progress_fraction, progress_time FROM executions
WHERE pipeline_uid = $1 AND state IN ('QUEUED', 'RUNNING', 'WAITING') AND progress_time > $2
ORDER BY progress_time
"""


class PostgresReader:
    """Reads what is shown. Sees only the owner's pipelines."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineView | None:
        with translated():
            row = await self._pool.fetchrow(_PIPELINE + " AND p.id = $2", owner, pipeline_id)
        return _pipeline(row) if row else None

    async def pipelines(self, owner: Owner, *, after: PipelineCursor | None, limit: int) -> Sequence[PipelineView]:
        page = " ORDER BY p.create_time DESC, p.uid DESC LIMIT $2"
        with translated():
            if after is None:
                rows = await self._pool.fetch(_PIPELINE + page, owner, limit)
            else:
                behind = " AND (p.create_time, p.uid) < ($3, $4)"
                rows = await self._pool.fetch(_PIPELINE + behind + page, owner, limit, *after)
        return [_pipeline(row) for row in rows]

    async def node(self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId) -> NodeView | None:
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                rows = await connection.fetch(_NODE + " AND n.id = $2", uid, node_id)
                views = await _with_edges(connection, rows)
        return views[0] if views else None

    async def nodes(
        self, owner: Owner, pipeline_id: PipelineId, *, after: NodeCursor | None, limit: int
    ) -> Sequence[NodeView] | None:
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                if uid is None:
                    return None
                page = " AND n.position > $2 ORDER BY n.position LIMIT $3"
                rows = await connection.fetch(_NODE + page, uid, -1 if after is None else after, limit)
                return await _with_edges(connection, rows)

    async def executions(
        self,
        owner: Owner,
        pipeline_id: PipelineId,
        *,
        node_id: NodeId | None,
        after: ExecutionCursor | None,
        limit: int,
    ) -> Sequence[ExecutionView] | None:
        # Ids are time-ordered, so that the newest come first by id.
        page = "($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                if uid is None:
                    return None
                if node_id is None:
                    rows = await connection.fetch(
                        f"{_EXECUTIONS} WHERE pipeline_uid = $1 AND {page}", uid, after, limit
                    )
                else:
                    node = await connection.fetchval(
                        "SELECT uid FROM nodes WHERE pipeline_uid = $1 AND id = $2", uid, node_id
                    )
                    if node is None:
                        return None
                    rows = await connection.fetch(f"{_EXECUTIONS} WHERE node_uid = $1 AND {page}", node, after, limit)
        executions = [execution_from_row(row) for row in rows]
        return [ExecutionView(node_id=execution.work.node_id, execution=execution) for execution in executions]

    async def run(self, owner: Owner, pipeline_id: PipelineId, run_id: RunId) -> RunView | None:
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                row = await connection.fetchrow("SELECT * FROM runs WHERE id = $1 AND pipeline_uid = $2", run_id, uid)
                if row is None:
                    return None
                nodes = await connection.fetch(_RUN_NODES, run_id)
                ids = await _node_ids(connection, row["targets"])
        return RunView(
            run=run_from_row(row),
            target_ids=_targets(row, ids),
            nodes=tuple(_run_node(node) for node in nodes),
        )

    async def runs(
        self, owner: Owner, pipeline_id: PipelineId, *, after: RunId | None, limit: int
    ) -> Sequence[RunView] | None:
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                if uid is None:
                    return None
                rows = await connection.fetch(_RUNS, uid, after, limit)
                ids = await _node_ids(connection, [target for row in rows for target in row["targets"]])
        return [RunView(run=run_from_row(row), target_ids=_targets(row, ids), nodes=()) for row in rows]

    async def execution(
        self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId, execution_id: ExecutionId
    ) -> ExecutionView | None:
        with translated():
            async with self._pool.acquire() as connection:
                uid = await _find(connection, owner, pipeline_id)
                query = f"{_EXECUTIONS} WHERE id = $1 AND pipeline_uid = $2 AND work ->> 'nodeId' = $3"
                row = await connection.fetchrow(query, execution_id, uid, node_id)
        return ExecutionView(node_id=node_id, execution=execution_from_row(row)) if row else None

    async def snapshot(self, owner: Owner, pipeline_id: PipelineId) -> SnapshotView | None:
        with translated():
            async with (
                self._pool.acquire() as connection,
                # One snapshot for all statements, so that nodes and sequence number agree.
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                row = await connection.fetchrow(_PIPELINE + " AND p.id = $2", owner, pipeline_id)
                if row is None:
                    return None
                rows = await connection.fetch(_NODE + " ORDER BY n.position", row["uid"])
                return SnapshotView(pipeline=_pipeline(row), nodes=tuple(await _with_edges(connection, rows)))

    async def events(self, pipeline_uid: PipelineUid, *, after: int, limit: int) -> Sequence[EventView]:
        with translated():
            rows = await self._pool.fetch(_EVENTS, pipeline_uid, after, limit)
        return [EventView(event=event_from_row(row), create_time=row["create_time"]) for row in rows]

    async def progress(self, pipeline_uid: PipelineUid, *, since: datetime) -> Sequence[ProgressView]:
        with translated():
            rows = await self._pool.fetch(_PROGRESS, pipeline_uid, since)
        return [
            ProgressView(
                node_id=NodeId(row["node_id"]),
                execution_id=ExecutionId(row["id"]),
                progress=Progress(
                    stage=row["progress_stage"],
                    fraction=row["progress_fraction"],
                    reported_at=row["progress_time"],
                ),
            )
            for row in rows
        ]


async def _find(connection: Connection, owner: Owner, pipeline_id: PipelineId) -> PipelineUid | None:
    uid = await connection.fetchval(
        "SELECT uid FROM pipelines WHERE owner = $1 AND id = $2 AND delete_time IS NULL", owner, pipeline_id
    )
    return PipelineUid(uid) if uid else None


async def _node_ids(connection: Connection, uids: Sequence[UUID]) -> dict[UUID, NodeId]:
    rows = await connection.fetch("SELECT uid, id FROM nodes WHERE uid = ANY($1)", uids)
    return {row["uid"]: NodeId(row["id"]) for row in rows}


def _targets(row: Row, ids: Mapping[UUID, NodeId]) -> tuple[NodeId, ...]:
    """Ids of a run's targets; those that were deleted meanwhile are left out."""
    return tuple(ids[uid] for uid in row["targets"] if uid in ids)


async def _with_edges(connection: Connection, rows: Sequence[Row]) -> list[NodeView]:
    edges = await connection.fetch(_EDGES, [row["uid"] for row in rows])
    inputs = inputs_from_rows(edges)
    ids = {NodeUid(edge["source_uid"]): NodeId(edge["source_id"]) for edge in edges}
    return [_node(row, inputs.get(NodeUid(row["uid"]), {}), ids) for row in rows]


def _node(row: Row, inputs: Mapping[str, tuple[NodeUid, ...]], ids: Mapping[NodeUid, NodeId]) -> NodeView:
    spec, node = spec_from_row(row, inputs), node_from_row(row)
    return NodeView(
        spec=spec,
        node=node,
        inputs={slot: tuple(ids[source] for source in sources) for slot, sources in inputs.items()},
        is_current=node.state is NodeState.COMPLETED and node.done_spec == spec.spec_digest,
        progress=progress_from_row(row),
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def _pipeline(row: Row) -> PipelineView:
    return PipelineView(
        uid=PipelineUid(row["uid"]),
        id=PipelineId(row["id"]),
        title=row["title"],
        version=row["version"],
        labels=row["labels"],
        structure_version=row["structure_version"],
        last_sequence=row["last_seq"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        counts={STATE_OF[status]: count for status, count in row["counts"].items()},
        is_paused=row["paused"],
    )


def _run_node(row: Row) -> RunNodeView:
    return RunNodeView(
        node_id=NodeId(row["id"]),
        decision=RunDecision(row["decision"]),
        reason=row["reason"],
        execution_id=ExecutionId(row["execution_id"]) if row["execution_id"] else None,
    )
