"""Reads a document from plain JSON values."""

import re

from pipeline_service.domain.document.asset import read_asset
from pipeline_service.domain.document.checks import check_graph, check_node
from pipeline_service.domain.document.labels import read_labels
from pipeline_service.domain.document.shapes import as_object, as_text, check_keys
from pipeline_service.domain.document.values import Document, DocumentNode
from pipeline_service.domain.ids import NodeId, PipelineId
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.values import Json, JsonValue
from pipeline_service.domain.violations import Violation, Violations, did_you_mean

MAX_NODES = 2000
MAX_EDGES = 10_000
_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
_ID_RULE = "an id of a-z, 0-9 and '-', at most 63 characters, that begins with a letter or digit"


def read_document(raw: Json, catalogue: Catalogue) -> tuple[Document | None, tuple[Violation, ...]]:
    """Read and check a whole document. Answers it, or every problem that it has; never both."""
    violations = Violations()
    check_keys("", raw, ("id", "title", "version", "labels", "nodes"), violations)
    pipeline_id = _read_id("id", raw.get("id"), violations)
    title = as_text("title", raw.get("title", ""), violations, max_length=256)
    version = as_text("version", raw.get("version", ""), violations, max_length=64)
    labels = read_labels("labels", raw.get("labels", {}), violations)
    nodes = _read_nodes(raw.get("nodes"), catalogue, violations)
    if violations.found:
        return None, tuple(sorted(violations.found, key=_place_of))
    return Document(id=PipelineId(pipeline_id), title=title, version=version, labels=labels, nodes=nodes), ()


def read_node(raw: Json, catalogue: Catalogue) -> tuple[DocumentNode | None, tuple[Violation, ...]]:
    """Read one node as it stands in a document: its shape, not yet the rules of its type or its place in a graph."""
    violations = Violations()
    node = _read_node("node", dict(raw), catalogue, violations)
    return (None, tuple(violations.found)) if violations.found else (node, ())


def _read_nodes(raw: JsonValue, catalogue: Catalogue, violations: Violations) -> tuple[DocumentNode, ...]:
    if not isinstance(raw, list) or not raw:
        violations.add("nodes", "expected a list of at least one node")
        return ()
    if len(raw) > MAX_NODES:
        violations.add("nodes", f"expected at most {MAX_NODES} nodes, found {len(raw)}")
        return ()
    read = [_read_node(f"nodes[{index}]", value, catalogue, violations) for index, value in enumerate(raw)]
    nodes = {index: node for index, node in enumerate(read) if node is not None}
    _check_unique(nodes, violations)
    known = {node.id: node for node in nodes.values()}
    for index, node in nodes.items():
        check_node(f"nodes[{index}].", node, known, catalogue, violations)
    edges = sum(len(sources) for node in nodes.values() for sources in node.inputs.values())
    if edges > MAX_EDGES:
        violations.add("nodes", f"expected at most {MAX_EDGES} edges, found {edges}")
    check_graph(nodes, violations)
    return tuple(nodes.values())


def _read_node(place: str, raw: JsonValue, catalogue: Catalogue, violations: Violations) -> DocumentNode | None:
    node = as_object(place, raw, violations)
    if node is None:
        return None
    check_keys(place, node, ("id", "title", "labels", "type", "inputs", "config", "asset"), violations)
    node_id = _read_id(f"{place}.id", node.get("id"), violations)
    type_name = as_text(f"{place}.type", node.get("type"), violations)
    title = as_text(f"{place}.title", node.get("title", ""), violations, max_length=1024)
    labels = read_labels(f"{place}.labels", node.get("labels", {}), violations)
    inputs = _read_inputs(f"{place}.inputs", node.get("inputs", {}), violations)
    config = as_object(f"{place}.config", node.get("config", {}), violations) or {}
    node_type = catalogue.get(type_name)
    if node_type is None:
        if type_name:
            hint = did_you_mean(type_name, catalogue) or f"; expected one of {', '.join(sorted(catalogue))}"
            violations.add(f"{place}.type", f"unknown node type '{type_name}'{hint}")
        return DocumentNode(id=NodeId(node_id), type="", inputs=inputs, config=config) if node_id else None
    asset, content = read_asset(f"{place}.asset", node.get("asset"), node_type, violations)
    return DocumentNode(
        id=NodeId(node_id),
        type=type_name,
        title=title,
        labels=labels,
        inputs=inputs,
        config=config,
        asset=asset,
        content=content,
    )


def _read_inputs(place: str, raw: JsonValue, violations: Violations) -> dict[str, tuple[NodeId, ...]]:
    """Inputs by slot. A single id is as good as a list of one."""
    inputs: dict[str, tuple[NodeId, ...]] = {}
    for slot, value in (as_object(place, raw, violations) or {}).items():
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, str) for source in sources):
            violations.add(f"{place}.{slot}", "expected the id of a node or a list of ids")
            continue
        inputs[slot] = tuple(NodeId(str(source)) for source in sources)
    return inputs


def _read_id(place: str, raw: JsonValue, violations: Violations) -> str:
    text = as_text(place, raw, violations)
    if text and not _ID.match(text):
        violations.add(place, f"expected {_ID_RULE}, found '{text[:80]}'")
    return text


def _place_of(violation: Violation) -> tuple[list[int | str], str]:
    """In the order of the document, with numbers as numbers; what the sender did with its maps plays no part."""
    parts = re.split(r"\[(\d+)\]", violation.field)
    # Every second part is a number, so that like is compared with like.
    return [int(part) if part.isdigit() else part for part in parts], violation.description


def _check_unique(nodes: dict[int, DocumentNode], violations: Violations) -> None:
    first: dict[NodeId, int] = {}
    for index, node in nodes.items():
        if node.id and node.id in first:
            violations.add(f"nodes[{index}].id", f"'{node.id}' is the id of nodes[{first[node.id]}] already")
        first.setdefault(node.id, index)
