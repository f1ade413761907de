"""Reads one comparison of a filter and holds it against the fields of its list."""

import re
from datetime import UTC, datetime

from pipeline_service.domain.lists.errors import InvalidFilter
from pipeline_service.domain.lists.fields import OPERATORS, FilterField, Kind, Listing
from pipeline_service.domain.lists.scanner import Scanner
from pipeline_service.domain.lists.values import Comparison, Operator
from pipeline_service.domain.violations import did_you_mean, spelled

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"-?\d{1,9}")
ANY = "*"


def read_comparison(scanner: Scanner, listing: Listing) -> Comparison:
    """`field operator value`, or `labels.key operator value`. Raises InvalidFilter."""
    column = scanner.column
    name = scanner.name()
    field = listing.fields.get(name)
    if field is None:
        hint = did_you_mean(name, listing.fields) or f"; there are {spelled(listing.fields)}"
        raise InvalidFilter(column, f"there is no field '{name[:80]}'{hint}")
    key = ""
    if field.kind is Kind.LABELS and scanner.take("."):
        key = scanner.name()
    spelling = f"{name}.{key}" if key else name
    column = scanner.column
    operator = scanner.operator(spelling)
    allowed = OPERATORS[field.kind] if key or field.kind is not Kind.LABELS else (Operator.HAS,)
    if operator not in allowed:
        raise InvalidFilter(column, f"'{spelling}' takes {spelled(allowed)}, found '{operator}'")
    column = scanner.column
    text = scanner.value(f"{spelling} {operator}")
    if key and operator is Operator.HAS and text != ANY:
        raise InvalidFilter(column, f"expected '{ANY}' behind '{spelling}:', found '{text[:80]}'")
    return Comparison(field=name, key=key, operator=operator, value=_value(text, field, column))


def _value(text: str, field: FilterField, column: int) -> str | int | datetime:
    match field.kind:
        case Kind.WORD if text not in field.words:
            hint = did_you_mean(text, field.words)
            raise InvalidFilter(column, f"expected one of {spelled(field.words)}, found '{text[:80]}'{hint}")
        case Kind.NUMBER:
            if not _NUMBER.fullmatch(text):
                raise InvalidFilter(column, f"expected a whole number, found '{text[:80]}'")
            return int(text)
        case Kind.TIME:
            return _time(text, column)
    if "\x00" in text:
        raise InvalidFilter(column, "expected text without the character U+0000")
    return text


def _time(text: str, column: int) -> datetime:
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # No such day, or one that lies outside the calendar in UTC: refused like any other text.
    raise InvalidFilter(column, f"expected a time like 2026-01-31T18:00:00Z (RFC 3339), found '{text[:80]}'")
