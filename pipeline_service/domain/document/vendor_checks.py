"""Refuses what a node's vendor would refuse, where the document alone tells: before anything is run or bought."""

from collections.abc import Mapping, Sequence

from pipeline_service.domain.document.values import DocumentNode
from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.node_types import NodeType
from pipeline_service.domain.node_types.vendor_makes import Animator, Model, Screen
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.violations import Violations, spelled


def check_vendor(
    prefix: str,
    node: DocumentNode,
    known: Mapping[NodeId, DocumentNode],
    node_type: NodeType,
    violations: Violations,
) -> None:
    """Hold a node against what its provider makes. Values of a wrong kind were told before, and are left out."""
    provider = str(node.config.get("provider", ""))
    screen, animator = node_type.screens.get(provider), node_type.animators.get(provider)
    if screen is not None:
        _check_screen(f"{prefix}config", node, node_type, screen, violations)
    if animator is not None:
        _check_animator(prefix, node, known, node_type, animator, violations)


def _check_screen(place: str, node: DocumentNode, node_type: NodeType, screen: Screen, violations: Violations) -> None:
    size = tuple(_value(node, node_type, side) for side in ("width", "height"))
    if all(isinstance(side, int) for side in size) and size not in screen.sizes():
        made = ", ".join(f"{width}x{height}" for width, height in screen.sizes())
        violations.add(f"{place}.width", f"{screen.source} makes {made}; found {size[0]}x{size[1]}")


def _check_animator(
    prefix: str,
    node: DocumentNode,
    known: Mapping[NodeId, DocumentNode],
    node_type: NodeType,
    animator: Animator,
    violations: Violations,
) -> None:
    place, has_picture = f"{prefix}config", bool(node.inputs.get(node_type.prompt_not_needed_with))
    prompt = _prompt(node, known, node_type)
    _check_prompt_length(prefix, node, node_type, animator, prompt, violations)
    usual = animator.usual_with_picture if has_picture else animator.usual_without
    name = node.config.get("model", usual)
    model = animator.models.get(name) if isinstance(name, str) else None
    if model is None:
        if isinstance(name, str):
            violations.add(f"{place}.model", f"{animator.source} has {spelled(tuple(animator.models))}; found '{name}'")
        return
    if not has_picture and not model.shapes_without_picture:
        violations.add(f"{place}.model", f"{animator.source}: '{name}' needs an input 'referenceImage'")
        return
    if model.needs_prompt and prompt == "":
        violations.add(f"{place}.model", f"{animator.source}: '{name}' needs a prompt, also with a picture")
    whose = f"'{name}' of {animator.source}"
    _check_made(place, node, node_type, model, whose=whose, has_picture=has_picture, violations=violations)


def _check_made(
    place: str,
    node: DocumentNode,
    node_type: NodeType,
    model: Model,
    *,
    whose: str,
    has_picture: bool,
    violations: Violations,
) -> None:
    shapes = model.shapes if has_picture else model.shapes_without_picture
    shape, duration = _value(node, node_type, "aspectRatio"), _value(node, node_type, "duration")
    if isinstance(shape, str) and shape not in shapes:
        violations.add(f"{place}.aspectRatio", f"{whose} makes {', '.join(shapes)}; found {shape}")
    is_number = isinstance(duration, int | float) and not isinstance(duration, bool)
    if is_number and duration not in model.seconds:
        violations.add(f"{place}.duration", f"{whose} makes {_listed(model.seconds)} s; found {duration:g}")


def _check_prompt_length(
    prefix: str,
    node: DocumentNode,
    node_type: NodeType,
    animator: Animator,
    prompt: str | None,
    violations: Violations,
) -> None:
    if prompt is None or animator.most_prompt_units is None:
        return
    units = len(prompt.encode("utf-16-le", "surrogatepass")) // 2
    if units > animator.most_prompt_units:
        is_connected = bool(node.inputs.get(node_type.prompt_slot))
        where = f"inputs.{node_type.prompt_slot}" if is_connected else f"config.{node_type.prompt_field}"
        most = animator.most_prompt_units
        violations.add(f"{prefix}{where}", f"{animator.source} takes prompts of {most} characters; found {units}")


def _prompt(node: DocumentNode, known: Mapping[NodeId, DocumentNode], node_type: NodeType) -> str | None:
    """What is asked for; empty when nothing is; None when that is not known yet, or of a wrong kind."""
    sources = node.inputs.get(node_type.prompt_slot)
    if sources:
        source = known.get(sources[0])
        if source is None or source.content is None or source.asset is None or source.asset.type is not MediaType.TEXT:
            return None
        return source.content.decode().strip()
    given = node.config.get(node_type.prompt_field, "")
    return (given.strip() or node.title.strip()) if isinstance(given, str) else None


def _value(node: DocumentNode, node_type: NodeType, name: str) -> object:
    """What a field says, or what counts when it says nothing."""
    return node.config.get(name, node_type.fields[name].default)


def _listed(seconds: Sequence[int]) -> str:
    """`2 to 10` for what has no gap, else each."""
    if len(seconds) > 2 and seconds[-1] - seconds[0] == len(seconds) - 1:
        return f"{seconds[0]} to {seconds[-1]}"
    return ", ".join(map(str, seconds))
