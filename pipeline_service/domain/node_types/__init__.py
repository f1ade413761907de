"""The node types, by name: one module for each, data and nothing else."""

from collections.abc import Mapping

from pipeline_service.domain.node_types.asset import ASSET
from pipeline_service.domain.node_types.base import Field, FieldKind, NodeType, Slot
from pipeline_service.domain.node_types.compose_video import COMPOSE_VIDEO
from pipeline_service.domain.node_types.generate_animation import ANIMATION
from pipeline_service.domain.node_types.generate_talking_head import TALKING_HEAD
from pipeline_service.domain.node_types.generate_voiceover import VOICEOVER
from pipeline_service.domain.node_types.invoke_lambda import INVOKE_LAMBDA
from pipeline_service.domain.node_types.merge_videos import MERGE_VIDEOS
from pipeline_service.domain.node_types.mix_audio import MIX_AUDIO
from pipeline_service.domain.node_types.noop import NOOP
from pipeline_service.domain.node_types.render_code import RENDER_CODE

__all__ = ["Catalogue", "Field", "FieldKind", "NodeType", "Slot", "build_catalogue", "paid_vendors"]

Catalogue = Mapping[str, NodeType]


def build_catalogue(*, with_test_types: bool = False) -> Catalogue:
    """Every node type by name; the test types only when asked for."""
    types = [
        ASSET, VOICEOVER, TALKING_HEAD, ANIMATION, RENDER_CODE, MIX_AUDIO, MERGE_VIDEOS, COMPOSE_VIDEO,
        INVOKE_LAMBDA,
    ]  # fmt: skip
    if with_test_types:
        types.append(NOOP)
    return {node_type.name: node_type for node_type in types}


def paid_vendors(catalogue: Catalogue) -> frozenset[str]:
    """Providers that charge. The task queue of each has its name."""
    return frozenset().union(*(node_type.paid for node_type in catalogue.values()))
