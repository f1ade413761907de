"""Spans reach a collector as OpenTelemetry's own message, and a collector that is away costs nothing but the spans."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from servicekit.otlp import MAX_WAITING, SpanExporter
from servicekit.tracing import Kind, Span
from tests.patience import PATIENCE_S
from tests.spans import read_spans

TRACE = "0af7651916cd43dd8448eb211c80319c"


def a_span(name: str = "work", *, error: str = "") -> Span:
    attributes = {"text": "a", "whole": 2**60, "share": 0.5, "yes": True}
    return Span(name, Kind.SERVER, TRACE, "b7ad6b7169203331", "00f067aa0ba902b7", 10**18, 10**18 + 7, attributes, error)


class Collector(HTTPServer):
    def __init__(self, *, status: int = 200) -> None:
        self.bodies: list[tuple[str, str, bytes]] = []
        self.status = status
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(PATIENCE_S)


def as_protobuf(body: bytes) -> ExportTraceServiceRequest:
    """OTLP writes ids in hexadecimal, where JSON of protobuf has base64."""
    request = json.loads(body)
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for field in ("traceId", "spanId", "parentSpanId"):
            span[field] = json_format.MessageToDict(
                trace_pb2.Span(trace_id=bytes.fromhex(span[field])), preserving_proto_field_name=True
            ).get("trace_id", "")
    return json_format.ParseDict(request, ExportTraceServiceRequest())


def test_collector_gets_what_the_message_of_opentelemetry_can_hold(collector: Collector) -> None:
    exporter = SpanExporter(collector.url, service="pipeline", version="7")
    exporter.put(a_span(error="ABORTED"))
    exporter.close()

    ((path, content_type, body),) = collector.bodies
    told = as_protobuf(body).resource_spans[0]
    (span,) = told.scope_spans[0].spans
    assert (path, content_type) == ("/v1/traces", "application/json")
    assert {pair.key: pair.value.string_value for pair in told.resource.attributes} == {
        "service.name": "pipeline",
        "service.version": "7",
    }
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == (
        TRACE,
        "b7ad6b7169203331",
        "00f067aa0ba902b7",
    )
    assert (span.kind, span.start_time_unix_nano, span.end_time_unix_nano) == (2, 10**18, 10**18 + 7)
    assert (span.status.code, span.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, "ABORTED")
    values = {pair.key: pair.value for pair in span.attributes}
    assert (values["text"].string_value, values["whole"].int_value) == ("a", 2**60)
    assert (values["share"].double_value, values["yes"].bool_value) == (0.5, True)


def test_collector_that_refuses_costs_the_spans_and_is_counted(collector: Collector) -> None:
    counted: list[tuple[str, int]] = []
    collector.status = 503
    exporter = SpanExporter(collector.url, service="x", count=lambda *one: counted.append(one))

    exporter.put(a_span())
    exporter.close()

    assert counted == [("failed", 1)]


def test_spans_past_the_bound_are_dropped_and_counted(tmp_path: Path) -> None:
    counted: list[tuple[str, int]] = []
    exporter = SpanExporter(f"file://{tmp_path / 'x'}", service="x", count=lambda *one: counted.append(one))
    exporter.close()

    for _ in range(MAX_WAITING + 3):
        exporter.put(a_span())

    assert counted == [("dropped", 1)] * 3


def test_processes_share_a_file_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    exporters = [SpanExporter(f"file://{file}", service=name) for name in ("one", "two")]

    for exporter in exporters:
        exporter.put(a_span())
    for exporter in exporters:
        exporter.close()

    assert sorted(span.service for span in read_spans(file)) == ["one", "two"]
