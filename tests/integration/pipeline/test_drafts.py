"""A pipeline and its shadow when both are changed at the same moment."""

from uuid import UUID

import pytest

from pipeline_service.commands.drafts import Drafts
from pipeline_service.commands.errors import NotFound
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.runs import RunRequest
from pipeline_service.domain.ids import Owner, PipelineId, PipelineUid
from pipeline_service.store.pool import Pools
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.structures import StructureCache
from tests.factories import noop, some_rules
from tests.integration.pipeline.rig import CALLER, OWNER, Rig

FILM, SHADOW = PipelineId("film"), PipelineId("film~draft")


def store_of(pools: Pools, rig: Rig, *, acts_after: PipelineId, draft: bool) -> PostgresStore:
    """A store whose first look for a pipeline is over just before somebody else drafts or deletes the film."""

    class Late(PostgresStore):
        is_first = True

        async def find_pipeline(self, owner: Owner, pipeline_id: PipelineId) -> PipelineUid | None:
            found = await super().find_pipeline(owner, pipeline_id)
            if self.is_first and pipeline_id == acts_after:
                self.is_first = False
                if draft:
                    await rig.runs.start(CALLER, FILM, RunRequest(draft=True))
                else:
                    await rig.pipelines.delete(CALLER, FILM, force=True, etag="")
            return found

    return Late(pools, structures=StructureCache(), concurrency={})


async def uids(rig: Rig) -> tuple[UUID | None, UUID | None]:
    return await rig.store.find_pipeline(OWNER, FILM), await rig.store.find_pipeline(OWNER, SHADOW)


async def test_draft_that_was_made_since_a_deletion_looked_is_deleted_too(rig: Rig, pools: Pools) -> None:
    await rig.import_(noop("a"))
    late = Pipelines(
        store=store_of(pools, rig, acts_after=SHADOW, draft=True),
        reader=PostgresReader(pools.engine),
        artifacts=rig.artifacts,
        rules=some_rules(),
        journal=rig.outbox,
    )

    await late.delete(CALLER, FILM, force=False, etag="")

    assert await uids(rig) == (None, None)


@pytest.mark.parametrize("acts_after", [FILM, SHADOW])
async def test_draft_of_a_pipeline_that_was_deleted_since_it_was_found_leaves_no_shadow(
    rig: Rig, pools: Pools, acts_after: PipelineId
) -> None:
    await rig.import_(noop("a"))
    store = store_of(pools, rig, acts_after=acts_after, draft=False)
    late = Drafts(store=store, rules=some_rules(), journal=rig.outbox)

    with pytest.raises(NotFound):
        await late.refresh(CALLER, FILM)

    assert await uids(rig) == (None, None)


async def test_draft_of_what_did_not_change_writes_nothing(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.runs.start(CALLER, FILM, RunRequest(draft=True))
    before = await rig.reader.pipeline(OWNER, SHADOW)
    assert before is not None

    await Drafts(store=rig.store, rules=some_rules(), journal=rig.outbox).refresh(CALLER, FILM)

    assert await rig.reader.pipeline(OWNER, SHADOW) == before
