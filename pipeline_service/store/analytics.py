"""Facts for renderers and for analysis, read past all locks."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from pipeline_service.commands.analytics import Grouped, Metrics, PipelineFacts, RenderData, RenderSource
from pipeline_service.domain.ids import ExecutionId, NodeId, NodeUid, Owner, PipelineId, PipelineUid
from pipeline_service.domain.states import NodeState
from pipeline_service.store.codec import output_from_json
from pipeline_service.store.pool import Pool, translated

LATELY = 20_000
"""Executions of all kinds that are looked through for one type: as many as take a fraction of a second to read."""
_NODE = """
SELECT p.id AS pipeline_id, n.uid, n.id, n.type, n.title, n.config FROM nodes AS n
JOIN pipelines AS p ON p.uid = n.pipeline_uid WHERE n.uid = $1 AND p.delete_time IS NULL
"""
_SOURCES = """
SELECT i.slot, s.uid, s.id, s.output FROM node_inputs AS i JOIN nodes AS s ON s.uid = i.source_uid
WHERE i.node_uid = $1 ORDER BY i.slot, i.position
"""
_PIPELINE = """
SELECT id, pending_nodes, in_progress_nodes, completed_nodes, failed_nodes FROM pipelines
WHERE uid = $1 AND delete_time IS NULL
"""
_OWNER = """
SELECT p.uid, p.owner FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid WHERE e.id = $1
"""
_OF_PIPELINE = "SELECT * FROM executions WHERE pipeline_uid = $1"
_OF_TYPE = f"""
SELECT * FROM (SELECT * FROM executions ORDER BY id DESC LIMIT {LATELY}) AS newest
WHERE node_type = $1 AND ($2::text IS NULL OR owner = $2)
"""  # noqa: S608 - constants only
# A purchase counts for the execution that it was last attached to, and so only once.
_METRICS = """
WITH chosen AS ({chosen})
SELECT e.{by} AS name, count(*) AS total,
    count(*) FILTER (WHERE e.state = 'SUCCEEDED') AS succeeded,
    count(*) FILTER (WHERE e.state IN ('FAILED', 'TIMED_OUT')) AS failed,
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
        ORDER BY extract(epoch FROM e.end_time - coalesce(e.start_time, e.create_time))
    ) FILTER (WHERE e.state = 'SUCCEEDED') AS seconds,
    coalesce(sum(p.cost_micros), 0)::bigint AS cost_micros
FROM chosen AS e LEFT JOIN purchases AS p ON p.id = e.purchase_id AND p.execution_id = e.id
GROUP BY GROUPING SETS ((), (e.{by}))
"""
_FAILURES = """
WITH chosen AS ({chosen})
SELECT {by} AS name,
    CASE state WHEN 'TIMED_OUT' THEN 'timeout' ELSE coalesce(failure ->> 'errorType', 'internal') END AS error_type,
    count(*) AS count
FROM chosen WHERE state IN ('FAILED', 'TIMED_OUT') GROUP BY 1, 2 ORDER BY 3 DESC, 2
"""


class PostgresAnalytics:
    """As the role that keeps state, which may read everything."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def render_data(self, node: NodeUid) -> RenderData | None:
        with translated():
            row = await self._pool.fetchrow(_NODE, node)
            sources = await self._pool.fetch(_SOURCES, node) if row else []
        if row is None:
            return None
        return RenderData(
            pipeline_id=PipelineId(row["pipeline_id"]),
            node_uid=NodeUid(row["uid"]),
            node_id=NodeId(row["id"]),
            node_type=row["type"],
            title=row["title"],
            config=row["config"],
            sources=[
                RenderSource(
                    slot=one["slot"],
                    node_uid=NodeUid(one["uid"]),
                    node_id=NodeId(one["id"]),
                    output=output_from_json(one["output"]),
                )
                for one in sources
            ],
        )

    async def pipeline(self, uid: PipelineUid) -> PipelineFacts | None:
        with translated():
            row = await self._pool.fetchrow(_PIPELINE, uid)
        if row is None:
            return None
        nodes = {state: row[f"{state.value.lower()}_nodes"] for state in NodeState}
        return PipelineFacts(pipeline_id=PipelineId(row["id"]), nodes=nodes)

    async def of_pipeline(self, uid: PipelineUid) -> Grouped:
        return await self._grouped(_OF_PIPELINE, "node_type", uid)

    async def of_node_type(self, node_type: str, owner: Owner | None) -> Grouped:
        return await self._grouped(_OF_TYPE, "provider", node_type, owner)

    async def owner_of(self, execution: ExecutionId) -> tuple[PipelineUid, Owner] | None:
        with translated():
            row = await self._pool.fetchrow(_OWNER, execution)
        return (PipelineUid(row["uid"]), Owner(row["owner"])) if row else None

    async def _grouped(self, chosen: str, by: str, *parameters: object) -> Grouped:
        with translated():
            counted = await self._pool.fetch(_METRICS.format(chosen=chosen, by=by), *parameters)
            failed = await self._pool.fetch(_FAILURES.format(chosen=chosen, by=by), *parameters)
        of_group: dict[str, dict[str, int]] = defaultdict(dict)
        of_all: dict[str, int] = defaultdict(int)
        for row in failed:
            of_group[row["name"]][row["error_type"]] = row["count"]
            of_all[row["error_type"]] += row["count"]
        by_count = dict(sorted(of_all.items(), key=lambda one: (-one[1], one[0])))
        whole = next((_metrics(row, by_count) for row in counted if row["name"] is None), Metrics())
        groups = {row["name"]: _metrics(row, of_group[row["name"]]) for row in counted if row["name"] is not None}
        return Grouped(whole=whole, groups=dict(sorted(groups.items())))


def _metrics(row: Any, failures: dict[str, int]) -> Metrics:
    p50, p95, p99 = (timedelta(seconds=one) for one in row["seconds"]) if row["seconds"] else (None, None, None)
    return Metrics(
        total=row["total"],
        succeeded=row["succeeded"],
        failed=row["failed"],
        p50=p50,
        p95=p95,
        p99=p99,
        failures=failures,
        cost_micros=row["cost_micros"],
    )
