"""Freshness as it is shown: a projection over what stands above a node."""

from collections.abc import AsyncIterator

import pytest

from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.lists import Page
from pipeline_service.domain.states import Freshness
from pipeline_service.store.freshness import with_freshness
from pipeline_service.store.pool import Pools
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, running_rig

CHAIN = (noop("a"), noop("b", "a"), noop("c", "b"))


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


async def shown(rig: Rig) -> dict[str, tuple[str, tuple[str, ...]]]:
    snapshot = await rig.reader.snapshot(OWNER, FILM)
    assert snapshot is not None
    found = {view.spec.id: (view.freshness.value, view.freshness_reasons) for view in snapshot.nodes}
    for node_id, expected in found.items():
        view = await rig.reader.node(OWNER, FILM, NodeId(node_id))
        assert view is not None
        assert (view.freshness, view.freshness_reasons) == expected, "one node is shown as among all"
    return found


async def make(rig: Rig, *nodes: str) -> None:
    await rig.run(nodes[-1])
    for node in nodes:
        await rig.complete(node)


async def test_nodes_that_were_never_made_are_missing_and_made_ones_are_current(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await make(rig, "a", "b")

    assert await shown(rig) == {"a": ("CURRENT", ()), "b": ("CURRENT", ()), "c": ("MISSING", ())}


async def test_edit_makes_a_node_and_all_below_it_stale_with_its_name(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await make(rig, "a", "b", "c")

    await rig.import_(noop("a"), noop("b", "a", nonce="x"), noop("c", "b"))

    assert await shown(rig) == {
        "a": ("CURRENT", ()),
        "b": ("STALE", ("it was changed",)),
        "c": ("STALE", ("'b' was changed",)),
    }


async def test_node_below_one_that_was_made_anew_says_so(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await make(rig, "a", "b", "c")
    await rig.import_(noop("a"), noop("b", "a", nonce="x"), noop("c", "b"))

    await make(rig, "b")

    assert (await shown(rig))["c"] == ("STALE", ("'b' was made anew since",))


async def test_edit_that_is_taken_back_makes_what_is_below_current_again(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    await make(rig, "a", "b", "c")
    await rig.import_(noop("a"), noop("b", "a", nonce="x"), noop("c", "b"))

    await rig.import_(*CHAIN)

    assert (await shown(rig))["c"] == ("CURRENT", ())


async def test_node_that_is_deleted_between_the_statements_of_a_page_is_shown_as_that(rig: Rig) -> None:
    await rig.import_(*CHAIN)
    read = await rig.reader.nodes(OWNER, FILM, Page(limit=10))
    assert read is not None
    await rig.nodes.delete(CALLER, FILM, NodeId("b"), etag="")

    shown = await with_freshness(rig.pool, read.items)

    assert [view.spec.id for view in shown] == ["a", "b", "c"]
    assert (shown[1].freshness, shown[1].freshness_reasons) == (Freshness.STALE, ("it was deleted meanwhile",))
