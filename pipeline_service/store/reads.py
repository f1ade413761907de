"""Plain queries for what is shown."""

from collections.abc import Sequence
from datetime import datetime

from pipeline_service.commands.views import (
    EventView,
    ExecutionView,
    NodeView,
    PipelineView,
    ProgressView,
    RunView,
    SnapshotView,
)
from pipeline_service.domain.history import NodeEvent
from pipeline_service.domain.ids import ExecutionId, NodeId, Owner, PipelineId, PipelineUid, RunId
from pipeline_service.domain.states import EventType
from pipeline_service.domain.values import Progress
from pipeline_service.store.freshness import FACTS_OF_NODE, with_freshness, with_own_facts
from pipeline_service.store.lists import PostgresLists
from pipeline_service.store.pool import translated
from pipeline_service.store.reuse import EXECUTION_NAME
from pipeline_service.store.shown import (
    EVENT_COLUMNS,
    NODE_COLUMNS,
    NODES,
    PIPELINE_COLUMNS,
    PIPELINE_UID,
    RUN_COLUMNS,
    SHOWN_EXECUTION_COLUMNS,
    event_view,
    execution_view,
    node_view,
    pipeline_view,
    run_node_view,
    run_view,
)

# ruff: noqa: S608 - statements are put together from constants only
_PIPELINE = f"SELECT {PIPELINE_COLUMNS} FROM pipelines AS p WHERE p.owner = $1 AND p.id = $2 AND p.delete_time IS NULL"
_NODE = f"SELECT {NODE_COLUMNS}, {FACTS_OF_NODE} {NODES} WHERE n.pipeline_uid = {PIPELINE_UID} AND n.id = $3"
_ALL_NODES = f"SELECT {NODE_COLUMNS} {NODES} WHERE n.pipeline_uid = $1 ORDER BY n.position"
_RUN = f"SELECT {RUN_COLUMNS} FROM runs AS r WHERE r.pipeline_uid = {PIPELINE_UID} AND r.id = $3"
_RUN_NODES = f"""
SELECT n.id, r.decision, r.reason, r.execution_id, {EXECUTION_NAME} AS reused_from
FROM run_nodes AS r JOIN nodes AS n ON n.uid = r.node_uid
LEFT JOIN executions AS e ON e.id = r.reused_from LEFT JOIN pipelines AS p ON p.uid = e.pipeline_uid
WHERE r.run_id = $1 ORDER BY n.position
"""
_EXECUTION = f"""
SELECT {SHOWN_EXECUTION_COLUMNS} FROM executions
WHERE pipeline_uid = {PIPELINE_UID} AND id = $4 AND work ->> 'nodeId' = $3
"""
_EVENTS = f"SELECT {EVENT_COLUMNS} FROM events WHERE pipeline_uid = $1 AND seq > $2 ORDER BY seq LIMIT $3"
_NODE_EVENTS = """
SELECT e.seq, e.type, e.node_id, n.position FROM events AS e LEFT JOIN nodes AS n ON n.uid = e.node_uid
WHERE e.pipeline_uid = $1 AND e.seq <= $2 AND e.type IN ('NODE_CREATED', 'NODE_UPDATED', 'NODE_DELETED')
ORDER BY e.seq
"""
_PROGRESS = """
SELECT id, work ->> 'nodeId' AS node_id, progress_stage, progress_fraction, progress_time FROM executions
WHERE pipeline_uid = $1 AND state IN ('QUEUED', 'RUNNING', 'WAITING') AND progress_time > $2
ORDER BY progress_time
"""


class PostgresReader(PostgresLists):
    """Reads what is shown. Sees only the owner's pipelines."""

    async def pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineView | None:
        with translated():
            row = await self._pool.fetchrow(_PIPELINE, owner, pipeline_id)
        return pipeline_view(row) if row else None

    async def node(self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId) -> NodeView | None:
        with translated():
            row = await self._pool.fetchrow(_NODE, owner, pipeline_id, node_id)
        return with_own_facts(node_view(row), row) if row else None

    async def run(self, owner: Owner, pipeline_id: PipelineId, run_id: RunId) -> RunView | None:
        with translated():
            async with self._pool.acquire() as connection:
                row = await connection.fetchrow(_RUN, owner, pipeline_id, run_id)
                if row is None:
                    return None
                nodes = await connection.fetch(_RUN_NODES, run_id)
        return run_view(row, tuple(map(run_node_view, nodes)))

    async def execution(
        self, owner: Owner, pipeline_id: PipelineId, node_id: NodeId, execution_id: ExecutionId
    ) -> ExecutionView | None:
        with translated():
            row = await self._pool.fetchrow(_EXECUTION, owner, pipeline_id, node_id, execution_id)
        return execution_view(row) if row else None

    async def snapshot(self, owner: Owner, pipeline_id: PipelineId) -> SnapshotView | None:
        with translated():
            async with (
                self._pool.acquire() as connection,
                # One snapshot for all statements, so that nodes and sequence number agree.
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                row = await connection.fetchrow(_PIPELINE, owner, pipeline_id)
                if row is None:
                    return None
                rows = await connection.fetch(_ALL_NODES, row["uid"])
                nodes = await with_freshness(connection, [node_view(one) for one in rows])
        return SnapshotView(pipeline=pipeline_view(row), nodes=nodes)

    async def node_events(self, pipeline_uid: PipelineUid, *, through: int) -> Sequence[NodeEvent]:
        with translated():
            rows = await self._pool.fetch(_NODE_EVENTS, pipeline_uid, through)
        return [
            NodeEvent(
                sequence=row["seq"],
                type=EventType(row["type"]),
                node_id=NodeId(row["node_id"]),
                position=row["position"],
            )
            for row in rows
        ]

    async def events(self, pipeline_uid: PipelineUid, *, after: int, limit: int) -> Sequence[EventView]:
        with translated():
            rows = await self._pool.fetch(_EVENTS, pipeline_uid, after, limit)
        return [event_view(row) for row in rows]

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
