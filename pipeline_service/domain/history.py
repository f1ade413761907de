"""What a pipeline's history says about an import that it contains."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from uuid import UUID

from pipeline_service.domain.ids import NodeId, PipelineUid
from pipeline_service.domain.states import EventType

_SPAN = re.compile(r"/history/([0-9a-f-]{36})/(\d+)-(\d+)\Z")


@dataclass(frozen=True, kw_only=True)
class Span:
    """The events of one import."""

    pipeline_uid: PipelineUid
    first: int
    last: int
    """Sequence numbers, both of them included."""

    def __str__(self) -> str:
        """As it stands behind the name of its pipeline."""
        return f"history/{self.pipeline_uid}/{self.first}-{self.last}"

    @classmethod
    def read(cls, name: str) -> "Span | None":
        """The span that a name ends with, if it does."""
        found = _SPAN.search(name)
        return found and cls(pipeline_uid=PipelineUid(UUID(found[1])), first=int(found[2]), last=int(found[3]))


@dataclass(frozen=True, kw_only=True)
class NodeEvent:
    """That a node was made, edited or removed."""

    sequence: int
    type: EventType
    node_id: NodeId
    position: int | None
    """Where the node stands today; None when it is gone."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What an import did, by ids."""

    added: tuple[NodeId, ...]
    changed: tuple[NodeId, ...]
    removed: tuple[NodeId, ...]
    unchanged: tuple[NodeId, ...]
    """As far as they are there today in the order of the document, the others behind them."""


def difference(events: Iterable[NodeEvent], span: Span) -> Difference:
    """The difference that an import made. `events` are all of its pipeline up to the end of the span, in sequence."""
    there: dict[NodeId, float] = {}
    found: dict[EventType, list[NodeId]] = {
        kind: [] for kind in (EventType.NODE_CREATED, EventType.NODE_UPDATED, EventType.NODE_DELETED)
    }
    for event in events:
        if event.type is EventType.NODE_CREATED:
            there[event.node_id] = inf if event.position is None else event.position
        elif event.type is EventType.NODE_DELETED:
            there.pop(event.node_id, None)
        if event.sequence >= span.first:
            found[event.type].append(event.node_id)
    touched = {*found[EventType.NODE_CREATED], *found[EventType.NODE_UPDATED]}
    return Difference(
        added=tuple(found[EventType.NODE_CREATED]),
        changed=tuple(found[EventType.NODE_UPDATED]),
        removed=tuple(found[EventType.NODE_DELETED]),
        unchanged=tuple(node for node in sorted(there, key=there.__getitem__) if node not in touched),
    )
