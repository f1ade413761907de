"""Filters as conditions of a statement. Values are always parameters."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from pipeline_service.domain.lists.values import (
    Comparison,
    Conjunction,
    Disjunction,
    Filter,
    Negation,
    Operator,
)


class Parameters:
    """The parameters of a statement, in the order of their numbers."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def add(self, value: object) -> str:
        """The place of a value in the statement."""
        self.values.append(value)
        return f"${len(self.values)}"


Column = Callable[[Comparison, Parameters], str]
"""A comparison as a condition that is true or false, never NULL: it may be negated."""


def condition(filter_: Filter, columns: Mapping[str, Column], parameters: Parameters) -> str:
    """The condition of a filter whose fields all have columns."""
    match filter_:
        case Comparison():
            return columns[filter_.field](filter_, parameters)
        case Negation(part):
            return f"(NOT {condition(part, columns, parameters)})"
        case Conjunction(parts):
            return f"({' AND '.join(condition(part, columns, parameters) for part in parts)})"
        case Disjunction(parts):
            return f"({' OR '.join(condition(part, columns, parameters) for part in parts)})"


def plain(expression: str, *, words: Mapping[str, str] | None = None) -> Column:
    """A column that is never NULL. `words` are the column's for the filter's."""

    def column(one: Comparison, parameters: Parameters) -> str:
        value: str | int | datetime = words[str(one.value)] if words else one.value
        if one.operator is Operator.HAS:
            return f"{expression} ILIKE {parameters.add(_anywhere(str(value)))}"
        operator = "<>" if one.operator is Operator.NOT_EQUAL else one.operator.value
        return f"{expression} {operator} {parameters.add(value)}"

    return column


def counted(columns: Mapping[str, str]) -> Column:
    """How many there are of each word, in a column of its own: equal is any, not equal is none."""

    def column(one: Comparison, _parameters: Parameters) -> str:
        return f"{columns[str(one.value)]} {'>' if one.operator is Operator.EQUAL else '='} 0"

    return column


def labels(expression: str) -> Column:
    """A JSON object of labels. That it is not empty is said for the index, which has no others."""

    def column(one: Comparison, parameters: Parameters) -> str:
        if one.operator is Operator.HAS:
            return f"({expression} ? {parameters.add(one.key or one.value)} AND {expression} <> '{{}}')"
        equal = f"({expression} @> {parameters.add({one.key: one.value})} AND {expression} <> '{{}}')"
        return equal if one.operator is Operator.EQUAL else f"(NOT {equal})"

    return column


def _anywhere(text: str) -> str:
    """A pattern for text that contains another; none of its characters is special."""
    escaped = re.sub(r"([%_\\])", r"\\\1", text)
    return f"%{escaped}%"
