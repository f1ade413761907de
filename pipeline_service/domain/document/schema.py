"""The JSON Schema of documents, made from the node types, so that an editor knows what may be written.

It says what one place may hold: keys, kinds, choices, ranges. What lies between places (references, material that
fits, circles, prompts) only the service says. Draft 7, because editors for YAML know no later one well.
"""

from collections.abc import Iterable, Mapping

from pipeline_service.domain.document.asset import MAX_SOURCE_CHARS
from pipeline_service.domain.document.checks import MAX_INPUTS_PER_SLOT
from pipeline_service.domain.document.labels import KEY_PATTERN, MAX_LABELS, VALUE_PATTERN
from pipeline_service.domain.document.reading import MAX_NODE_TITLE, MAX_NODES, MAX_TITLE, MAX_VERSION
from pipeline_service.domain.document.retry import LIMITS
from pipeline_service.domain.node_types import Catalogue, Field, NodeType, Slot
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import JsonValue

Schema = dict[str, JsonValue]

_ID = "^[a-z0-9][a-z0-9-]{0,62}$"
# A UUID may be written with capitals.
_REFERENCE: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,62}$"}


def document_schema(catalogue: Catalogue) -> Schema:
    """What a document may hold, as a JSON Schema."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Montage pipeline",
        **_named(),
        **_closed(
            {
                **_naming(MAX_TITLE),
                "version": {"type": "string", "maxLength": MAX_VERSION, "description": "Free text of the author."},
                "config": _closed(
                    {
                        "storage": _closed({"bucket": {"type": "string"}, "prefix": {"type": "string"}}),
                        "workingDirectory": {"type": "string"},
                    },
                    description="Understood and not kept.",
                ),
                "nodes": {"type": "array", "minItems": 1, "maxItems": MAX_NODES, "items": _node(catalogue)},
            },
            required=["nodes"],
        ),
        "definitions": {name: _of_type(node_type) for name, node_type in catalogue.items()},
    }


def _node(catalogue: Catalogue) -> Schema:
    kinds: Schema = {"type": "string", "enum": list(catalogue), "description": "What the node does."}
    parts: Schema = {
        **_naming(MAX_NODE_TITLE),
        "type": kinds,
        "inputs": {},
        "config": {},
        "retry": _retry(),
        "asset": {},
    }
    rules: list[JsonValue] = [
        {"if": _is("type", name), "then": {"$ref": f"#/definitions/{name}"}} for name in catalogue
    ]
    return {**_named(), **_closed(parts, required=["type"]), "allOf": rules}


def _of_type(node_type: NodeType) -> Schema:
    """What the node's type demands of its `inputs`, `config` and `asset`."""
    is_asset = node_type.makes is None
    parts: Schema = {
        "inputs": _inputs(node_type.slots),
        "config": _config(node_type),
        "asset": _asset() if is_asset else False,
    }
    needed = [name for name in ("inputs", "config") if _required_of(parts[name])]
    return {
        "description": node_type.description,
        "properties": parts,
        "required": [*needed, *(["asset"] if is_asset else [])],
    }


def _inputs(slots: Mapping[str, Slot]) -> Schema:
    return _closed(
        {name: _slot(slot) for name, slot in slots.items()},
        required=[name for name, slot in slots.items() if slot.min_count],
    )


def _slot(slot: Slot) -> Schema:
    most = min(slot.max_count, MAX_INPUTS_PER_SLOT)
    ids: Schema = {"type": "array", "minItems": slot.min_count, "maxItems": most, "items": _REFERENCE}
    takes = f"{slot.description} Takes {' or '.join(slot.accepts)}."
    # A bare id is as good as a list of one.
    return {"description": takes, "anyOf": [_REFERENCE, ids]} if slot.min_count <= 1 else {"description": takes, **ids}


def _config(node_type: NodeType) -> Schema:
    fields = node_type.fields
    schema = _closed(
        {name: _field(field) for name, field in fields.items()},
        required=[name for name, field in fields.items() if field.required],
    )
    rules: list[JsonValue] = [
        {"if": _is("provider", provider), "then": {"properties": {name: {"enum": list(values)}}}}
        for name, field in fields.items()
        for provider, values in field.allowed_by_provider.items()
    ]
    rules += [
        {"if": _is("provider", provider), "then": {"required": [name]}}
        for name, field in fields.items()
        for provider in sorted(field.required_by)
    ]
    return schema | ({"allOf": rules} if rules else {})


def _field(field: Field) -> Schema:
    limits: Mapping[str, JsonValue] = {
        "enum": list(field.allowed) or None,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "multipleOf": field.multiple_of,
        "maxLength": field.max_length,
        "pattern": field.pattern or None,
        "default": field.default,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    return {"type": field.kind.value, "description": field.description, **given}


def _retry() -> Schema:
    """What of the node type's retry policy is other for one node."""
    keys: Schema = {
        key: {
            "type": "integer" if limit.is_whole else "number",
            "minimum": limit.minimum,
            "maximum": limit.maximum,
        }
        for key, limit in LIMITS.items()
    }
    return {**_closed(keys, required=[]), "description": "What of its node type's retries is other; intervals in s."}


def _asset() -> Schema:
    """Bytes that lie elsewhere, or text or JSON in place."""
    source: Schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_SOURCE_CHARS,
        "description": "A path relative to the document, 'asset:sha256/<hex>.<ext>' or an https URL.",
    }
    content: Schema = {"description": "Text or JSON in place of a source."}
    media: list[JsonValue] = [kind.value for kind in MediaType if kind not in (MediaType.TEXT, MediaType.JSON)]
    rules: list[JsonValue] = [
        {"if": _is("type", MediaType.TEXT), "then": {"properties": {"content": {"type": "string", "minLength": 1}}}},
        {"if": {"properties": {"type": {"enum": media}}}, "then": {"properties": {"content": False}}},
    ]
    kinds: Schema = {"type": "string", "enum": [kind.value for kind in MediaType]}
    parts: Schema = {"type": kinds, "source": source, "content": content}
    either: list[JsonValue] = [{"required": ["source"]}, {"required": ["content"]}]
    return {**_closed(parts, required=["type"]), "oneOf": either, "allOf": rules}


def _naming(max_title: int) -> Schema:
    labels: Schema = {
        "type": "object",
        "maxProperties": MAX_LABELS,
        "propertyNames": {"pattern": KEY_PATTERN},
        "additionalProperties": {"type": "string", "pattern": VALUE_PATTERN},
        "description": "The user's own marks.",
    }
    return {
        "id": {"type": "string", "pattern": _ID},
        "uuid": _REFERENCE,
        "title": {"type": "string", "maxLength": max_title},
        "labels": labels,
    }


def _named() -> Schema:
    return {"anyOf": [{"required": ["id"]}, {"required": ["uuid"]}]}


def _is(key: str, value: str) -> Schema:
    return {"properties": {key: {"const": str(value)}}, "required": [key]}


def _closed(properties: Schema, *, required: Iterable[str] = (), description: str = "") -> Schema:
    """A mapping with these keys and no other."""
    needed: list[JsonValue] = list(required)
    return {
        "type": "object",
        **({"description": description} if description else {}),
        "properties": properties,
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
    }


def _required_of(schema: JsonValue) -> bool:
    return isinstance(schema, dict) and "required" in schema
