"""A pipeline as the document that an import takes."""

from collections.abc import Mapping, Sequence

from google.protobuf import struct_pb2

from pipeline_service.commands.views import NodeView, SnapshotView
from pipeline_service.domain.values import Asset, JsonValue
from pipeline_service.wire.values import struct


def document_message(view: SnapshotView) -> struct_pb2.Struct:
    """Everything that an import needs to make the same pipeline; what is empty is left out."""
    pipeline = view.pipeline
    document: dict[str, JsonValue] = {"id": pipeline.id}
    if pipeline.title:
        document["title"] = pipeline.title
    if pipeline.version:
        document["version"] = pipeline.version
    if pipeline.labels:
        document["labels"] = dict(pipeline.labels)
    return struct(document | {"nodes": [_node(node) for node in view.nodes]})


def _node(view: NodeView) -> JsonValue:
    spec = view.spec
    node: dict[str, JsonValue] = {"id": spec.id, "type": spec.type}
    if spec.title:
        node["title"] = spec.title
    if spec.labels:
        node["labels"] = dict(spec.labels)
    if spec.retry:
        node["retry"] = dict(spec.retry)
    if spec.asset:
        node["asset"] = _asset(spec.asset)
    if view.inputs:
        node["inputs"] = _inputs(view.inputs)
    if spec.config:
        node["config"] = dict(spec.config)
    return node


def _asset(asset: Asset) -> JsonValue:
    return {"type": asset.type.value, "source": asset.url or f"asset:sha256/{asset.sha256}.{asset.extension}"}


def _inputs(inputs: Mapping[str, Sequence[str]]) -> JsonValue:
    return {slot: [str(source) for source in sources] for slot, sources in inputs.items()}
