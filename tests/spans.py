"""Spans as a collector gets them: lines of OTLP in JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Told:
    """A span, and who told of it."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    error: str


def read_spans(path: Path) -> list[Told]:
    """All spans of a file, in the order in which they were told."""
    return [span for line in path.read_text().splitlines() for span in _of_request(json.loads(line))]


def way_up(span: Told, spans: Sequence[Told]) -> list[str]:
    """Who caused a span, up to the first of its trace: `service: name`, the span itself first."""
    by_id = {one.span_id: one for one in spans}
    way: list[str] = []
    above: Told | None = span
    while above is not None:
        way.append(f"{above.service}: {above.name}")
        above = by_id.get(above.parent_id)
    return way


def _of_request(request: dict[str, Any]) -> Iterator[Told]:
    for resource in request["resourceSpans"]:
        service = _values(resource["resource"]["attributes"])["service.name"]
        for span in (one for scope in resource["scopeSpans"] for one in scope["spans"]):
            yield Told(
                service=service,
                name=span["name"],
                kind=span["kind"],
                trace_id=span["traceId"],
                span_id=span["spanId"],
                parent_id=span["parentSpanId"],
                start_ns=int(span["startTimeUnixNano"]),
                end_ns=int(span["endTimeUnixNano"]),
                attributes=_values(span.get("attributes", [])),
                error=span.get("status", {}).get("message", ""),
            )


def _values(pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}
