"""Digests: what a node *is* (spec) and what an execution *does* (work).

Both are SHA-256, in lower-case hex, over the canonical JSON of RFC 8785: key order and number spelling do not matter.
"""

import hashlib
from collections.abc import Mapping, Sequence

import orjson
import rfc8785

from pipeline_service.domain.node_types import NodeType
from pipeline_service.domain.values import Asset, Json, JsonValue

_SAFE_INTEGER = 2**53 - 1


def spec_digest(node_type: NodeType, *, config: Json, asset: Asset | None, inputs: Mapping[str, Sequence[str]]) -> str:
    """Digest of a node's structure. `config` is effective, `inputs` are the sources' spec digests by slot."""
    return _digest(
        {
            "type": node_type.name,
            "revision": node_type.revision,
            "config": affecting(node_type, config),
            "asset": _asset(asset),
            "inputs": {slot: list(digests) for slot, digests in inputs.items()},
        }
    )


def etag_of(text: str) -> str:
    """Short digest of a text that says what a user may edit, for `etag`."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def work_digest(node_type: NodeType, *, config: Json, asset: Asset | None, inputs: Mapping[str, Sequence[str]]) -> str:
    """Digest of an execution's work. As `spec_digest`, but `inputs` are the sources' content digests."""
    return "w" + spec_digest(node_type, config=config, asset=asset, inputs=inputs)


def plan_digest(pipeline: str, nodes: list[list[str]], *, force: bool) -> str:
    """Digest of what a run would do. `nodes` are name, action and spec digest of each, in the order of the document."""
    told: list[JsonValue] = [list(node) for node in nodes]
    return _digest({"pipeline": pipeline, "force": force, "nodes": told})


def effective_config(node_type: NodeType, *, config: Json, title: str, has_prompt_input: bool) -> dict[str, JsonValue]:
    """The document's values over the type's defaults; the title becomes the prompt where there is none."""
    effective: dict[str, JsonValue] = {
        name: field.default for name, field in node_type.fields.items() if field.default is not None
    }
    effective.update(config)
    given = effective.get(node_type.prompt_field)
    if node_type.title_is_prompt and not has_prompt_input and not (isinstance(given, str) and given.strip()):
        effective[node_type.prompt_field] = title
    return effective


def affecting(node_type: NodeType, config: Json) -> dict[str, JsonValue]:
    """The part of a config that the output depends on. Of fields that the type does not know, nothing is known."""
    known = node_type.fields
    return {name: value for name, value in config.items() if name not in known or known[name].affects_output}


def _asset(asset: Asset | None) -> JsonValue:
    if asset is None:
        return None
    return {"type": asset.type.value, "sha256": asset.sha256, "url": asset.url}


def _digest(value: dict[str, JsonValue]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: dict[str, JsonValue]) -> bytes:
    """RFC 8785; orjson writes the same, far faster, but for some numbers and the order of some keys."""
    if _is_plain(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps({name: _in_doubles(inner) for name, inner in value.items()})


def _in_doubles(value: JsonValue) -> JsonValue:
    """Large integers as the doubles that they are to JSON: Postgres gives back 1e300 as an integer of 301 digits."""
    match value:
        case bool():
            return value
        case int() if abs(value) > _SAFE_INTEGER:
            return float(value)
        case list():
            return [_in_doubles(inner) for inner in value]
        case dict():
            return {name: _in_doubles(inner) for name, inner in value.items()}
    return value


def _is_plain(value: JsonValue) -> bool:
    """No fractions, no integers that JSON may hold otherwise, and no keys whose order depends on their encoding."""
    # Asked about every value of every node that is made: in the order of how often each kind is met.
    if isinstance(value, str | bool) or value is None:
        return True
    if isinstance(value, int):
        return -_SAFE_INTEGER <= value <= _SAFE_INTEGER
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(str.isascii, value)) and all(map(_is_plain, value.values()))
    return False
