"""What the database does for a page: each statement as the service runs it, on many rows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

import asyncpg
import orjson
import pytest

from pipeline_service.domain.ids import NodeId, Owner, PipelineId
from pipeline_service.domain.lists import EXECUTIONS, NODES, PIPELINES, RUNS, Listing, Page, read_filter, read_order
from pipeline_service.store.pool import Pool
from pipeline_service.store.reads import PostgresReader
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.list_rows import OWNER, fill

SIZE = 25
CUSTOM, GENERIC = "force_custom_plan", "force_generic_plan"
ME, BIG, FULL = Owner(OWNER), PipelineId("big"), PipelineId("p1")
List = Callable[[PostgresReader, Page], Awaitable[Any]]


async def pipelines(reader: PostgresReader, page: Page) -> Any:
    return await reader.pipelines(ME, page)


async def nodes(reader: PostgresReader, page: Page) -> Any:
    return await reader.nodes(ME, FULL, page)


async def runs(reader: PostgresReader, page: Page) -> Any:
    return await reader.runs(ME, BIG, page)


async def executions(reader: PostgresReader, page: Page) -> Any:
    return await reader.executions(ME, BIG, page, node_id=None)


async def executions_of_node(reader: PostgresReader, page: Page) -> Any:
    return await reader.executions(ME, BIG, page, node_id=NodeId("busy"))


async def history(reader: PostgresReader, page: Page) -> Any:
    return await reader.history(ME, BIG, page, after=0)


ORDERS: list[tuple[List, Listing, str]] = [
    (one, listing, f"{field}{direction}")
    for one, listing in (
        (pipelines, PIPELINES),
        (nodes, NODES),
        (runs, RUNS),
        (executions, EXECUTIONS),
        (executions_of_node, EXECUTIONS),
    )
    for field in listing.orders
    for direction in ("", " desc")
]
NARROWED: list[tuple[List, Listing, str, str]] = [
    (pipelines, PIPELINES, "create_time < 2026-01-01T00:00:40Z", "create_time desc"),
    (pipelines, PIPELINES, "create_time >= 2026-01-01T00:00:40Z AND create_time < 2026-01-01T00:00:50Z", "create_time"),
    (pipelines, PIPELINES, "title = 'Title 300'", "title"),
    (pipelines, PIPELINES, "labels.team = rare", ""),
    (pipelines, PIPELINES, "labels.team = red", ""),
    (pipelines, PIPELINES, "labels:team", ""),
    (nodes, NODES, "create_time > 2026-01-01T00:00:40Z", "create_time"),
    (runs, RUNS, "create_time < 2026-01-01T00:00:40Z AND state = SUCCEEDED", ""),
    (executions, EXECUTIONS, "create_time < 2026-01-01T00:00:40Z", ""),
    (executions_of_node, EXECUTIONS, "create_time < 2026-01-01T00:00:40Z", ""),
]


class Recorder:
    """A pool that remembers what was asked of it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.statements: list[tuple[str, tuple[object, ...]]] = []

    async def fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        self.statements.append((statement, parameters))
        return await self._pool.fetch(statement, *parameters)

    async def fetchrow(self, statement: str, *parameters: object) -> asyncpg.Record | None:
        self.statements.append((statement, parameters))
        return await self._pool.fetchrow(statement, *parameters)

    async def plan(self, *, setting: str) -> dict[str, Any]:
        """How the database ran the page's statement. A prepared one, since only that has a plan for all."""
        page, *beside = self.statements
        assert all("RECURSIVE above" in statement for statement, _ in beside), "a page and the freshness of its nodes"
        return await self.plan_of(*page, setting=setting)

    async def plan_of(self, statement: str, parameters: tuple[object, ...], *, setting: str) -> dict[str, Any]:
        """The same for one statement."""
        async with self._pool.acquire() as connection:
            await connection.execute(f"SET plan_cache_mode = {setting}")
            await connection.execute(f"PREPARE page AS {statement}")
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page({', '.join(map(_literal, parameters))})"
            [found] = await connection.fetchval(explained)
            await connection.execute("DEALLOCATE page")
        return cast("dict[str, Any]", found["Plan"])


@pytest.fixture(
    scope="module", params=[10_000, pytest.param(100_000, marks=pytest.mark.slow)], ids=["10,000 rows", "100,000 rows"]
)
def rows(request: pytest.FixtureRequest) -> int:
    return cast("int", request.param)


@pytest.fixture
async def recorder(database: Database, pool: Pool, rows: int) -> Recorder:
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        await fill(owner, rows)
    finally:
        await owner.close()
    return Recorder(pool)


async def test_every_page_in_every_order_reads_few_rows_by_an_index(recorder: Recorder) -> None:
    """First, middle and last pages, as planned for these parameters and as planned once for all."""
    for one, listing, order in ORDERS:
        async for page in _some_pages(one, recorder, read_order(order, listing)):
            await _few_rows(recorder, f"{one.__name__} by {order}, {page}")


async def test_freshness_of_a_page_and_a_single_node_read_few_rows_by_an_index(recorder: Recorder) -> None:
    found = await nodes(_reader(recorder), Page(limit=SIZE))
    _, freshness = recorder.statements
    recorder.statements.clear()
    await _reader(recorder).node(ME, FULL, found.items[0].spec.id)
    [single] = recorder.statements

    for statement, parameters in (freshness, single):
        for setting in (CUSTOM, GENERIC):
            plan = await recorder.plan_of(statement, parameters, setting=setting)
            assert _rows_read(plan) <= 5 * SIZE, f"{setting} read {_rows_read(plan)} rows: {plan}"


async def test_history_reads_few_rows_by_an_index(recorder: Recorder, rows: int) -> None:
    for after in (None, (rows // 2,), (rows - 5,)):
        await history(_reader(recorder), Page(limit=SIZE, after=after))
        await _few_rows(recorder, f"history behind {after}")


async def test_filter_on_the_order_or_a_label_reads_few_rows_by_an_index(recorder: Recorder) -> None:
    for one, listing, text, order in NARROWED:
        page = Page(limit=SIZE, filter=read_filter(text, listing), order=read_order(order, listing))
        found = await one(_reader(recorder), page)
        assert found.items, text
        # A plan made once for all cannot know how common a label is, or how narrow two bounds of time are.
        await _few_rows(recorder, f"{one.__name__} where {text}", settings=(CUSTOM,))


async def test_filter_that_no_index_serves_is_tried_on_every_row_and_finds_what_fits(
    recorder: Recorder,
) -> None:
    page = Page(limit=SIZE, filter=read_filter("title:BIG", PIPELINES))

    found = await pipelines(_reader(recorder), page)

    assert {view.title for view in found.items} == {"Big"}
    assert _rows_read(await recorder.plan(setting=CUSTOM)) > 5 * SIZE


def _reader(recorder: Recorder) -> PostgresReader:
    return PostgresReader(cast("Pool", recorder))


async def _some_pages(one: List, recorder: Recorder, order: Any) -> AsyncIterator[str]:
    """Read the first page, one further behind, and the last; the statements of each wait in the recorder."""
    found = await one(_reader(recorder), Page(limit=SIZE, order=order))
    assert len(found.items) == SIZE
    yield "first page"
    far = await one(_reader(recorder), Page(limit=500, order=order))
    recorder.statements.clear()
    await one(_reader(recorder), Page(limit=SIZE, order=order, after=far.next))
    yield "a page further behind"
    backwards = type(order)(field=order.field, descending=not order.descending)
    tail = await one(_reader(recorder), Page(limit=10, order=backwards))
    recorder.statements.clear()
    last = await one(_reader(recorder), Page(limit=SIZE, order=order, after=tail.next))
    assert last.next is None
    yield "last page"


async def _few_rows(recorder: Recorder, what: str, *, settings: tuple[str, ...] = (CUSTOM, GENERIC)) -> None:
    for setting in settings:
        plan = await recorder.plan(setting=setting)
        assert "Seq Scan" not in {node["Node Type"] for node in _nodes(plan)}, f"{what} ({setting}): {plan}"
        assert _rows_read(plan) <= 5 * SIZE, f"{what} ({setting}) read {_rows_read(plan)} rows: {plan}"
    recorder.statements.clear()


def _rows_read(plan: dict[str, Any]) -> float:
    """What the scans of tables touched: rows that they gave on, and those that they looked at in vain."""
    return sum(
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0))
        * scan["Actual Loops"]
        for scan in _nodes(plan)
        if "Relation Name" in scan
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _literal(value: object) -> str:
    if isinstance(value, list):
        text = f"{{{','.join(map(str, value))}}}"
    else:
        text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return "'" + text.replace("'", "''") + "'"
