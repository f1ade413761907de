"""The shapes of a document's values."""

from collections.abc import Collection

from pipeline_service.domain.values import Json, JsonValue
from pipeline_service.domain.violations import Violations


def as_object(place: str, raw: JsonValue, violations: Violations) -> dict[str, JsonValue] | None:
    if isinstance(raw, dict):
        return raw
    violations.add(place, f"expected a mapping, found {kind_of(raw)}")
    return None


def as_text(place: str, raw: JsonValue, violations: Violations, *, max_length: int = 65_536) -> str:
    """The text, or an empty one with a violation. A missing value is a violation too."""
    if not isinstance(raw, str):
        violations.add(place, f"expected text, found {kind_of(raw)}")
        return ""
    if len(raw) > max_length:
        violations.add(place, f"expected at most {max_length} characters, found {len(raw)}")
        return ""
    if "\x00" in raw:
        violations.add(place, "expected text without the character U+0000")
        return ""
    return raw


def check_keys(place: str, raw: Json, known: Collection[str], violations: Violations) -> None:
    for key in raw:
        if key not in known:
            where = f"{place}.{key}" if place else key
            violations.add(where, f"unknown field '{key}'{violations.did_you_mean_or(key, known, 'there are')}")


def kind_of(raw: JsonValue) -> str:
    """The kind of a value in a user's words, with the value where it is short."""
    match raw:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(raw).lower()}"
        case int() | float():
            return f"the number {raw}"
        case str():
            return f"the text '{raw[:40]}'"
        case list():
            return "a list"
        case _:
            return "a mapping"
