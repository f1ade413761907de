"""Holds nodes against what their types say."""

from collections.abc import Iterable, Mapping

from pipeline_service.domain.document.config import check_config
from pipeline_service.domain.document.values import DocumentNode
from pipeline_service.domain.document.vendor_checks import check_vendor
from pipeline_service.domain.graph import find_cycle
from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.node_types import Catalogue, NodeType, Slot
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.violations import Violations

MAX_INPUTS_PER_SLOT = 64
_SHOWN_OF_CIRCLE = 12


def check_node(
    prefix: str,
    node: DocumentNode,
    known: Mapping[NodeId, DocumentNode],
    catalogue: Catalogue,
    violations: Violations,
) -> None:
    """Hold a node against its type. `prefix` goes before `config.…` and `inputs.…`."""
    node_type = catalogue.get(node.type)
    if node_type is not None:
        check_config(f"{prefix}config", node.config, node_type, violations)
        _check_prompt(prefix, node, node_type, violations)
        check_vendor(prefix, node, known, node_type, violations)
    check_inputs(f"{prefix}inputs", node, known, catalogue, violations)


def _check_prompt(prefix: str, node: DocumentNode, node_type: NodeType, violations: Violations) -> None:
    """A generating node must be told what to make: by an input, a text of its config, or its title."""
    if not node_type.title_is_prompt or node.inputs.get(node_type.prompt_slot):
        return
    if node_type.prompt_not_needed_with and node.inputs.get(node_type.prompt_not_needed_with):
        return
    text = node.config.get(node_type.prompt_field)
    # What is there and no text is a problem of its own.
    is_told = bool(text.strip()) if isinstance(text, str) else text is not None
    if not is_told and not node.title.strip():
        field = node_type.prompt_field
        violations.add(
            f"{prefix}inputs.{node_type.prompt_slot}",
            f"'{node_type.name}' needs an input '{node_type.prompt_slot}', the config field '{field}' or a title",
        )


def check_inputs(
    place: str,
    node: DocumentNode,
    known: Mapping[NodeId, DocumentNode],
    catalogue: Catalogue,
    violations: Violations,
) -> None:
    """Hold a node's inputs against its type: known slots, counts, references, kinds of material."""
    node_type = catalogue.get(node.type)
    for slot_name, sources in node.inputs.items():
        where = f"{place}.{slot_name}"
        slot = node_type.slots.get(slot_name) if node_type else None
        if node_type and slot is None:
            hint = violations.did_you_mean_or(slot_name, node_type.slots, "it has")
            violations.add(where, f"'{node_type.name}' has no input slot '{slot_name}'{hint}")
        for source in sources:
            _check_source(where, node, source, slot, known, catalogue, violations)
    if node_type:
        _check_counts(place, node, node_type, violations)


def check_graph(places: Mapping[NodeId, str], nodes: Iterable[DocumentNode], violations: Violations) -> None:
    """Refuse a graph in which a node needs itself, directly or through others. `places` say where each node stands."""
    inputs = {
        node.id: [source for sources in node.inputs.values() for source in sources if source in places]
        for node in nodes
    }
    cycle = find_cycle(inputs)
    if cycle:
        shown = [*cycle[:_SHOWN_OF_CIRCLE], *(["…", cycle[-1]] if len(cycle) > _SHOWN_OF_CIRCLE else [])]
        violations.add(f"{places[cycle[0]]}.inputs", f"the nodes need each other in a circle: {' → '.join(shown)}")


def _check_source(
    where: str,
    node: DocumentNode,
    source: NodeId,
    slot: Slot | None,
    known: Mapping[NodeId, DocumentNode],
    catalogue: Catalogue,
    violations: Violations,
) -> None:
    found = known.get(source)
    if found is None:
        others = (other for other in known if other != node.id)
        violations.add(where, f"no node '{source}'{violations.did_you_mean(source, others)}")
        return
    makes = _material_of(found, catalogue)
    if slot is not None and makes is not None and makes not in slot.accepts:
        takes = " or ".join(slot.accepts)
        violations.add(where, f"takes {takes}, but node '{source}' makes {makes}")


def _check_counts(place: str, node: DocumentNode, node_type: NodeType, violations: Violations) -> None:
    for name, slot in node_type.slots.items():
        count = len(node.inputs.get(name, ()))
        where = f"{place}.{name}"
        most = slot.max_count
        if count < slot.min_count:
            wanted = "a node" if slot.min_count == 1 else f"at least {slot.min_count} nodes"
            violations.add(where, f"'{node_type.name}' needs {wanted} in slot '{name}', found {count or 'none'}")
        # More than may be kept at all was told when the document was read.
        if most < count <= MAX_INPUTS_PER_SLOT:
            wanted = "one node" if most == 1 else f"at most {most} nodes"
            violations.add(where, f"slot '{name}' takes {wanted}, found {count}")


def _material_of(node: DocumentNode, catalogue: Catalogue) -> MediaType | None:
    if node.asset is not None:
        return node.asset.type
    node_type = catalogue.get(node.type)
    if node_type is None:
        return None
    told = node.config.get(node_type.makes_field)
    return MediaType(told) if isinstance(told, str) and told in list(MediaType) else node_type.makes
