"""Makes pipelines, and makes them equal to documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from pipeline_service.commands.asset_bytes import asset_outputs, put_contents
from pipeline_service.commands.errors import (
    AlreadyExists,
    Contended,
    FailedPrecondition,
    InvalidDocument,
    NotFound,
)
from pipeline_service.commands.etags import check_etag, pipeline_etag
from pipeline_service.commands.ports import Artifacts, Caller, Journal, NewPipeline, Store
from pipeline_service.commands.repeating import while_contended
from pipeline_service.commands.views import PipelineView, Reader
from pipeline_service.domain.document import Document, read_document
from pipeline_service.domain.drafts import draft_id
from pipeline_service.domain.engine.editing import apply_deletion, apply_import
from pipeline_service.domain.engine.working_set import Rules, WorkingSet, new_working_set
from pipeline_service.domain.history import Span
from pipeline_service.domain.ids import NodeId, Owner, PipelineId, PipelineUid
from pipeline_service.domain.model import Structure
from pipeline_service.domain.states import EventType
from pipeline_service.domain.structure import ImportPlan, build_structure, plan_import
from pipeline_service.domain.values import Json, Output

MAX_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did; with `validate_only` what it would do, and no uid."""

    document: Document
    plan: ImportPlan
    pipeline_uid: PipelineUid | None
    view: PipelineView | None = None
    """The pipeline as it is now; None with `validate_only`."""


class Pipelines:
    """The use cases of pipelines as a whole."""

    def __init__(
        self,
        *,
        store: Store,
        reader: Reader,
        artifacts: Artifacts,
        rules: Rules,
        journal: Journal,
    ) -> None:
        self._store = store
        self._reader = reader
        self._artifacts = artifacts
        self._rules = rules
        self._journal = journal

    async def create(
        self,
        caller: Caller,
        pipeline_id: str,
        *,
        title: str,
        version: str,
        labels: Mapping[str, str],
        validate_only: bool = False,
    ) -> PipelineView:
        """Make an empty pipeline, unless `validate_only`; answer it as it is or would be. Raises AlreadyExists."""
        new = NewPipeline(
            uid=PipelineUid(uuid4()),
            owner=caller.owner,
            id=PipelineId(pipeline_id or str(uuid4())),
            title=title,
            version=version,
            labels=labels,
        )
        working_set = new_working_set(new.uid, pipeline_id=new.id, owner=new.owner)
        working_set.record(EventType.PIPELINE_CREATED, new.uid, actor=caller.identity)
        made = await self._store.create(
            new, working_set, request=caller.request, resource=f"pipelines/{new.id}", is_rehearsal=validate_only
        )
        if not validate_only:
            self._journal.committed(working_set)
        return made

    async def import_document(
        self,
        caller: Caller,
        raw: Json,
        *,
        create_only: bool,
        validate_only: bool,
        etag: str = "",
    ) -> Imported:
        """Make a pipeline equal to a document. Raises InvalidDocument (every problem), AlreadyExists, EtagMismatch."""
        document, violations = read_document(raw, self._rules.catalogue)
        if document is None:
            raise InvalidDocument(violations)
        facts = await asset_outputs(self._store, self._artifacts, caller.owner, document.nodes)
        if validate_only:
            return await self._plan_only(caller, document, create_only=create_only, etag=etag)
        await put_contents(self._artifacts, caller.owner, document.nodes)
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                free = document.without_uids(await self._store.taken_uids(document.uids))
                return await self._import(caller, free, facts, create_only=create_only, etag=etag)
            except (AlreadyExists, Contended):
                # Made, deleted or changed meanwhile: look again.
                if create_only or not tries_left:
                    raise
        raise AssertionError("unreachable")

    async def update(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        *,
        title: str | None,
        version: str | None,
        labels: Mapping[str, str] | None,
        etag: str,
        validate_only: bool = False,
    ) -> PipelineView:
        """Change what is not None, unless `validate_only`; answer what it is or would be.

        Raises NotFound, EtagMismatch.
        """
        uid = (await self._find(caller.owner, pipeline_id)).uid
        given = {"title": title, "version": version, "labels": labels}
        async with self._store.edit([uid], is_rehearsal=validate_only) as transaction:
            await transaction.remember(caller.request, f"pipelines/{pipeline_id}")
            working_set = await transaction.load()
            check_etag(etag, pipeline_etag(uid, working_set.structures[uid].version))
            before = await transaction.show_pipeline(uid)
            changed = [name for name, value in given.items() if value not in (None, getattr(before, name))]
            if not changed:
                return before
            await transaction.describe(uid, title=title, version=version, labels=labels)
            working_set.record(EventType.PIPELINE_UPDATED, uid, actor=caller.identity, message=", ".join(changed))
            await transaction.save(working_set)
            described = await transaction.show_pipeline(uid)
        if not validate_only:
            self._journal.committed(working_set)
        return described

    async def delete(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        *,
        force: bool,
        etag: str,
    ) -> None:
        """Delete a pipeline, and its drafts, which may run.

        Raises NotFound, EtagMismatch; FailedPrecondition while something of the pipeline itself runs, unless `force`.
        """
        await while_contended(lambda: self._delete(caller, pipeline_id, force=force, etag=etag))

    async def _delete(self, caller: Caller, pipeline_id: PipelineId, *, force: bool, etag: str) -> None:
        pipeline = await self._find(caller.owner, pipeline_id)
        shadow = await self._store.find_pipeline(caller.owner, draft_id(pipeline_id))
        async with self._store.edit([uid for uid in (pipeline.uid, shadow) if uid]) as transaction:
            await transaction.remember(caller.request, f"pipelines/{pipeline_id}")
            working_set = await transaction.load()
            structure = working_set.structures.get(pipeline.uid)
            if structure is None:
                raise NotFound("pipeline", f"pipelines/{pipeline_id}")
            check_etag(etag, pipeline_etag(pipeline.uid, structure.version))
            if shadow != await self._store.find_pipeline(caller.owner, draft_id(pipeline_id)):
                # The first draft was made since we looked. From here on none is: that needs this lock.
                raise Contended(f"a draft of pipelines/{pipeline_id} was made meanwhile")
            running = sorted(
                spec.id for uid, spec in structure.nodes.items() if working_set.nodes[uid].execution_id is not None
            )
            if running and not force:
                raise FailedPrecondition(f"these nodes run: {', '.join(running)}; wait, or delete with force")
            gone = [pipeline.uid, *(uid for uid in working_set.structures if uid == shadow)]
            for uid in gone:
                apply_deletion(working_set, uid, actor=caller.identity)
            await transaction.save(working_set)
            for uid in gone:
                await transaction.delete(uid)
        self._journal.committed(working_set)

    async def _find(self, owner: Owner, pipeline_id: PipelineId) -> PipelineView:
        pipeline = await self._reader.pipeline(owner, pipeline_id)
        if pipeline is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return pipeline

    async def _plan_only(self, caller: Caller, document: Document, *, create_only: bool, etag: str) -> Imported:
        pipeline_uid = await self._store.find_pipeline(caller.owner, document.id)
        if pipeline_uid is None:
            structure = build_structure(PipelineUid(uuid4()), pipeline_id=document.id, version=0, specs=())
            check_etag(etag, "")
        elif create_only:
            raise AlreadyExists("pipeline", f"pipelines/{document.id}")
        else:
            async with self._store.edit([pipeline_uid]) as transaction:
                structure = (await transaction.load()).structures[pipeline_uid]
            check_etag(etag, pipeline_etag(pipeline_uid, structure.version))
        return Imported(document=document, plan=self._plan(document, structure), pipeline_uid=pipeline_uid)

    async def _import(
        self,
        caller: Caller,
        document: Document,
        facts: dict[NodeId, Output],
        *,
        create_only: bool,
        etag: str,
    ) -> Imported:
        """Make the pipeline where there is none, and make it equal to the document, in one transaction."""
        pipeline_uid = await self._store.find_pipeline(caller.owner, document.id)
        if pipeline_uid is not None and create_only:
            raise AlreadyExists("pipeline", f"pipelines/{document.id}")
        if pipeline_uid is None:
            return await self._create(caller, document, facts, etag=etag)
        async with self._store.edit([pipeline_uid]) as transaction:
            working_set = await transaction.load()
            check_etag(etag, pipeline_etag(pipeline_uid, working_set.structures[pipeline_uid].version))
            working_set.record(EventType.PIPELINE_IMPORTED, pipeline_uid, actor=caller.identity)
            plan, resource = self._apply(working_set, document, pipeline_uid, facts, actor=caller.identity)
            await transaction.remember(caller.request, resource)
            await transaction.save_structure(plan)
            await transaction.describe(
                pipeline_uid, title=document.title, version=document.version, labels=document.labels
            )
            await transaction.save(working_set)
            view = await transaction.show_pipeline(pipeline_uid)
        self._journal.committed(working_set)
        return Imported(document=document, plan=plan, pipeline_uid=pipeline_uid, view=view)

    async def _create(self, caller: Caller, document: Document, facts: dict[NodeId, Output], *, etag: str) -> Imported:
        new = NewPipeline(
            uid=document.uid or PipelineUid(uuid4()),
            owner=caller.owner,
            id=document.id,
            title=document.title,
            version=document.version,
            labels=document.labels,
        )
        check_etag(etag, "")
        working_set = new_working_set(new.uid, pipeline_id=new.id, owner=new.owner)
        working_set.record(EventType.PIPELINE_CREATED, new.uid, actor=caller.identity)
        plan, resource = self._apply(working_set, document, new.uid, facts, actor=caller.identity)
        view = await self._store.create(new, working_set, request=caller.request, resource=resource)
        self._journal.committed(working_set)
        return Imported(document=document, plan=plan, pipeline_uid=new.uid, view=view)

    def _apply(
        self,
        working_set: WorkingSet,
        document: Document,
        uid: PipelineUid,
        facts: dict[NodeId, Output],
        *,
        actor: str,
    ) -> tuple[ImportPlan, str]:
        """Decide, and name the import by the events that it makes: the last one recorded was its first."""
        first = working_set.sequences[uid]
        plan = self._plan(document, working_set.structures[uid])
        uploaded = {spec.uid: facts[spec.id] for spec in plan.structure.nodes.values() if spec.id in facts}
        apply_import(working_set, plan, uploaded=uploaded, actor=actor)
        span = Span(pipeline_uid=uid, first=first, last=working_set.sequences[uid])
        return plan, f"pipelines/{document.id}/{span}"

    def _plan(self, document: Document, structure: Structure) -> ImportPlan:
        return plan_import(document, structure, catalogue=self._rules.catalogue, new_uid=uuid4)
