"""Documents that bring UUIDs of their own, on a real database."""

import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pipeline_service.commands.errors import Contended
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.ports import Caller, ObjectFacts
from pipeline_service.domain.ids import NodeId, Owner, PipelineId
from pipeline_service.store.pool import Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.structures import StructureCache
from tests.factories import a_document, noop, some_rules
from tests.integration.pipeline.rig import CALLER, OWNER, Rig, running_rig

EXAMPLE = Path(__file__).parents[2] / "documents" / "uuid_style" / "pipeline.json"
ONE, OTHER = "0b9a7c1e-2d44-4f86-9a51-c3e8b7d60f12", "d6b3a920-7e15-4c8f-b4a1-0f9e2d7c5b68"
STRANGER = Caller(owner=Owner("stranger"), identity="spiffe://montage/client/stranger")


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


def a_film(*, pipeline: str = "film", uuid: str = ONE, title: str = "mine") -> dict[str, Any]:
    return a_document(noop("a") | {"uuid": uuid, "title": title}, document_id=pipeline)


async def import_(rig: Rig, raw: dict[str, Any], *, caller: Caller = CALLER) -> None:
    await rig.pipelines.import_document(caller, raw, create_only=False, validate_only=False)


async def uid_of(rig: Rig, *, pipeline: str = "film", owner: Owner = OWNER) -> UUID:
    found = await rig.reader.node(owner, PipelineId(pipeline), NodeId("a"))
    assert found is not None
    return found.spec.uid


async def test_example_is_imported_whole_and_again_without_a_change(rig: Rig) -> None:
    raw = json.loads(EXAMPLE.read_text())
    raw["nodes"][0]["asset"]["source"] = f"asset:sha256/{'0' * 64}.txt"
    rig.artifacts.objects[f"assets/default/sha256/{'0' * 64}.txt"] = ObjectFacts(
        size_bytes=29, sha256="0" * 64, content_type="text/plain"
    )

    first = await rig.pipelines.import_document(CALLER, raw, create_only=False, validate_only=False)
    again = await rig.pipelines.import_document(CALLER, raw, create_only=False, validate_only=False)

    assert str(first.pipeline_uid) == raw["uuid"].lower()
    assert len(first.plan.added) == len(again.plan.unchanged) == 6
    assert UUID(raw["nodes"][0]["uuid"]) in first.plan.added
    states = await rig.states(pipeline=raw["uuid"].lower())
    assert states[raw["nodes"][0]["uuid"]] == "COMPLETED"


async def test_uuid_that_is_free_is_kept(rig: Rig) -> None:
    await import_(rig, a_film())

    assert await uid_of(rig) == UUID(ONE)


async def test_uuid_of_another_owners_node_is_given_up_and_that_node_stays_as_it_is(rig: Rig) -> None:
    await import_(rig, a_film())

    await import_(rig, a_film(title="theirs"), caller=STRANGER)

    mine = await rig.reader.node(OWNER, PipelineId("film"), NodeId("a"))
    assert mine is not None
    assert (mine.spec.uid, mine.spec.title) == (UUID(ONE), "mine")
    assert await uid_of(rig, owner=STRANGER.owner) != UUID(ONE)


async def test_uuid_of_a_pipeline_that_was_deleted_is_given_up(rig: Rig) -> None:
    film = a_film() | {"uuid": OTHER}
    await import_(rig, film)
    await rig.pipelines.delete(CALLER, PipelineId("film"), etag="", force=False)

    await import_(rig, film)

    view = await rig.reader.pipeline(OWNER, PipelineId("film"))
    assert view is not None
    assert view.uid != UUID(OTHER)
    assert await uid_of(rig) != UUID(ONE)


async def test_uuid_of_a_node_that_was_executed_and_removed_is_given_up(rig: Rig) -> None:
    await import_(rig, a_film())
    await rig.run()
    await rig.complete("a")
    await rig.import_(noop("z"))

    await import_(rig, a_film())

    assert await uid_of(rig) != UUID(ONE)


class Hasty(PostgresStore):
    """Finds every UUID free, as a look does that comes just before another import commits."""

    async def taken_uids(self, uids: Collection[UUID]) -> frozenset[UUID]:
        return frozenset()


async def test_uuid_that_was_taken_meanwhile_overwrites_nothing(rig: Rig, pools: Pools) -> None:
    await import_(rig, a_film())
    hasty = Pipelines(
        store=Hasty(pools, structures=StructureCache(), concurrency={}),
        reader=PostgresReader(pools.engine),
        artifacts=rig.artifacts,
        rules=some_rules(),
        journal=rig.outbox,
    )

    with pytest.raises(Contended, match="taken meanwhile"):
        await hasty.import_document(STRANGER, a_film(title="theirs"), create_only=False, validate_only=False)

    mine = await rig.reader.node(OWNER, PipelineId("film"), NodeId("a"))
    assert mine is not None
    assert mine.spec.title == "mine"
    assert await rig.reader.pipeline(STRANGER.owner, PipelineId("film")) is None
