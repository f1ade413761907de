"""A page as it is asked for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    HAS = ":"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One term of a filter, checked: the field is the list's, the operator and the value are of its kind."""

    field: str
    key: str = ""
    """Of a label; else empty."""
    operator: Operator
    value: str | int | datetime


@dataclass(frozen=True)
class Negation:
    part: "Filter"


@dataclass(frozen=True)
class Conjunction:
    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Disjunction:
    parts: tuple["Filter", ...]


Filter: TypeAlias = Comparison | Negation | Conjunction | Disjunction
Cursor: TypeAlias = tuple[str | int | datetime | UUID, ...]
"""Where the page before ended: the value of the order's field, then what breaks ties, if that is needed."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Ties are broken by the name, in the same direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which rows of a list, in which order, behind which place, and how many at most."""

    limit: int
    filter: Filter | None = None
    order: Order | None = None
    """None is the list's own."""
    after: Cursor | None = None
