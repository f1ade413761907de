"""A document as read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline_service.domain.ids import NodeId, PipelineId
from pipeline_service.domain.values import Asset, JsonValue


@dataclass(frozen=True, kw_only=True)
class DocumentNode:
    """One node of a document."""

    id: NodeId
    type: str
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[NodeId, ...]]
    config: Mapping[str, JsonValue]
    asset: Asset | None = None
    content: bytes | None = None
    """The asset's bytes when the document holds them; they belong into the store under `asset.sha256`."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole pipeline as a user wrote it. References, slots and config are good."""

    id: PipelineId
    title: str
    version: str
    labels: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[DocumentNode, ...]
