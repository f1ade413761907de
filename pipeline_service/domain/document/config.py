"""Holds a node's config against the fields of its type."""

import json
import re
from collections.abc import Mapping

from pipeline_service.domain.document.shapes import kind_of
from pipeline_service.domain.node_types import Field, FieldKind, NodeType
from pipeline_service.domain.values import JsonValue
from pipeline_service.domain.violations import Violations, spelled

MAX_CONFIG_BYTES = 64 * 1024


def check_config(place: str, config: Mapping[str, JsonValue], node_type: NodeType, violations: Violations) -> None:
    """Find unknown and missing fields, values of a wrong kind or out of range, and too many bytes."""
    for name, value in config.items():
        field = node_type.fields.get(name)
        if field is None:
            hint = violations.did_you_mean_or(name, node_type.fields, "it has")
            violations.add(f"{place}.{name}", f"'{node_type.name}' has no config field '{name}'{hint}")
        elif not _is_kind(value, field.kind):
            article = "an" if field.kind in (FieldKind.INTEGER, FieldKind.OBJECT) else "a"
            violations.add(f"{place}.{name}", f"expected {article} {field.kind}, found {kind_of(value)}")
        else:
            _check_choice(f"{place}.{name}", value, field, str(config.get("provider", "")), violations)
            _check_size(f"{place}.{name}", value, field, violations)
    for name, field in node_type.fields.items():
        provider = str(config.get("provider", ""))
        if name not in config and (field.required or provider in field.required_by):
            allowed = _allowed(field, provider)
            hint = f"; one of {spelled(allowed)}" if allowed else ""
            whose = f" with '{provider}'" if provider in field.required_by else ""
            violations.add(f"{place}.{name}", f"'{node_type.name}'{whose} needs the config field '{name}'{hint}")


def check_size(place: str, config: Mapping[str, JsonValue], violations: Violations) -> None:
    """Refuse a config that is too large to be kept, whatever its type says of it."""
    size = len(json.dumps(config, ensure_ascii=False).encode())
    if size > MAX_CONFIG_BYTES:
        violations.add(place, f"expected at most {MAX_CONFIG_BYTES} bytes as JSON, found {size}")


def _check_choice(where: str, value: JsonValue, field: Field, provider: str, violations: Violations) -> None:
    allowed = _allowed(field, provider)
    if not allowed or value in allowed:
        return
    word = str(value)
    if word in field.refused:
        violations.add(where, f"'{word}' {field.refused[word]}; expected one of {spelled(allowed)}")
        return
    whose = f" of '{provider}'" if provider in field.allowed_by_provider else ""
    hint = violations.did_you_mean(word, allowed)
    violations.add(where, f"expected one of {spelled(allowed)}{whose}, found '{word}'{hint}")


def _allowed(field: Field, provider: str) -> tuple[str, ...]:
    return field.allowed or field.allowed_by_provider.get(provider, ())


def _check_size(where: str, value: JsonValue, field: Field, violations: Violations) -> None:
    if isinstance(value, str) and field.max_length is not None and len(value) > field.max_length:
        violations.add(where, f"expected at most {field.max_length} characters, found {len(value)}")
    if isinstance(value, str) and field.pattern and not re.fullmatch(field.pattern, value):
        violations.add(where, f"expected {field.pattern_words}, found '{value[:80]}'")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if field.minimum is not None and value < field.minimum:
        violations.add(where, f"expected at least {field.minimum:g}, found {value}")
    if field.maximum is not None and value > field.maximum:
        violations.add(where, f"expected at most {field.maximum:g}, found {value}")
    if field.multiple_of is not None and value % field.multiple_of:
        wanted = "an even number" if field.multiple_of == 2 else f"a multiple of {field.multiple_of}"
        violations.add(where, f"expected {wanted}, found {value}")


def _is_kind(value: JsonValue, kind: FieldKind) -> bool:
    match kind:
        case FieldKind.STRING:
            return isinstance(value, str) and "\x00" not in value
        case FieldKind.BOOLEAN:
            return isinstance(value, bool)
        case FieldKind.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldKind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case FieldKind.OBJECT:
            return isinstance(value, dict) and _is_clean(value)


def _is_clean(value: JsonValue) -> bool:
    """No U+0000 in it: PostgreSQL cannot keep one."""
    match value:
        case str():
            return "\x00" not in value
        case list():
            return all(map(_is_clean, value))
        case dict():
            return all(_is_clean(key) and _is_clean(each) for key, each in value.items())
        case _:
            return True
