"""Drafts: a pipeline's shadow, made beside it by vendors that cost nothing.

The shadow is a pipeline of its own, `film~draft` of `film`. No user can give an id with `~`, so it collides with none.
Every node of it has `draft: true` in its config, so every digest of it is another one than any of a pipeline that a
user wrote: neither takes over a result of the other.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from pipeline_service.domain.document import Document, DocumentNode
from pipeline_service.domain.ids import PipelineId
from pipeline_service.domain.model import Structure
from pipeline_service.domain.node_types import Catalogue, Field, FieldKind, NodeType
from pipeline_service.domain.structure import document_of
from pipeline_service.domain.values import Json, JsonValue

DRAFT_FIELD = "draft"
_SUFFIX = "~draft"
_FREE = "local"
_MARK = Field(kind=FieldKind.BOOLEAN, description="Whether it is a draft; a user cannot say so.")


def draft_id(pipeline_id: PipelineId) -> PipelineId:
    """What the shadow of a pipeline is called."""
    return PipelineId(pipeline_id + _SUFFIX)


def is_draft(pipeline_id: PipelineId) -> bool:
    """Whether a pipeline is the shadow of another one."""
    return pipeline_id.endswith(_SUFFIX)


def draft_catalogue(catalogue: Catalogue) -> Catalogue:
    """The node types as they are in drafts: each knows the field that marks it as one."""
    return {
        name: replace(node_type, fields={**node_type.fields, DRAFT_FIELD: _MARK})
        for name, node_type in catalogue.items()
    }


def draft_document(structure: Structure, catalogue: Catalogue, *, title: str, version: str) -> Document:
    """A pipeline as its shadow is to be: the same graph, without anybody who charges."""
    document = document_of(structure, title=f"DRAFT {title}".strip(), version=version)
    nodes = tuple(_as_draft(node, catalogue[node.type]) for node in document.nodes)
    return replace(document, id=draft_id(document.id), nodes=nodes)


def _as_draft(node: DocumentNode, node_type: NodeType) -> DocumentNode:
    is_paid = node.config.get("provider") in node_type.paid
    config = _for_free(node.config, node_type) if is_paid else dict(node.config)
    return replace(node, config={**config, DRAFT_FIELD: True})


def _for_free(config: Json, node_type: NodeType) -> dict[str, JsonValue]:
    """The same settings for the free vendor. What it has other names for is left out, or one of its own is chosen."""
    settings: Mapping[str, tuple[str, ...]] = {
        name: field.allowed_by_provider.get(_FREE, ()) for name, field in node_type.fields.items()
    }
    free: dict[str, JsonValue] = {**config, "provider": _FREE}
    for name, known in settings.items():
        if not known or name not in free or free[name] in known:
            continue
        if node_type.fields[name].required:
            free[name] = _one_of(known, str(free[name]))
        else:
            del free[name]
    return free


def _one_of(known: tuple[str, ...], name: str) -> str:
    """The same for the same name, so that two avatars stay two and one stays one."""
    return known[hashlib.sha256(name.encode()).digest()[0] % len(known)]
