"""Who caused what: trace contexts as the W3C writes them (`traceparent`), and spans where somebody collects them.

A context is its header's text, `00-<trace>-<span>-<flags>`, so that it is carried through rows, messages and events as
it is. It is carried whether or not it is sampled, for the logs' sake; spans are made of sampled ones only, and only in
a process that has a sink. What that costs beside the SDK of OpenTelemetry is told in docs/adr/0024.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from typing import NamedTuple, TypeAlias

HEADER = "traceparent"
_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH = 55
_SAMPLED = frozenset("13579bdf")

Attributes: TypeAlias = Mapping[str, str | int | float | bool]

_current: ContextVar[str] = ContextVar("servicekit_trace", default="")


class Kind(IntEnum):
    """Which side of a hop a span is; the numbers are OpenTelemetry's."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Span(NamedTuple):
    """Something that took its time, and is over. Times are nanoseconds of the Unix clock."""

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first of its trace."""
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str
    """Why it failed, in a word; empty when it did not."""


Sink: TypeAlias = Callable[[Span], None]
"""Takes a span over; returns at once."""


def read_context(header: str) -> str:
    """The context of a header that came from outside; empty when there is none, or none that anybody can follow."""
    found = header[:_LENGTH]
    return found if _FORM.fullmatch(found) else ""


def current_context() -> str:
    """What the present task works for; empty when nobody knows."""
    return _current.get()


def trace_id_of(context: str) -> str:
    """What logs call a trace; empty for no context."""
    return context[3:35]


def is_sampled(context: str) -> bool:
    """Whether somebody wants the spans of this trace."""
    return context[-1:] in _SAMPLED


def below(context: str, span_id: str) -> str:
    """The context of another span of the same trace."""
    return f"{context[:36]}{span_id}{context[52:]}"


def new_span_id() -> str:
    # Ids tell spans apart and protect nothing.
    return f"{random.getrandbits(64) or 1:016x}"


class Tracer:
    """Makes spans of one process. Without a sink it hands contexts on as they are."""

    def __init__(self, sink: Sink | None = None, *, share: float = 1.0) -> None:
        """Of the traces that begin here, `share` (0 to 1) is sampled; others are as their beginning has it."""
        self._sink = sink
        self._share = share

    def wants(self, context: str) -> bool:
        """Whether a span below this context would reach anybody."""
        return self._sink is not None and context[-1:] in _SAMPLED

    def begin(self) -> str:
        """The context of a new trace, of which no span was made yet."""
        sampled = self._sink is not None and random.random() < self._share  # noqa: S311 - sampling
        return f"00-{random.getrandbits(128) or 1:032x}-{new_span_id()}-{'01' if sampled else '00'}"

    def record(
        self,
        name: str,
        *,
        parent: str,
        kind: Kind,
        start_ns: int,
        end_ns: int = 0,
        span_id: str = "",
        attributes: Attributes | None = None,
        error: str = "",
    ) -> str:
        """Tell of something that is over, now unless `end_ns` says when. Answers its context, `parent` if unwanted."""
        if self._sink is None or parent[-1:] not in _SAMPLED:
            return parent
        own = span_id or new_span_id()
        end = end_ns or time.time_ns()
        self._sink(Span(name, kind, parent[3:35], own, parent[36:52], start_ns, end, attributes or {}, error))
        return below(parent, own)

    @contextmanager
    def span(
        self, name: str, *, parent: str, kind: Kind, attributes: Attributes | None = None, is_first: bool = False
    ) -> Iterator[str]:
        """What is done inside works for this span; yields its context. Ends with the error that leaves it, if any.

        `is_first`: `parent` is of a trace that just began, so that this span has none above it.
        """
        # Put back as it was, not by a token: a stream's end may run in another context than its beginning.
        before = _current.get()
        if not self.wants(parent):
            _current.set(parent)
            try:
                yield parent
            finally:
                _current.set(before)
            return
        own, start_ns, error = new_span_id(), time.time_ns(), ""
        _current.set(below(parent, own))
        try:
            yield below(parent, own)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            _current.set(before)
            above = "" if is_first else parent[36:52]
            span = Span(name, kind, parent[3:35], own, above, start_ns, time.time_ns(), attributes or {}, error)
            if self._sink is not None:
                self._sink(span)
