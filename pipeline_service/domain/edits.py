"""Edits of single nodes, as edits of the document that a pipeline is equal to."""

from dataclasses import replace

from pipeline_service.domain.document import Document, DocumentNode, Violation
from pipeline_service.domain.document.checks import check_graph
from pipeline_service.domain.document.reading import MAX_EDGES, MAX_NODES, edge_count
from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.violations import Violations


def put_node(document: Document, node: DocumentNode) -> tuple[Document, tuple[Violation, ...]]:
    """Add a node at the end, or put it in the place of the one with its id. Answers why that cannot be, if it cannot.

    What only breaks the rules of the node's type is no reason: such a node is saved with its problems.
    """
    ids = [other.id for other in document.nodes]
    if node.id in ids:
        nodes = tuple(node if other.id == node.id else other for other in document.nodes)
    else:
        nodes = (*document.nodes, node)
    edited = replace(document, nodes=nodes)
    return edited, _refusals(edited, node)


def without_node(document: Document, node_id: NodeId) -> Document:
    """Remove a node and every reference to it: lists lose the entry, slots that held only it are gone."""
    return replace(
        document,
        nodes=tuple(_forgetting(node, node_id) for node in document.nodes if node.id != node_id),
    )


def _forgetting(node: DocumentNode, gone: NodeId) -> DocumentNode:
    kept = {slot: tuple(source for source in sources if source != gone) for slot, sources in node.inputs.items()}
    return replace(node, inputs={slot: sources for slot, sources in kept.items() if sources})


def _refusals(document: Document, node: DocumentNode) -> tuple[Violation, ...]:
    violations = Violations()
    known = [other.id for other in document.nodes]
    for slot, sources in node.inputs.items():
        for source in sources:
            if source not in known:
                violations.add(f"node.inputs.{slot}", f"no node '{source}'{violations.did_you_mean(source, known)}")
    if len(document.nodes) > MAX_NODES:
        violations.add("node", f"expected at most {MAX_NODES} nodes in a pipeline, found {len(document.nodes)}")
    edges = edge_count(document.nodes)
    if edges > MAX_EDGES:
        violations.add("node.inputs", f"expected at most {MAX_EDGES} edges in a pipeline, found {edges}")
    if not violations.found:
        check_graph(dict.fromkeys(known, "node"), document.nodes, violations)
    return tuple(violations.found)
