"""Keeps the shadows that drafts are made in: beside their pipelines, in no list, gone with them."""

from uuid import uuid4

from pipeline_service.commands.errors import AlreadyExists, Contended, NotFound
from pipeline_service.commands.ports import Caller, Journal, NewPipeline, Store
from pipeline_service.domain.drafts import draft_id
from pipeline_service.domain.engine.drafting import lay_out_draft
from pipeline_service.domain.engine.editing import apply_deletion
from pipeline_service.domain.engine.working_set import Rules, new_working_set
from pipeline_service.domain.ids import PipelineId, PipelineUid
from pipeline_service.domain.states import EventType

MAX_TRIES = 3


class Drafts:
    """The use cases of shadows."""

    def __init__(self, *, store: Store, rules: Rules, journal: Journal) -> None:
        self._store = store
        self._rules = rules
        self._journal = journal

    async def refresh(self, caller: Caller, pipeline_id: PipelineId) -> PipelineId:
        """Make the shadow of a pipeline equal to what that is now; answer the shadow's id. Raises NotFound, Contended.

        Nodes that mean the same keep their drafts; what runs of the others is superseded, as by any edit.
        """
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return await self._refresh(caller, pipeline_id)
            except (AlreadyExists, Contended):
                # Made, deleted or changed meanwhile: look again.
                if not tries_left:
                    raise
        raise AssertionError("unreachable")

    async def _refresh(self, caller: Caller, pipeline_id: PipelineId) -> PipelineId:
        original = await self._store.find_pipeline(caller.owner, pipeline_id)
        if original is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        name = draft_id(pipeline_id)
        shadow = await self._store.find_pipeline(caller.owner, name) or await self._create(caller, name)
        async with self._store.edit([original, shadow]) as transaction:
            working_set = await transaction.load()
            if shadow not in working_set.structures:
                raise Contended(f"pipelines/{name} was deleted meanwhile")
            is_there = original in working_set.structures
            if is_there:
                view = await transaction.show_pipeline(original)
                plan = lay_out_draft(
                    working_set,
                    original,
                    shadow,
                    title=view.title,
                    version=view.version,
                    catalogue=self._rules.catalogue,
                    new_uid=uuid4,
                    actor=caller.identity,
                )
                if plan is None:
                    return name
                await transaction.save_structure(plan)
                title = f"DRAFT {view.title}".strip()
                await transaction.describe(shadow, title=title, version=view.version, labels=view.labels)
                await transaction.save(working_set)
            else:
                # Both locks are held: nobody deletes the one and leaves the other.
                apply_deletion(working_set, shadow, actor=caller.identity)
                await transaction.save(working_set)
                await transaction.delete(shadow)
        self._journal.committed(working_set)
        if not is_there:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return name

    async def _create(self, caller: Caller, name: PipelineId) -> PipelineUid:
        """An empty one: it is filled under the locks of both. Raises AlreadyExists."""
        new = NewPipeline(uid=PipelineUid(uuid4()), owner=caller.owner, id=name, title="", version="", labels={})
        working_set = new_working_set(new.uid, pipeline_id=name, owner=new.owner)
        working_set.record(EventType.PIPELINE_CREATED, new.uid, actor=caller.identity)
        await self._store.create(new, working_set, request=None, resource="")
        self._journal.committed(working_set)
        return new.uid
