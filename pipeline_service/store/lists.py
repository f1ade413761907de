"""The lists that are shown, page by page."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pipeline_service.commands.views import EventView, ExecutionView, Listed, NodeView, PipelineView, RunView
from pipeline_service.domain import lists
from pipeline_service.domain.ids import NodeId, Owner, PipelineId
from pipeline_service.domain.lists import Page
from pipeline_service.store.codec import Row
from pipeline_service.store.filters import counted, labels, plain
from pipeline_service.store.freshness import with_freshness
from pipeline_service.store.pages import ListStatement
from pipeline_service.store.pool import Pool, translated
from pipeline_service.store.rows import STATUS_OF
from pipeline_service.store.shown import (
    COUNTS,
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
    run_view,
)

# ruff: noqa: S608 - statements are put together from constants only
View = TypeVar("View")

_PIPELINES = ListStatement(
    listing=lists.PIPELINES,
    columns=PIPELINE_COLUMNS,
    # A draft's shadow has a `~` in its id, and is no pipeline of a user's. Of `NOT LIKE` the planner expects what is so
    # here: that it holds for nearly every row.
    source="FROM pipelines AS p WHERE p.owner = $1 AND p.delete_time IS NULL AND p.id NOT LIKE '%~%'",
    filters={
        "title": plain("p.title"),
        "labels": labels("p.labels"),
        "create_time": plain("p.create_time"),
        "state": counted({state.value: f"p.{column}" for state, column in COUNTS.items()}),
    },
    orders={"create_time": "p.create_time", "title": "p.title"},
    tie="p.id",
)
_NODES = ListStatement(
    listing=lists.NODES,
    columns=NODE_COLUMNS,
    source=f"{NODES} WHERE n.pipeline_uid = {PIPELINE_UID}",
    filters={
        "state": plain("n.status", words={state.value: status for state, status in STATUS_OF.items()}),
        "type": plain("n.type"),
        "title": plain("n.title"),
        "labels": labels("n.labels"),
        "create_time": plain("n.create_time"),
    },
    orders={"position": "n.position", "title": "left(n.title, 256)", "create_time": "n.create_time"},
    tie="n.id",
)
_RUNS = ListStatement(
    listing=lists.RUNS,
    columns=RUN_COLUMNS,
    source=f"FROM runs AS r WHERE r.pipeline_uid = {PIPELINE_UID}",
    filters={"state": plain("r.state"), "create_time": plain("r.create_time")},
    orders={"create_time": "r.create_time"},
    tie="r.id",
)
_EXECUTION_FILTERS = {
    "state": plain("state"),
    "attempt": plain("attempt"),
    "provider": plain("provider"),
    "error_type": plain("coalesce(failure ->> 'errorType', '')"),
    "create_time": plain("create_time"),
}
_EXECUTIONS = ListStatement(
    listing=lists.EXECUTIONS,
    columns=SHOWN_EXECUTION_COLUMNS,
    source=f"FROM executions WHERE pipeline_uid = {PIPELINE_UID}",
    filters=_EXECUTION_FILTERS,
    orders={"create_time": "create_time"},
    tie="id",
)
_EXECUTIONS_OF_NODE = ListStatement(
    listing=lists.EXECUTIONS,
    columns=SHOWN_EXECUTION_COLUMNS,
    source=(
        "FROM executions WHERE node_uid ="
        f" (SELECT n.uid FROM nodes AS n WHERE n.pipeline_uid = {PIPELINE_UID} AND n.id = $3)"
    ),
    filters=_EXECUTION_FILTERS,
    orders={"create_time": "create_time"},
    tie="id",
)
_EVENTS = ListStatement(
    listing=lists.EVENTS,
    columns=EVENT_COLUMNS,
    source=f"FROM events WHERE pipeline_uid = {PIPELINE_UID} AND seq > $3",
    filters={
        "type": plain("type"),
        "node": plain("coalesce(node_id, '')"),
        "state": plain("new_state"),
        "create_time": plain("create_time"),
    },
    orders={"sequence": "seq"},
)
_FIND_NODE = f"SELECT uid FROM nodes WHERE pipeline_uid = {PIPELINE_UID} AND id = $3"


class PostgresLists:
    """Pages of lists, each one statement. Sees only the owner's pipelines."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def pipelines(self, owner: Owner, page: Page) -> Listed[PipelineView]:
        return await self._page(_PIPELINES, pipeline_view, page, owner)

    async def nodes(self, owner: Owner, pipeline_id: PipelineId, page: Page) -> Listed[NodeView] | None:
        found = await self._page(_NODES, node_view, page, owner, pipeline_id)
        with translated():
            shown = replace(found, items=await with_freshness(self._pool, found.items))
        return await self._if_there(shown, f"SELECT {PIPELINE_UID}", owner, pipeline_id)

    async def runs(self, owner: Owner, pipeline_id: PipelineId, page: Page) -> Listed[RunView] | None:
        found = await self._page(_RUNS, run_view, page, owner, pipeline_id)
        return await self._if_there(found, f"SELECT {PIPELINE_UID}", owner, pipeline_id)

    async def executions(
        self, owner: Owner, pipeline_id: PipelineId, page: Page, *, node_id: NodeId | None
    ) -> Listed[ExecutionView] | None:
        if node_id is None:
            found = await self._page(_EXECUTIONS, execution_view, page, owner, pipeline_id)
            return await self._if_there(found, f"SELECT {PIPELINE_UID}", owner, pipeline_id)
        found = await self._page(_EXECUTIONS_OF_NODE, execution_view, page, owner, pipeline_id, node_id)
        return await self._if_there(found, _FIND_NODE, owner, pipeline_id, node_id)

    async def history(
        self, owner: Owner, pipeline_id: PipelineId, page: Page, *, after: int
    ) -> Listed[EventView] | None:
        found = await self._page(_EVENTS, event_view, page, owner, pipeline_id, after)
        return await self._if_there(found, f"SELECT {PIPELINE_UID}", owner, pipeline_id)

    async def _page(
        self, statement: ListStatement, view: Callable[[Row], View], page: Page, *arguments: object
    ) -> Listed[View]:
        query, parameters = statement.of(page, *arguments)
        with translated():
            rows = await self._pool.fetch(query, *parameters)
        return statement.listed(rows, page, view)

    async def _if_there(self, found: Listed[View], query: str, *arguments: object) -> Listed[View] | None:
        """None when the page is empty because there is nothing that it could be of."""
        if found.items:
            return found
        with translated():
            return found if await self._pool.fetchval(query, *arguments) else None
