"""What the database does for a batch: its statement as the service prepares it, on tables that are small."""

from collections.abc import Iterator
from typing import Any, cast

import asyncpg
import pytest

from pipeline_service.store.pool import Pool
from pipeline_service.store.statements import COUNTED, WRITE
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.list_rows import fill

SMALL = 500
"""Rows of each table. Of so few, reading all in order looks cheap beside looking up some of them."""
PARTS = 9
READ_WHOLE = {"Seq Scan", "Merge Join", "Hash Join"}


@pytest.fixture
async def plan(database: Database, pool: Pool) -> dict[str, Any]:
    """The plan that a session keeps."""
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        await fill(owner, SMALL)
    finally:
        await owner.close()
    async with pool.acquire() as connection:
        await connection.execute(f"PREPARE batch AS {WRITE}")
        [found] = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE batch({', '.join(['$$[]$$'] * PARTS)})")
    return cast("dict[str, Any]", found["Plan"])


def test_batch_looks_its_rows_up_one_by_one(plan: dict[str, Any]) -> None:
    nodes = list(_nodes(plan))
    by_index = [node for node in nodes if node["Node Type"].startswith("Index")]
    looked_up = [node for node in by_index if node["Relation Name"] != "run_nodes"]

    assert not READ_WHOLE & {node["Node Type"] for node in nodes}
    assert len(looked_up) == len(COUNTED)
    assert all("Index Cond" in node for node in looked_up), looked_up


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
