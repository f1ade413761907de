"""Reads a document from plain JSON values, in the style of `id` and in that of `uuid`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pipeline_service.domain.document.asset import read_asset
from pipeline_service.domain.document.checks import MAX_INPUTS_PER_SLOT, check_graph, check_node
from pipeline_service.domain.document.config import check_size
from pipeline_service.domain.document.labels import read_labels
from pipeline_service.domain.document.names import Name, as_id, read_name
from pipeline_service.domain.document.retry import read_retry
from pipeline_service.domain.document.shapes import as_object, as_text, check_keys
from pipeline_service.domain.document.values import Document, DocumentNode
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.values import Json, JsonValue
from pipeline_service.domain.violations import Violation, Violations

MAX_NODES = 2000
MAX_EDGES = 10_000
MAX_TITLE, MAX_NODE_TITLE, MAX_VERSION = 256, 1024, 64


def read_document(raw: Json, catalogue: Catalogue) -> tuple[Document | None, tuple[Violation, ...]]:
    """Read and check a whole document. Answers it, or every problem that it has; never both."""
    violations = Violations()
    check_keys("", raw, ("id", "uuid", "title", "version", "labels", "config", "nodes"), violations)
    name = read_name("", raw, violations)
    _check_settings(raw.get("config"), violations)
    title = as_text("title", raw.get("title", ""), violations, max_length=MAX_TITLE)
    version = as_text("version", raw.get("version", ""), violations, max_length=MAX_VERSION)
    labels = read_labels("labels", raw.get("labels", {}), violations)
    nodes = _read_nodes(raw.get("nodes"), catalogue, violations)
    if violations.found:
        return None, tuple(sorted(violations.found, key=_place_of))
    uid = PipelineUid(name.uid) if name.uid else None
    return Document(id=PipelineId(name.id), uid=uid, title=title, version=version, labels=labels, nodes=nodes), ()


def read_node(raw: Json, catalogue: Catalogue) -> tuple[DocumentNode | None, tuple[Violation, ...]]:
    """Read one node as it stands in a document: its shape, not yet the rules of its type or its place in a graph.

    Its uid is the service's to give.
    """
    violations = Violations()
    read = _read_node("node", dict(raw), catalogue, violations)
    if read is None or violations.found:
        return None, tuple(violations.found)
    return replace(read.node, uid=None), ()


def _read_nodes(raw: JsonValue, catalogue: Catalogue, violations: Violations) -> tuple[DocumentNode, ...]:
    if not isinstance(raw, list) or not raw:
        violations.add("nodes", "expected a list of at least one node")
        return ()
    if len(raw) > MAX_NODES:
        violations.add("nodes", f"expected at most {MAX_NODES} nodes, found {len(raw)}")
        return ()
    read = [_read_node(f"nodes[{index}]", value, catalogue, violations) for index, value in enumerate(raw)]
    nodes = {index: one.node for index, one in enumerate(read) if one is not None}
    _check_unique([one for one in read if one is not None], violations)
    known = {node.id: node for node in nodes.values()}
    for index, node in nodes.items():
        check_node(f"nodes[{index}].", node, known, catalogue, violations)
    edges = edge_count(nodes.values())
    if edges > MAX_EDGES:
        violations.add("nodes", f"expected at most {MAX_EDGES} edges, found {edges}")
    check_graph({node.id: f"nodes[{index}]" for index, node in nodes.items()}, nodes.values(), violations)
    return tuple(nodes.values())


def edge_count(nodes: Iterable[DocumentNode]) -> int:
    """How many inputs nodes have in all."""
    return sum(len(sources) for node in nodes for sources in node.inputs.values())


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A node, and how the document calls it."""

    node: DocumentNode
    name: Name


def _read_node(place: str, raw: JsonValue, catalogue: Catalogue, violations: Violations) -> _Read | None:
    node = as_object(place, raw, violations)
    if node is None:
        return None
    check_keys(place, node, ("id", "uuid", "title", "labels", "type", "inputs", "config", "retry", "asset"), violations)
    name = read_name(f"{place}.", node, violations)
    type_name = as_text(f"{place}.type", node.get("type"), violations)
    title = as_text(f"{place}.title", node.get("title", ""), violations, max_length=MAX_NODE_TITLE)
    labels = read_labels(f"{place}.labels", node.get("labels", {}), violations)
    retry = read_retry(f"{place}.retry", node.get("retry", {}), violations)
    inputs = _read_inputs(f"{place}.inputs", node.get("inputs", {}), violations)
    config = as_object(f"{place}.config", node.get("config", {}), violations) or {}
    check_size(f"{place}.config", config, violations)
    node_type = catalogue.get(type_name)
    if node_type is None:
        if type_name or node.get("type") == "":
            hint = violations.did_you_mean_or(type_name, sorted(catalogue), "expected one of")
            violations.add(f"{place}.type", f"unknown node type '{type_name}'{hint}")
        bare = DocumentNode(id=NodeId(name.id), type="", inputs=inputs, config=config)
        return _Read(node=bare, name=name) if name.id else None
    asset, content = read_asset(f"{place}.asset", node.get("asset"), node_type, violations)
    full = DocumentNode(
        id=NodeId(name.id),
        uid=NodeUid(name.uid) if name.uid else None,
        type=type_name,
        title=title,
        labels=labels,
        retry=retry,
        inputs=inputs,
        config=config,
        asset=asset,
        content=content,
    )
    return _Read(node=full, name=name)


def _read_inputs(place: str, raw: JsonValue, violations: Violations) -> dict[str, tuple[NodeId, ...]]:
    """Inputs by slot. A single id is as good as a list of one."""
    inputs: dict[str, tuple[NodeId, ...]] = {}
    for slot, value in (as_object(place, raw, violations) or {}).items():
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, str) for source in sources):
            violations.add(f"{place}.{slot}", "expected the id of a node or a list of ids")
            continue
        if len(sources) > MAX_INPUTS_PER_SLOT:
            violations.add(f"{place}.{slot}", f"expected at most {MAX_INPUTS_PER_SLOT} nodes, found {len(sources)}")
        inputs[slot] = tuple(NodeId(as_id(str(source))) for source in sources)
    return inputs


def _check_settings(raw: JsonValue, violations: Violations) -> None:
    """A pipeline's own `config` says where a client works and stores. It is understood, and not kept."""
    if raw is None:
        return
    config = as_object("config", raw, violations) or {}
    check_keys("config", config, ("storage", "workingDirectory"), violations)
    storage = as_object("config.storage", config.get("storage", {}), violations) or {}
    check_keys("config.storage", storage, ("bucket", "prefix"), violations)
    as_text("config.workingDirectory", config.get("workingDirectory", ""), violations)
    for key in ("bucket", "prefix"):
        as_text(f"config.storage.{key}", storage.get(key, ""), violations)


def _place_of(violation: Violation) -> tuple[list[int | str], str]:
    """In the order of the document, with numbers as numbers; what the sender did with its maps plays no part."""
    parts = re.split(r"\[(\d+)\]", violation.field)
    # Every second part is a number, so that like is compared with like.
    return [int(part) if part.isdigit() else part for part in parts], violation.description


def _check_unique(read: Sequence[_Read], violations: Violations) -> None:
    ids: dict[str, str] = {}
    uids: dict[UUID, str] = {}
    for name in (one.name for one in read):
        owner = name.place.rpartition(".")[0]
        if name.id and name.id in ids:
            violations.add(name.place, f"'{name.id}' is the id of {ids[name.id]} already")
        elif name.uid in uids:
            violations.add(f"{owner}.uuid", f"'{name.uid}' is the uuid of {uids[name.uid]} already")
        ids.setdefault(name.id, owner)
        if name.uid is not None:
            uids.setdefault(name.uid, owner)
