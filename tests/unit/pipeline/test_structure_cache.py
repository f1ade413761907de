"""Graphs are kept by their size: many small ones, or a few large ones."""

from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from pipeline_service.domain.ids import NodeUid, PipelineUid
from pipeline_service.domain.model import Structure
from pipeline_service.store.structures import StructureCache
from tests.factories import World, noop


class Asked(Exception):
    """The database was asked for a graph."""


class Database:
    async def fetch(self, *_: object) -> None:
        raise Asked


@cache
def of_one_node() -> Structure:
    (structure,) = World(noop("a")).ws.structures.values()
    return structure


def a_graph(number: int, *, nodes: int, version: int = 1) -> Structure:
    structure = of_one_node()
    (spec,) = structure.nodes.values()
    return replace(
        structure,
        pipeline_uid=PipelineUid(UUID(int=number)),
        version=version,
        nodes={NodeUid(UUID(int=one)): spec for one in range(nodes)},
    )


async def is_kept(cache: StructureCache, number: int, *, version: int = 1) -> bool:
    database: Any = Database()
    try:
        await cache.get(database, {PipelineUid(UUID(int=number)): version})
    except Asked:
        return False
    return True


@pytest.mark.parametrize(("nodes", "graphs"), [(10, 1000), (2000, 5)])
async def test_as_many_graphs_are_kept_as_have_ten_thousand_nodes(nodes: int, graphs: int) -> None:
    cache = StructureCache()

    for number in range(graphs + 1):
        cache.keep(a_graph(number, nodes=nodes))

    assert [await is_kept(cache, number) for number in (0, 1, graphs)] == [False, True, True]


async def test_newest_graph_is_kept_however_large_it_is() -> None:
    cache = StructureCache()

    cache.keep(a_graph(1, nodes=10))
    cache.keep(a_graph(2, nodes=10_001))

    assert [await is_kept(cache, number) for number in (1, 2)] == [False, True]


async def test_new_version_takes_the_place_of_the_old_one() -> None:
    cache = StructureCache()

    cache.keep(a_graph(0, nodes=1))
    for version in range(1, 21):
        cache.keep(a_graph(1, nodes=1000, version=version))

    assert await is_kept(cache, 0)
    assert await is_kept(cache, 1, version=20)
    assert not await is_kept(cache, 1, version=19)
