"""Paging through lists while rows come and go: what was there throughout is met once, in order."""

from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.lists import EXECUTIONS, NODES, PIPELINES, RUNS, Listing, Order, Page
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.rig import FILM, OWNER, Rig, running_rig

SEEDS = range(4)
# Few values, so that ties are as common as they can be.
TITLES = ("", "Ätna", "a", "b", "c" * 300, "%_\\'\"")
TIMES = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-02-01T00:00:00Z")


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


@pytest.fixture
async def owner(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Rows are put and taken by the owner of the tables, so that their times can be chosen."""
    connection = await asyncpg.connect(database.owner_url, password=database.owner_password)
    yield connection
    await connection.close()


class Rows:
    """Rows of one list, and how they come and go."""

    def __init__(self, rig: Rig, owner: "asyncpg.Connection[asyncpg.Record]", chance: Random) -> None:
        self.rig, self.owner, self.chance = rig, owner, chance

    async def add(self) -> str:
        """Put a row at a random place; answers what it is called."""
        raise NotImplementedError

    async def remove(self, name: str) -> None:
        raise NotImplementedError

    async def page(self, page: Page) -> Any:
        raise NotImplementedError

    def name(self, view: Any) -> str:
        raise NotImplementedError


class PipelineRows(Rows):
    async def add(self) -> str:
        name = f"p{self.chance.randrange(10**9)}"
        await self.owner.execute(
            "INSERT INTO pipelines (uid, owner, id, title, version, create_time) "
            "VALUES ($1, $2, $3, $4, '', $5::text::timestamptz)",
            *(uuid4(), OWNER, name, self.chance.choice(TITLES)[:256], self.chance.choice(TIMES)),
        )
        return name

    async def remove(self, name: str) -> None:
        await self.owner.execute("UPDATE pipelines SET delete_time = now() WHERE id = $1", name)

    async def page(self, page: Page) -> Any:
        return await self.rig.reader.pipelines(OWNER, page)

    def name(self, view: Any) -> str:
        return str(view.id)


class NodeRows(Rows):
    """Through imports of whole documents, as users edit them."""

    def __init__(self, rig: Rig, owner: "asyncpg.Connection[asyncpg.Record]", chance: Random) -> None:
        super().__init__(rig, owner, chance)
        self.document: list[dict[str, Any]] = []

    async def add(self) -> str:
        name = f"n{self.chance.randrange(10**9)}"
        node = noop(name) | {"title": self.chance.choice(TITLES)}
        self.document.insert(self.chance.randrange(len(self.document) + 1), node)
        await self.rig.import_(*self.document)
        moment = self.chance.choice(TIMES)
        await self.owner.execute("UPDATE nodes SET create_time = $2::text::timestamptz WHERE id = $1", name, moment)
        return name

    async def remove(self, name: str) -> None:
        self.document = [node for node in self.document if node["id"] != name]
        await self.rig.import_(*self.document)

    async def page(self, page: Page) -> Any:
        return await self.rig.reader.nodes(OWNER, FILM, page)

    def name(self, view: Any) -> str:
        return str(view.spec.id)


class RunRows(Rows):
    async def add(self) -> str:
        name = uuid4()
        await self.owner.execute(
            "INSERT INTO runs (id, pipeline_uid, state, targets, create_time, end_time) "
            "SELECT $1, uid, 'SUCCEEDED', '{}', $2::text::timestamptz, now() FROM pipelines WHERE id = 'film'",
            *(name, self.chance.choice(TIMES)),
        )
        return str(name)

    async def remove(self, name: str) -> None:
        await self.owner.execute("DELETE FROM runs WHERE id = $1", UUID(name))

    async def page(self, page: Page) -> Any:
        return await self.rig.reader.runs(OWNER, FILM, page)

    def name(self, view: Any) -> str:
        return str(view.run.id)


class ExecutionRows(Rows):
    node_id: NodeId | None = None

    async def add(self) -> str:
        name = uuid4()
        await self.owner.execute(
            """
            INSERT INTO executions (
                id, pipeline_uid, node_uid, attempt, first_attempt, state, task_queue, provider, spec_digest,
                work_digest, work, dispatch_no, dispatches_unanswered, create_time, end_time
            )
            SELECT $1, pipeline_uid, uid, 1, 1, 'SUCCEEDED', 'noop', 'local', '', '', jsonb_build_object('nodeId', 'a',
                'nodeType', 'noop', 'provider', 'local', 'title', '', 'config', '{}'::json, 'asset', NULL,
                'inputs', '[]'::json), 1, 0, $2::text::timestamptz, now()
            FROM nodes WHERE id = 'a'
            """,
            *(name, self.chance.choice(TIMES)),
        )
        return str(name)

    async def remove(self, name: str) -> None:
        await self.owner.execute("DELETE FROM executions WHERE id = $1", UUID(name))

    async def page(self, page: Page) -> Any:
        return await self.rig.reader.executions(OWNER, FILM, page, node_id=self.node_id)

    def name(self, view: Any) -> str:
        return str(view.execution.id)


class ExecutionRowsOfNode(ExecutionRows):
    node_id = NodeId("a")


KINDS: Sequence[tuple[Callable[..., Rows], Listing]] = (
    (PipelineRows, PIPELINES),
    (NodeRows, NODES),
    (RunRows, RUNS),
    (ExecutionRows, EXECUTIONS),
    (ExecutionRowsOfNode, EXECUTIONS),
)
ORDERS = [
    pytest.param(kind, Order(field=field, descending=descending), id=f"{kind.__name__}-{field}-{descending}")  # type: ignore[attr-defined]  # each is a class
    for kind, listing in KINDS
    for field in listing.orders
    for descending in (False, True)
]


@pytest.mark.parametrize(("kind", "order"), ORDERS)
async def test_row_that_existed_throughout_is_met_once_and_in_order(
    rig: Rig, owner: "asyncpg.Connection[asyncpg.Record]", kind: Callable[..., Rows], order: Order
) -> None:
    for seed in SEEDS:
        await rig.import_(noop("a"))
        rows = kind(rig, owner, Random(seed))
        stay = {await rows.add() for _ in range(9)}
        go = [await rows.add() for _ in range(9)]
        rows.chance.shuffle(go)
        in_order = [name for name in await _all(rows, Page(limit=500, order=order)) if name in stay]

        met: list[str] = []
        page = Page(limit=2, order=order)
        while True:
            found = await rows.page(page)
            met += map(rows.name, found.items)
            if found.next is None:
                break
            page = Page(limit=rows.chance.randint(1, 3), order=order, after=found.next)
            for _ in range(rows.chance.randrange(3)):
                if go:
                    await rows.remove(go.pop())
            for _ in range(rows.chance.randrange(2)):
                await rows.add()

        assert [name for name in met if name in stay] == in_order, f"seed {seed}"
        assert len(met) == len(set(met)), f"seed {seed}"


async def test_history_is_met_once_and_in_order_while_it_grows(rig: Rig) -> None:
    await rig.import_(*(noop(f"n{number}") for number in range(5)))
    met: list[int] = []
    page = Page(limit=2)
    while True:
        found = await rig.reader.history(OWNER, FILM, page, after=1)
        assert found is not None
        met += [view.event.sequence for view in found.items]
        if found.next is None:
            break
        page = Page(limit=2, after=found.next)
        if len(met) < 10:
            await rig.run()

    assert met == list(range(2, len(met) + 2))
    assert len(met) > 10


async def _all(rows: Rows, page: Page) -> list[str]:
    return [rows.name(view) for view in (await rows.page(page)).items]
