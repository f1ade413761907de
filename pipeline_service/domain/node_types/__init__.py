"""The node types, by name."""

from collections.abc import Mapping

from pipeline_service.domain.node_types.asset import ASSET
from pipeline_service.domain.node_types.base import Field, FieldKind, NodeType, Slot
from pipeline_service.domain.node_types.editing import COMPOSE_VIDEO, MERGE_VIDEOS, MIX_AUDIO
from pipeline_service.domain.node_types.generation import ANIMATION, RENDER_CODE, TALKING_HEAD, VOICEOVER
from pipeline_service.domain.node_types.noop import NOOP

__all__ = ["Catalogue", "Field", "FieldKind", "NodeType", "Slot", "build_catalogue"]

Catalogue = Mapping[str, NodeType]


def build_catalogue(*, with_test_types: bool = False) -> Catalogue:
    """Every node type by name; the test types only when asked for."""
    types = [
        ASSET, VOICEOVER, TALKING_HEAD, ANIMATION, RENDER_CODE, MIX_AUDIO, MERGE_VIDEOS, COMPOSE_VIDEO,
    ]  # fmt: skip
    if with_test_types:
        types.append(NOOP)
    return {node_type.name: node_type for node_type in types}
