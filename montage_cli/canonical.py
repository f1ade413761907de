"""The one text of a document: always the same bytes for the same pipeline, in the order in which people write."""

import json
from collections.abc import Mapping

from montage_cli.json_values import LARGEST_INTEGER, JsonValue
from montage_cli.yaml_writer import yaml_text

_OF_PIPELINE = ("id", "title", "version", "labels", "nodes")
_OF_NODE = ("id", "type", "title", "labels", "inputs", "config", "retry", "asset")
_OF_CONFIG = ("provider",)
_OF_ASSET = ("type", "source", "content")


def document_text(document: Mapping[str, JsonValue], *, is_json: bool) -> str:
    """The canonical text of a document."""
    value = canonical(document)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n" if is_json else yaml_text(value)


def canonical(document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The same document with its keys in their order: a message's mappings have none. Nodes and inputs keep theirs."""
    ordered = _ordered(document, _OF_PIPELINE)
    nodes = ordered.get("nodes")
    if isinstance(nodes, list):
        ordered["nodes"] = [_node(node) if isinstance(node, dict) else node for node in nodes]
    return ordered


def _node(node: Mapping[str, JsonValue]) -> JsonValue:
    ordered = _ordered(node, _OF_NODE)
    config, asset = ordered.get("config"), ordered.get("asset")
    if isinstance(config, dict):
        ordered["config"] = in_order(config)
    if isinstance(asset, dict):
        ordered["asset"] = _ordered(asset, _OF_ASSET)
    return ordered


def in_order(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A node's config as an export writes it."""
    return _ordered(config, _OF_CONFIG)


def _ordered(mapping: Mapping[str, JsonValue], first: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """`first` as far as they are there, then the rest by name."""
    keys = [*(key for key in first if key in mapping), *sorted(mapping.keys() - set(first))]
    return {key: _value(mapping[key]) for key in keys}


def _value(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return _ordered(value)
        case list():
            return [_value(item) for item in value]
        # All numbers come as doubles; whole ones are written as they were typed.
        case float() if value.is_integer() and abs(value) <= LARGEST_INTEGER:
            return int(value)
    return value
