"""Edits of nodes and pipelines, from the contract's messages to what a document would say."""

from collections.abc import Sequence

from google.protobuf import json_format, struct_pb2
from montage.v1 import node_service_pb2, resources_pb2

from pipeline_service.domain.engine.resolving import Resolution
from pipeline_service.domain.ids import PipelineId
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import JsonValue
from pipeline_service.domain.violations import did_you_mean
from pipeline_service.wire.names import parse_target
from pipeline_service.wire.retries import retry_value
from pipeline_service.wire.values import Incomplete, json_object, media_type_value

EDITABLE = ("title", "labels", "retry", "inputs", "config", "asset")
CONFIG_DEPTH = 3
"""Levels of a document above what stands in a config: its nodes, the node, the config."""


def node_parts(
    message: resources_pb2.Node, pipeline: PipelineId, *, fields: Sequence[str] = EDITABLE
) -> dict[str, JsonValue]:
    """The named parts of a node as a document would hold them. Raises Incomplete."""
    parts: dict[str, JsonValue] = {}
    if "title" in fields:
        parts["title"] = message.title
    if "labels" in fields:
        parts["labels"] = dict(message.labels)
    if "retry" in fields:
        parts["retry"] = retry_value(message.retry)
    if "inputs" in fields:
        parts["inputs"] = _inputs(message, pipeline)
    if "config" in fields:
        parts["config"] = json_object(message.config, field="node.config", above=CONFIG_DEPTH)
    if "asset" in fields:
        parts["asset"] = _asset(message.asset) if message.HasField("asset") else None
    return parts


def masked(paths: Sequence[str], *, allowed: Sequence[str]) -> list[str]:
    """The paths of a field mask, each once. Raises Incomplete for none, and for a path that cannot change."""
    if not paths:
        raise Incomplete("update_mask", f"expected at least one of {', '.join(allowed)}")
    unknown = [path for path in paths if path not in allowed]
    if unknown:
        word = unknown[0][:80]
        raise Incomplete("update_mask", f"expected {', '.join(allowed)}; found '{word}'{did_you_mean(word, allowed)}")
    return [path for path in allowed if path in paths]


def _inputs(message: resources_pb2.Node, pipeline: PipelineId) -> JsonValue:
    inputs: dict[str, JsonValue] = {}
    for one in message.inputs:
        if one.slot in inputs:
            raise Incomplete("node.inputs", f"slot '{one.slot[:80]}' is given twice")
        try:
            inputs[one.slot] = [str(parse_target(pipeline, name)) for name in one.nodes]
        except ValueError as error:
            raise Incomplete(f"node.inputs.{one.slot}", str(error)) from error
    return inputs


def _asset(message: resources_pb2.Asset) -> JsonValue:
    media_type = media_type_value(message.type, field="node.asset.type")
    asset: dict[str, JsonValue] = {"type": media_type.value}
    if message.source:
        asset["source"] = message.source
    if message.content:
        asset["content"] = _json(message.content) if media_type is MediaType.JSON else message.content
    return asset


def _json(text: str) -> JsonValue:
    """The value that a JSON text says, as a document would hold it."""
    try:
        value = json_format.Parse(text, struct_pb2.Value())
    except (json_format.ParseError, RecursionError) as error:
        raise Incomplete("node.asset.content", f"expected JSON: {str(error)[:200]}") from error
    holder = struct_pb2.Struct(fields={"content": value})
    return json_object(holder, field="node.asset")["content"]


def resolution_of(message: node_service_pb2.ResolveNodeRequest) -> Resolution:
    """What a person found out about a submission; neither a job nor another submission gives up."""
    return Resolution(
        job_id=message.adopt_job_id.replace("\x00", ""),
        submits_again=message.WhichOneof("resolution") == "submit_again",
    )
