"""Adds to shown nodes whether they are fresh: a projection, read with what stands above them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

from pipeline_service.commands.views import NodeView
from pipeline_service.domain.freshness import FreshnessFacts, freshness_of
from pipeline_service.domain.ids import NodeId, NodeUid
from pipeline_service.domain.states import Freshness
from pipeline_service.store.codec import Row
from pipeline_service.store.pool import Connection, Pool

Fact: TypeAlias = tuple[NodeUid, NodeId, bool, bool, bool, bool, str | None]
"""Of a node: the driver reads no arrays within rows, so that the uids of its sources are one text."""

_FACT = """
    u.uid, u.id, u.status = 'completed' AND u.done_spec = u.spec_digest, u.output IS NOT NULL,
    u.done_own <> u.own_digest, u.is_valid,
    (
        SELECT string_agg(i.source_uid::text, ' ' ORDER BY i.slot, i.position)
        FROM node_inputs AS i WHERE i.node_uid = u.uid
    )"""
# The planner takes a recursion for large, and would rather read all nodes that there are once: each is looked up by its
# uid in a query of its own.
_ABOVE = """
WITH RECURSIVE above AS (
    {nodes}
    UNION SELECT i.source_uid FROM above AS a
    CROSS JOIN LATERAL (SELECT source_uid FROM node_inputs WHERE node_uid = a.uid OFFSET 0) AS i
)
SELECT (SELECT ({fact}) FROM nodes AS u WHERE u.uid = above.uid) FROM above"""
_FACTS = _ABOVE.format(nodes="SELECT unnest($1::uuid[]) AS uid", fact=_FACT)
_UNLESS_CURRENT = "SELECT n.uid WHERE n.status <> 'completed' OR n.done_spec IS DISTINCT FROM n.spec_digest"
FACTS_OF_NODE = f"ARRAY({_ABOVE.format(nodes=_UNLESS_CURRENT, fact=_FACT)}) AS facts"
"""A column for a statement that shows a single node: what `with_freshness` would ask for in a statement of its own."""


async def with_freshness(connection: "Connection | Pool", views: Sequence[NodeView]) -> tuple[NodeView, ...]:
    """The same nodes with freshness and reasons; one more statement when any of them is not current."""
    stale = [view.spec.uid for view in views if not view.is_current]
    if not stale:
        return tuple(views)
    return _judged(views, (row[0] for row in await connection.fetch(_FACTS, stale)))


def with_own_facts(view: NodeView, row: Row) -> NodeView:
    """The same for the one node of a statement with FACTS_OF_NODE."""
    return _judged([view], row["facts"])[0]


def _judged(views: Sequence[NodeView], rows: Iterable[Fact | None]) -> tuple[NodeView, ...]:
    facts = {row[0]: _facts(row) for row in rows if row is not None}
    return tuple(view if view.is_current else _with(view, facts) for view in views)


def _with(view: NodeView, facts: dict[NodeUid, FreshnessFacts]) -> NodeView:
    if view.spec.uid not in facts:
        # A page and the freshness of its nodes are two statements.
        return replace(view, freshness=Freshness.STALE, freshness_reasons=("it was deleted meanwhile",))
    freshness, reasons = freshness_of(view.spec.uid, facts)
    return replace(view, freshness=freshness, freshness_reasons=reasons)


def _facts(row: Fact) -> FreshnessFacts:
    _, node_id, is_current, has_result, was_changed, is_valid, sources = row
    return FreshnessFacts(
        id=node_id,
        is_current=is_current,
        has_result=has_result,
        was_changed=was_changed,
        is_valid=is_valid,
        sources=tuple(dict.fromkeys(NodeUid(UUID(source)) for source in (sources or "").split())),
    )
