"""Hands spans to a collector: OTLP over HTTP as JSON, or lines of the same JSON in a file. By a thread, in batches."""

import http.client
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson
import structlog

from servicekit.tracing import Attributes, Span

MAX_BATCH = 512
MAX_WAITING = 20_000
"""Past that spans are dropped: a collector that is away must cost no more than this."""
_EVERY_S = 1.0
_TRIES = 3
_CALL_TIMEOUT_S = 5.0
_TRACES = "/v1/traces"
_FAILED = 2

CountSpans: TypeAlias = Callable[[str, int], None]
"""Called with the outcome (`exported`, `dropped`, `failed`) and how many."""


class SpanExporter:
    """Takes spans from any thread. `close` sends what is left."""

    def __init__(self, endpoint: str, *, service: str, version: str = "", count: CountSpans | None = None) -> None:
        """`endpoint` is `http(s)://host[:port][/path]`, to which `/v1/traces` is added, or `file:///path`."""
        parts = urlsplit(endpoint)
        self._send: Callable[[bytes], None] = (
            _File(parts.path).send if parts.scheme == "file" else _Collector(endpoint).send
        )
        self._resource = {"service.name": service, "service.version": version}
        self._count = count or _count_nothing
        self._waiting: deque[Span] = deque()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._is_away = False
        self._log = structlog.get_logger("servicekit.tracing")
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        """Returns at once; drops the span when too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            self._count("dropped", 1)
            return
        self._waiting.append(span)
        if len(self._waiting) == MAX_BATCH:
            self._wanted.set()

    def close(self, *, within_s: float = _CALL_TIMEOUT_S) -> None:
        """Send what is left, or give up on it. Safe to repeat."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(_EVERY_S)
            self._wanted.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            self._count("exported" if self._sent(encode(batch, resource=self._resource)) else "failed", len(batch))

    def _sent(self, body: bytes) -> bool:
        for attempt in range(_TRIES):
            try:
                self._send(body)
            except (OSError, http.client.HTTPException) as error:
                if not self._is_away:
                    self._log.warning("spans_not_exported", reason=f"{type(error).__name__}: {error}")
                self._is_away = True
                if self._stopping.wait(0.2 * 2**attempt):
                    return False
            else:
                self._is_away = False
                return True
        return False


def encode(spans: Sequence[Span], *, resource: Attributes) -> bytes:
    """An ExportTraceServiceRequest as OTLP writes it in JSON: ids in hexadecimal, times as decimal text."""
    scope = {"scope": {"name": "montage"}, "spans": [_span(span) for span in spans]}
    return orjson.dumps({"resourceSpans": [{"resource": {"attributes": _pairs(resource)}, "scopeSpans": [scope]}]})


def _span(span: Span) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
    }
    if span.error:
        encoded["status"] = {"code": _FAILED, "message": span.error}
    return encoded


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: str | float | bool) -> dict[str, Any]:  # noqa: FBT001 - a value of any kind
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}


class _File:
    """Lines of many processes: each is one write, which the kernel does not mix with another's."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def send(self, body: bytes) -> None:
        os.write(self._file, body + b"\n")


class _Collector:
    """One connection at a time; a broken one is made anew with the next call."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.hostname or "", parts.port, timeout=_CALL_TIMEOUT_S)
        self._path = parts.path.rstrip("/") + _TRACES

    def send(self, body: bytes) -> None:
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if answer.status >= http.client.BAD_REQUEST:
            raise http.client.HTTPException(f"the collector answered {answer.status}")


def _count_nothing(_outcome: str, _number: int) -> None:
    return None
