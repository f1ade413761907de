"""Adds to shown nodes whether they are fresh: a projection, read with what stands above them."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline_service.commands.views import NodeView
from pipeline_service.domain.freshness import FreshnessFacts, freshness_of
from pipeline_service.domain.ids import NodeId, NodeUid
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import Connection, Pool

_FACTS = """
WITH RECURSIVE above AS (
    SELECT unnest($1::uuid[]) AS uid
    UNION SELECT i.source_uid FROM above AS a JOIN node_inputs AS i ON i.node_uid = a.uid
)
SELECT n.uid, n.id, n.status = 'completed' AND n.done_spec = n.spec_digest AS is_current,
    n.output IS NOT NULL AS has_result, n.done_own <> n.own_digest AS was_changed, n.is_valid,
    ARRAY(
        SELECT i.source_uid FROM node_inputs AS i WHERE i.node_uid = n.uid ORDER BY i.slot, i.position
    ) AS sources
FROM above JOIN nodes AS n ON n.uid = above.uid
"""


async def with_freshness(connection: "Connection | Pool", views: Sequence[NodeView]) -> tuple[NodeView, ...]:
    """The same nodes with freshness and reasons; one more statement when any of them is not current."""
    stale = [view.spec.uid for view in views if not view.is_current]
    if not stale:
        return tuple(views)
    facts = {NodeUid(row["uid"]): _facts(row) for row in await connection.fetch(_FACTS, stale)}
    return tuple(view if view.is_current else _judged(view, facts) for view in views)


def _judged(view: NodeView, facts: dict[NodeUid, FreshnessFacts]) -> NodeView:
    freshness, reasons = freshness_of(view.spec.uid, facts)
    return replace(view, freshness=freshness, freshness_reasons=reasons)


def _facts(row: Row) -> FreshnessFacts:
    return FreshnessFacts(
        id=NodeId(row["id"]),
        is_current=row["is_current"],
        has_result=row["has_result"],
        was_changed=row["was_changed"],
        is_valid=row["is_valid"],
        sources=tuple(dict.fromkeys(NodeUid(source) for source in row["sources"])),
    )
