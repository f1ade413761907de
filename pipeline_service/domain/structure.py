"""Builds the graph of a pipeline, and compares a document with the graph that is there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pipeline_service.domain.digest import affecting, effective_config, spec_digest
from pipeline_service.domain.document import Document, DocumentNode
from pipeline_service.domain.document.checks import check_node
from pipeline_service.domain.graph import in_order, successors_of
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.model import NodeSpec, Structure
from pipeline_service.domain.node_types import Catalogue, NodeType
from pipeline_service.domain.positions import positions
from pipeline_service.domain.values import JsonValue
from pipeline_service.domain.violations import Violation, Violations


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """What making a pipeline equal to a document does. Every tuple is in the order of the document."""

    structure: Structure
    """As it then is; of the version that was, where nothing differs."""
    added: tuple[NodeUid, ...]
    changed: tuple[NodeUid, ...]
    """Nodes that mean something else now; they are reset."""
    described: tuple[NodeUid, ...]
    """Nodes that mean the same under another title, other labels or another retry policy."""
    rewritten: tuple[NodeUid, ...]
    """Nodes whose row differs, also where only title, labels, retry or position changed."""
    removed: tuple[NodeSpec, ...]
    unchanged: tuple[NodeUid, ...]


def build_structure(
    pipeline_uid: PipelineUid, *, pipeline_id: PipelineId, version: int, specs: Iterable[NodeSpec]
) -> Structure:
    """The graph over the given nodes."""
    nodes = {spec.uid: spec for spec in specs}
    sources = {uid: sources_of(spec) for uid, spec in nodes.items()}
    return Structure(
        pipeline_uid=pipeline_uid,
        pipeline_id=pipeline_id,
        version=version,
        nodes=nodes,
        sources=sources,
        successors=successors_of(sources),
    )


def sources_of(spec: NodeSpec) -> tuple[NodeUid, ...]:
    """Every node that a node takes material from."""
    return tuple(source for sources in spec.inputs.values() for source in sources)


def effective_config_of(spec: NodeSpec, catalogue: Catalogue) -> dict[str, JsonValue]:
    """A node's config with defaults, and its title as the prompt where that counts."""
    node_type = catalogue[spec.type]
    has_prompt = bool(spec.inputs.get(node_type.prompt_slot))
    return effective_config(node_type, config=spec.config, title=spec.title, has_prompt_input=has_prompt)


def plan_import(
    document: Document, existing: Structure, *, catalogue: Catalogue, new_uid: Callable[[], UUID]
) -> ImportPlan:
    """Compare a document with the structure that is there; nodes are the same when their ids are.

    A new node takes the uid that the document gives it; that must be free.
    """
    before = {spec.id: spec for spec in existing.nodes.values()}
    uids = {
        node.id: before[node.id].uid if node.id in before else node.uid or NodeUid(new_uid()) for node in document.nodes
    }
    problems = problems_of(document.nodes, catalogue)
    places = positions([before[node.id].position if node.id in before else None for node in document.nodes])
    specs = _with_digests(
        [_spec(node, place, uids, problems[node.id]) for node, place in zip(document.nodes, places, strict=True)],
        catalogue,
    )
    kept = [spec for spec in specs if spec.id in before]
    rewritten = tuple(spec.uid for spec in kept if spec != before[spec.id])
    is_another = bool(rewritten) or before.keys() != uids.keys()
    structure = build_structure(
        existing.pipeline_uid, pipeline_id=document.id, version=existing.version + is_another, specs=specs
    )
    changed = [spec.uid for spec in kept if _means_something_else(before[spec.id], spec, catalogue)]
    return ImportPlan(
        structure=structure,
        added=tuple(spec.uid for spec in specs if spec.id not in before),
        changed=tuple(changed),
        described=tuple(
            spec.uid for spec in kept if spec.uid not in changed and _is_described_anew(before[spec.id], spec)
        ),
        rewritten=rewritten,
        removed=tuple(spec for spec_id, spec in before.items() if spec_id not in uids),
        unchanged=tuple(spec.uid for spec in kept if spec.uid not in changed),
    )


def _is_described_anew(before: NodeSpec, after: NodeSpec) -> bool:
    return (before.title, before.labels, before.retry) != (after.title, after.labels, after.retry)


def document_of(structure: Structure, *, title: str = "", version: str = "") -> Document:
    """The graph as a document, to be edited and planned again. Asset bytes are referred to, not held."""
    specs = sorted(structure.nodes.values(), key=lambda spec: spec.position)
    ids = {spec.uid: spec.id for spec in specs}
    return Document(
        id=structure.pipeline_id,
        title=title,
        version=version,
        nodes=tuple(
            DocumentNode(
                id=spec.id,
                type=spec.type,
                title=spec.title,
                labels=spec.labels,
                retry=spec.retry,
                inputs={slot: tuple(ids[source] for source in sources) for slot, sources in spec.inputs.items()},
                config=spec.config,
                asset=spec.asset,
            )
            for spec in specs
        ),
    )


def problems_of(nodes: Sequence[DocumentNode], catalogue: Catalogue) -> dict[NodeId, tuple[Violation, ...]]:
    """What keeps each node from running, by node."""
    known = {node.id: node for node in nodes}
    found: dict[NodeId, tuple[Violation, ...]] = {}
    for node in nodes:
        violations = Violations()
        check_node("", node, known, catalogue, violations)
        found[node.id] = tuple(violations.found)
    return found


def _spec(
    node: DocumentNode, position: int, uids: Mapping[NodeId, NodeUid], problems: tuple[Violation, ...]
) -> NodeSpec:
    return NodeSpec(
        uid=uids[node.id],
        id=node.id,
        position=position,
        type=node.type,
        title=node.title,
        labels=node.labels,
        retry=node.retry,
        config=node.config,
        inputs={slot: tuple(uids[source] for source in sources) for slot, sources in node.inputs.items() if sources},
        asset=node.asset,
        provider=str(node.config.get("provider", "")),
        spec_digest="",
        problems=problems,
    )


def _with_digests(specs: list[NodeSpec], catalogue: Catalogue) -> list[NodeSpec]:
    """The same nodes with their digests; a node's spec digest contains those of its inputs."""
    by_uid = {spec.uid: spec for spec in specs}
    digests: dict[NodeUid, str] = {}
    for uid in in_order({spec.uid: sources_of(spec) for spec in specs}):
        spec = by_uid[uid]
        digests[uid] = spec_digest(
            catalogue[spec.type],
            config=effective_config_of(spec, catalogue),
            asset=spec.asset,
            inputs={slot: [digests[source] for source in sources] for slot, sources in spec.inputs.items()},
        )
    return [
        replace(spec, spec_digest=digests[spec.uid], own_digest=_own_digest(spec, catalogue[spec.type], catalogue))
        for spec in specs
    ]


def _own_digest(spec: NodeSpec, node_type: NodeType, catalogue: Catalogue) -> str:
    """Inputs by who they are, not by what they are."""
    inputs = {slot: [str(source) for source in sources] for slot, sources in spec.inputs.items()}
    return spec_digest(node_type, config=effective_config_of(spec, catalogue), asset=spec.asset, inputs=inputs)


def _means_something_else(before: NodeSpec, after: NodeSpec, catalogue: Catalogue) -> bool:
    if before.type != after.type or before.inputs != after.inputs or before.asset != after.asset:
        return True
    configs = [affecting(catalogue[after.type], effective_config_of(spec, catalogue)) for spec in (before, after)]
    return configs[0] != configs[1]
