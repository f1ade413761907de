"""The fields that each list can be filtered and ordered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline_service.domain.lists.values import Operator, Order
from pipeline_service.domain.states import EventType, ExecutionState, NodeState, RunState


class Kind(StrEnum):
    TEXT = "text"
    WORD = "word"
    NUMBER = "number"
    TIME = "time"
    LABELS = "labels"
    UUID = "uuid"


_COMPARING = tuple(one for one in Operator if one is not Operator.HAS)
OPERATORS: Mapping[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (Operator.EQUAL, Operator.NOT_EQUAL, Operator.HAS),
    Kind.WORD: (Operator.EQUAL, Operator.NOT_EQUAL),
    Kind.NUMBER: _COMPARING,
    Kind.TIME: _COMPARING,
    Kind.LABELS: (Operator.EQUAL, Operator.NOT_EQUAL, Operator.HAS),
}


@dataclass(frozen=True, kw_only=True)
class FilterField:
    kind: Kind
    words: tuple[str, ...] = ()
    """What a WORD may be."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What one list can do."""

    fields: Mapping[str, FilterField]
    orders: Mapping[str, Kind]
    tie: Kind | None = None
    """What breaks ties; None where the order's field is unique."""
    default: Order

    def cursor_kinds(self, order: Order) -> tuple[Kind, ...]:
        """Of a cursor's parts in this order."""
        return (self.orders[order.field], *((self.tie,) if self.tie else ()))


_TEXT, _NUMBER, _TIME, _LABELS = (FilterField(kind=kind) for kind in (Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.LABELS))


def _words(states: type[StrEnum]) -> FilterField:
    return FilterField(kind=Kind.WORD, words=tuple(state.value for state in states))


PIPELINES = Listing(
    fields={"title": _TEXT, "labels": _LABELS, "create_time": _TIME, "state": _words(NodeState)},
    orders={"create_time": Kind.TIME, "title": Kind.TEXT},
    tie=Kind.TEXT,
    default=Order(field="create_time", descending=True),
)
NODES = Listing(
    fields={"state": _words(NodeState), "type": _TEXT, "title": _TEXT, "labels": _LABELS, "create_time": _TIME},
    orders={"position": Kind.NUMBER, "title": Kind.TEXT, "create_time": Kind.TIME},
    tie=Kind.TEXT,
    default=Order(field="position"),
)
RUNS = Listing(
    fields={"state": _words(RunState), "create_time": _TIME},
    orders={"create_time": Kind.TIME},
    tie=Kind.UUID,
    default=Order(field="create_time", descending=True),
)
EXECUTIONS = Listing(
    fields={
        "state": _words(ExecutionState),
        "attempt": _NUMBER,
        "provider": _TEXT,
        "error_type": _TEXT,
        "create_time": _TIME,
    },
    orders={"create_time": Kind.TIME},
    tie=Kind.UUID,
    default=Order(field="create_time", descending=True),
)
EVENTS = Listing(
    fields={"type": _words(EventType), "node": _TEXT, "state": _TEXT, "create_time": _TIME},
    orders={"sequence": Kind.NUMBER},
    default=Order(field="sequence"),
)
