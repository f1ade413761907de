"""A document as read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.values import Asset, JsonValue


@dataclass(frozen=True, kw_only=True)
class DocumentNode:
    """One node of a document."""

    id: NodeId
    uid: NodeUid | None = None
    """The UUID that a new node is to keep; None lets the service give one."""
    type: str
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    retry: Mapping[str, float] = field(default_factory=dict)
    """Numbers of its retry policy that are other than those of its node type, by their keys in a document."""
    inputs: Mapping[str, tuple[NodeId, ...]]
    config: Mapping[str, JsonValue]
    asset: Asset | None = None
    content: bytes | None = None
    """The asset's bytes when the document holds them; they belong into the store under `asset.sha256`."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole pipeline as a user wrote it. References, slots and config are good."""

    id: PipelineId
    uid: PipelineUid | None = None
    """The UUID that a new pipeline is to keep; None lets the service give one."""
    title: str
    version: str
    labels: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[DocumentNode, ...]

    @property
    def uids(self) -> tuple[UUID, ...]:
        """Every UUID that the document wants to keep."""
        return tuple(uid for uid in (self.uid, *(node.uid for node in self.nodes)) if uid is not None)

    def without_uids(self, taken: Collection[UUID]) -> "Document":
        """The document without the UUIDs that it cannot keep, because they name something else."""
        return replace(
            self,
            uid=None if self.uid in taken else self.uid,
            nodes=tuple(replace(node, uid=None) if node.uid in taken else node for node in self.nodes),
        )
