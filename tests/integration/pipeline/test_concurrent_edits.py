"""Edits of one graph by several replicas at once: whatever order they come in, the graph stays one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pipeline_service.commands.errors import InvalidDocument, PipelineError
from pipeline_service.domain.graph import find_cycle
from pipeline_service.domain.ids import NodeId
from pipeline_service.store.pool import Pools
from tests.factories import a_document, noop
from tests.integration.pipeline.rig import CALLER, FILM, Rig, running_rig

ROUNDS = 8
_EDGES = """
SELECT node.id AS node, source.id AS source FROM node_inputs
LEFT JOIN nodes AS node ON node.uid = node_uid LEFT JOIN nodes AS source ON source.uid = source_uid
"""


@pytest.fixture
async def replicas(pools: Pools) -> AsyncIterator[Sequence[Rig]]:
    """Each knows the graph from a cache of its own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_rig(pools)) for _ in range(4)]


async def connect(replica: Rig, node: str, *sources: str) -> None:
    changes = {"inputs": {"after": list(sources)}}
    await replica.nodes.update(CALLER, FILM, NodeId(node), changes, strict=False, etag="")


async def delete(replica: Rig, node: str) -> None:
    await replica.nodes.delete(CALLER, FILM, NodeId(node), etag="")


async def import_(replica: Rig, *nodes: dict[str, Any]) -> None:
    await replica.pipelines.import_document(CALLER, a_document(*nodes), create_only=False, validate_only=False)


async def edges(replica: Rig) -> set[tuple[str, str]]:
    """(node, source), read by SQL; a source that is gone would be None."""
    return {(row["node"], row["source"]) for row in await replica.pool.fetch(_EDGES)}


async def has_cycle(replica: Rig) -> bool:
    inputs: dict[str, list[str]] = {}
    for node, source in await edges(replica):
        inputs.setdefault(node, []).append(source)
    return bool(find_cycle(inputs))


def refusals(answers: Sequence[object]) -> list[object]:
    return [answer for answer in answers if answer is not None]


async def test_two_edits_that_close_a_circle_together_are_one_that_is_made(replicas: Sequence[Rig]) -> None:
    one, other, *_ = replicas
    for _ in range(ROUNDS):
        await import_(one, noop("a"), noop("b"))

        answers = await asyncio.gather(connect(one, "a", "b"), connect(other, "b", "a"), return_exceptions=True)

        (refused,) = refusals(answers)
        assert isinstance(refused, InvalidDocument)
        assert "in a circle" in refused.violations[0].description
        assert len(await edges(one)) == 1


async def test_ring_that_four_replicas_close_together_misses_one_link(replicas: Sequence[Rig]) -> None:
    for _ in range(ROUNDS):
        await import_(replicas[0], *(noop(f"n{number}") for number in range(4)))

        links = (connect(replica, f"n{at}", f"n{(at + 1) % 4}") for at, replica in enumerate(replicas))
        answers = await asyncio.gather(*links, return_exceptions=True)

        assert len(refusals(answers)) == 1
        assert not await has_cycle(replicas[0])


async def test_import_and_edit_that_close_a_circle_together_leave_none(replicas: Sequence[Rig]) -> None:
    one, other, *_ = replicas
    for _ in range(ROUNDS):
        await import_(one, noop("a"), noop("b"))

        await asyncio.gather(import_(one, noop("a"), noop("b", "a")), connect(other, "a", "b"), return_exceptions=True)

        # Whoever is first: an import makes all of the pipeline equal, and an edit behind it is refused.
        assert await edges(one) == {("b", "a")}


async def test_node_that_is_deleted_while_others_connect_to_it_leaves_no_reference(replicas: Sequence[Rig]) -> None:
    one, *others = replicas
    for _ in range(ROUNDS):
        await import_(one, noop("gone"), *(noop(f"n{at}") for at in range(3)))

        answers = await asyncio.gather(
            delete(one, "gone"),
            *(connect(replica, f"n{at}", "gone") for at, replica in enumerate(others)),
            return_exceptions=True,
        )

        assert answers[0] is None
        assert all(isinstance(answer, PipelineError) for answer in refusals(answers))
        assert await edges(one) == set()
