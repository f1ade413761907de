"""Edits and runs single nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.asset_bytes import asset_outputs, put_contents
from pipeline_service.commands.errors import AlreadyExists, FailedPrecondition, InvalidNode, NotFound
from pipeline_service.commands.etags import check_etag, node_etag
from pipeline_service.commands.ports import Artifacts, Caller, Edit, Journal, Publisher, Store
from pipeline_service.commands.repeating import while_contended
from pipeline_service.commands.views import NodeView, Reader
from pipeline_service.domain.document import Document, DocumentNode, read_node
from pipeline_service.domain.edits import put_node, without_node
from pipeline_service.domain.engine.editing import apply_import
from pipeline_service.domain.engine.runs import execute_node, is_current, served_by
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import NodeId, Owner, PipelineId, PipelineUid
from pipeline_service.domain.model import NodeSpec, Structure
from pipeline_service.domain.states import NodeState
from pipeline_service.domain.structure import document_of, plan_import, problems_of, sources_of
from pipeline_service.domain.values import Asset, JsonValue, Output

EDITABLE = ("title", "labels", "retry", "inputs", "config", "asset")
Raw = Mapping[str, JsonValue]
Change = Callable[[Structure], Document]


@dataclass(frozen=True, kw_only=True)
class Edited:
    """A node as it is after an edit, with the artifact of its asset where that is given."""

    node: DocumentNode
    outputs: Mapping[NodeId, Output]


class Nodes:
    """The use cases of nodes one by one. An edit is an import of the edited document, in one transaction."""

    def __init__(
        self,
        *,
        store: Store,
        reader: Reader,
        artifacts: Artifacts,
        rules: Rules,
        publisher: Publisher,
        journal: Journal,
    ) -> None:
        self._store = store
        self._reader = reader
        self._artifacts = artifacts
        self._rules = rules
        self._publisher = publisher
        self._journal = journal

    async def create(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        raw: Raw,
        *,
        strict: bool,
        validate_only: bool = False,
    ) -> NodeView:
        """Add a node, given as in a document, unless `validate_only`; answer it as it is or would be.

        Raises NotFound, AlreadyExists, InvalidNode.
        """
        edited = await self._read(caller.owner, {"id": str(uuid4()), **raw}, validate_only=validate_only)
        name = f"pipelines/{pipeline_id}/nodes/{edited.node.id}"

        def change(structure: Structure) -> Document:
            if any(spec.id == edited.node.id for spec in structure.nodes.values()):
                raise AlreadyExists("node", name)
            return self._put(structure, edited.node, strict=strict)

        uid = await self._find(caller.owner, pipeline_id)
        return await self._put_node(uid, change, edited, name=name, caller=caller, is_rehearsal=validate_only)

    async def update(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        node_id: NodeId,
        changes: Raw,
        *,
        strict: bool,
        etag: str,
        validate_only: bool = False,
    ) -> NodeView:
        """Change the given ones of EDITABLE, unless `validate_only`; answer the node as it is or would be.

        Raises NotFound, EtagMismatch, InvalidNode.
        """
        name = f"pipelines/{pipeline_id}/nodes/{node_id}"
        view = await self._reader.node(caller.owner, pipeline_id, node_id)
        if view is None:
            raise NotFound("node", name)
        given = {"asset": _asset(view.spec.asset)} if view.spec.asset else {}
        raw = {"id": node_id, "type": view.spec.type, **given, **changes}
        edited = await self._read(caller.owner, raw, validate_only=validate_only)

        def change(structure: Structure) -> Document:
            spec = _find_spec(structure, node_id)
            check_etag(etag, node_etag(spec))
            present = next(node for node in document_of(structure).nodes if node.id == node_id)
            parts = {name: getattr(edited.node, name) for name in EDITABLE if name in changes}
            return self._put(structure, replace(present, **parts), strict=strict)

        uid = await self._find(caller.owner, pipeline_id)
        return await self._put_node(uid, change, edited, name=name, caller=caller, is_rehearsal=validate_only)

    async def delete(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        node_id: NodeId,
        *,
        etag: str,
    ) -> None:
        """Delete a node and every reference to it. Raises NotFound, EtagMismatch."""
        name = f"pipelines/{pipeline_id}/nodes/{node_id}"

        def change(structure: Structure) -> Document:
            check_etag(etag, node_etag(_find_spec(structure, node_id)))
            return without_node(document_of(structure), node_id)

        uid = await self._find(caller.owner, pipeline_id)
        async with self._store.edit([uid]) as transaction:
            working_set = await self._edit(transaction, uid, change, {}, name=name, caller=caller)
        self._journal.committed(working_set)

    async def execute(
        self,
        caller: Caller,
        pipeline_id: PipelineId,
        node_id: NodeId,
        *,
        force: bool,
    ) -> str:
        """Run one node. Raises NotFound, FailedPrecondition.

        Answers the resource name of the execution that serves it: of its own, or of the one elsewhere that makes or
        made the same.
        """
        uid = await self._find(caller.owner, pipeline_id)
        return await while_contended(lambda: self._execute(caller, uid, node_id, force=force))

    async def _execute(self, caller: Caller, uid: PipelineUid, node_id: NodeId, *, force: bool) -> str:
        async with self._store.transaction([uid]) as transaction:
            working_set = await transaction.load()
            structure = working_set.structures[uid]
            spec = _find_spec(structure, node_id)
            own = f"pipelines/{structure.pipeline_id}/nodes/{node_id}/executions/"
            running = working_set.nodes[spec.uid].execution_id
            if running is not None:
                return f"{own}{running}"
            _check_executable(working_set, spec, force=force)
            run = execute_node(
                working_set, spec.uid, force=force, rules=self._rules, actor=caller.identity, trace=caller.trace
            )
            await answer_questions(transaction, working_set, rules=self._rules)
            started = working_set.nodes[spec.uid].execution_id
            serving = served_by(working_set, run, spec.uid)
            name = f"{own}{started}" if started else await transaction.execution_name(serving)
            await transaction.remember(caller.request, name)
            await transaction.save(working_set)
        self._publisher.publish(working_set.dispatches)
        self._journal.committed(working_set)
        return name

    async def _put_node(
        self, uid: PipelineUid, change: Change, edited: Edited, *, name: str, caller: Caller, is_rehearsal: bool
    ) -> NodeView:
        async with self._store.edit([uid], is_rehearsal=is_rehearsal) as transaction:
            working_set = await self._edit(transaction, uid, change, edited.outputs, name=name, caller=caller)
            view = await transaction.show_node(_find_spec(working_set.structures[uid], edited.node.id).uid)
        if not is_rehearsal:
            self._journal.committed(working_set)
        return view

    async def _edit(
        self,
        transaction: Edit,
        uid: PipelineUid,
        change: Change,
        outputs: Mapping[NodeId, Output],
        *,
        name: str,
        caller: Caller,
    ) -> WorkingSet:
        await transaction.remember(caller.request, name)
        working_set = await transaction.load()
        structure = working_set.structures[uid]
        plan = plan_import(change(structure), structure, catalogue=self._rules.catalogue, new_uid=uuid4)
        uploaded = {spec.uid: outputs[spec.id] for spec in plan.structure.nodes.values() if spec.id in outputs}
        apply_import(working_set, plan, uploaded=uploaded, actor=caller.identity)
        await transaction.save_structure(plan)
        await transaction.save(working_set)
        return working_set

    async def _read(self, owner: Owner, raw: Raw, *, validate_only: bool) -> Edited:
        """Read a node and see to its bytes, before any lock is taken."""
        node, violations = read_node(raw, self._rules.catalogue)
        if node is None:
            raise InvalidNode(violations)
        outputs = await asset_outputs(self._store, self._artifacts, owner, [node])
        if not validate_only:
            await put_contents(self._artifacts, owner, [node])
        return Edited(node=node, outputs=outputs)

    def _put(self, structure: Structure, node: DocumentNode, *, strict: bool) -> Document:
        document, refusals = put_node(document_of(structure), node)
        if not refusals and strict:
            problems = problems_of(document.nodes, self._rules.catalogue)[node.id]
            refusals = tuple(replace(one, field=f"node.{one.field}") for one in problems)
        if refusals:
            raise InvalidNode(refusals)
        return document

    async def _find(self, owner: Owner, pipeline_id: PipelineId) -> PipelineUid:
        uid = await self._store.find_pipeline(owner, pipeline_id)
        if uid is None:
            raise NotFound("pipeline", f"pipelines/{pipeline_id}")
        return uid


def _check_executable(working_set: WorkingSet, spec: NodeSpec, *, force: bool) -> None:
    structure = working_set.structures[working_set.nodes[spec.uid].pipeline_uid]
    if spec.problems:
        raise FailedPrecondition(f"'{spec.id}' is not valid: {spec.problems[0].field}: {spec.problems[0].description}")
    incomplete = sorted(
        structure.nodes[source].id
        for source in sources_of(spec)
        if working_set.nodes[source].state is not NodeState.COMPLETED
    )
    if incomplete:
        raise FailedPrecondition(f"inputs of '{spec.id}' are not complete: {', '.join(incomplete)}")
    if is_current(working_set.nodes[spec.uid], structure) and (not force or spec.asset is not None):
        raise FailedPrecondition(f"'{spec.id}' is current; execute it with force to make it again")


def _find_spec(structure: Structure, node_id: NodeId) -> NodeSpec:
    for spec in structure.nodes.values():
        if spec.id == node_id:
            return spec
    raise NotFound("node", f"pipelines/{structure.pipeline_id}/nodes/{node_id}")


def _asset(asset: Asset) -> JsonValue:
    return {"type": asset.type.value, "source": asset.url or f"asset:sha256/{asset.sha256}.{asset.extension}"}
