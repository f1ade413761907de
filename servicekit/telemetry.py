"""Logs as JSON lines without secrets, and a metrics registry that belongs to the process, not to the module."""

import functools
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, GCCollector, Info, PlatformCollector, ProcessCollector

from servicekit.otlp import SpanExporter
from servicekit.tracing import Tracer, current_context, trace_id_of

REDACTED = "[redacted]"

# Names of fields whose value is a secret whatever it looks like. `key` alone is not among them: store keys are ids.
_SECRET_NAME = re.compile(
    r"(?i)(^|[_-])(password|passwd|secret|token|cap|capability|authorization|cookie|credential|credentials|"
    r"api[_-]?key|secret[_-]?key|private[_-]?key|access[_-]?key|hmac|signature)$"
)
# The query of a URL may carry a capability or a signature: the path says enough.
_URL_QUERY = re.compile(r"(?P<path>(?:https?|nats|tls|postgresql)://[^\s?#\"'<>]*)\?[^\s#\"'<>]+")
_CAPABILITY = re.compile(r"(?P<name>(?:^|[?&\s])cap=)[^\s&\"'<>]+")
_USER_INFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://[^\s:/@]+):[^\s/@]+@")
_BEARER = re.compile(r"(?i)(?P<scheme>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}")
_AWS_SIGNATURE = re.compile(r"(?i)(?P<name>x-amz-(?:signature|credential|security-token)=)[^\s&\"'<>]+")
_WORST = logging.CRITICAL
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
}
_CONSOLE = structlog.dev.ConsoleRenderer(colors=False, timestamp_key="time")
_ENCODER = json.JSONEncoder(default=repr)
_MAX_DEPTH = 6
_REMEMBERED_NAMES = 1024
_TWO_WORDS = 2

_PATTERNS = (
    (_URL_QUERY, r"\g<path>?" + REDACTED),
    (_CAPABILITY, r"\g<name>" + REDACTED),
    (_USER_INFO, r"\g<scheme>:" + REDACTED + "@"),
    (_BEARER, r"\g<scheme>" + REDACTED),
    (_AWS_SIGNATURE, r"\g<name>" + REDACTED),
)


class LogLevel:
    """The least important that is logged; may be changed while the process works."""

    def __init__(self, configured: str) -> None:
        self._configured = logging.getLevelNamesMapping()[configured.upper()]
        self._level = self._configured

    def toggle(self) -> None:
        """All there is of ours; or, when that is so already, as it was configured."""
        self._level = self._configured if self._level == logging.DEBUG else logging.DEBUG
        name = logging.getLevelName(self._level).lower()
        structlog.get_logger("servicekit.telemetry").warning("log_level_changed", now=name)

    def __call__(self, _logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor, and not its class of loggers, which would be fixed for those that are bound."""
        if _LEVELS.get(method, _WORST) < self._level:
            raise structlog.DropEvent
        return event


def configure_logging(
    *, service: str, level: str = "info", form: str = "json", stream: TextIO | None = None
) -> LogLevel:
    """Send structlog and the standard library's log as lines to `stream` (standard error). Call once, first thing.

    `form` is `json`, or `console` for people who watch.

    Each line has `event`, `level`, `time` (ISO, UTC), `service`, `logger`, `trace_id` where the work belongs to a
    trace, and the fields of the call.
    """
    # gRPC's C core writes plain lines of its own to standard error; what matters of them reaches us as errors of calls.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    threshold = LogLevel(level)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Named(service),
    ]
    last: list[Any] = [
        structlog.processors.format_exc_info,
        redact_event,
        structlog.processors.JSONRenderer(_as_json_line) if form == "json" else _CONSOLE,
    ]
    structlog.configure(
        processors=[threshold, *shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=_LineLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(shared, last, stream or sys.stderr)
    return threshold


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: no secret leaves, neither by its name nor inside a text."""
    return {name: _redact_field(name, value, 0) for name, value in event.items()}


def redact_text(text: str) -> str:
    """`text` without capabilities, signed queries, passwords in URLs and authorization values."""
    # One of these is in whatever the patterns find. Ids, words and times have none, and nearly all of a log is those.
    if "://" not in text and "=" not in text and len(text.split(maxsplit=1)) < _TWO_WORDS:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def new_metrics_registry(*, service: str, version: str) -> CollectorRegistry:
    """A registry of our own with process, platform and garbage collector metrics and `service_info`."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    Info("service", "What runs here.", registry=registry).info({"service": service, "version": version})
    return registry


@contextmanager
def exporting_tracer(
    endpoint: str | None, *, share: float, service: str, version: str, registry: CollectorRegistry
) -> Iterator[Tracer]:
    """A tracer that exports to `endpoint`, or nowhere; what is left is sent at the end. Counts spans by outcome."""
    if endpoint is None:
        yield Tracer()
        return
    spans = Counter("service_spans", "Spans by what became of them.", ["outcome"], registry=registry)
    exporter = SpanExporter(
        endpoint,
        service=service,
        version=version,
        count=lambda outcome, number: spans.labels(outcome=outcome).inc(number),
    )
    try:
        yield Tracer(exporter.put, share=share)
    finally:
        exporter.close()


class _Named:
    """Adds who speaks, the service and the logger inside of it, and for which trace."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", self._service)
        name = getattr(logger, "name", None)
        if name is not None:
            event.setdefault("logger", name)
        context = current_context()
        if context:
            event.setdefault("trace_id", trace_id_of(context))
        return event


class _LineLogger:
    """Writes a line and flushes it: the last line before a crash is the one that matters."""

    def __init__(self, stream: TextIO, name: str | None) -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

    log = debug = info = warn = warning = error = err = critical = exception = fatal = failure = msg


class _LineLoggerFactory:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, *args: Any) -> _LineLogger:
        return _LineLogger(self._stream, args[0] if args else None)


def _route_standard_library(shared: list[Any], last: list[Any], stream: TextIO) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries narrate their own life at INFO, and at DEBUG also what they sign; ours is told by our events.
    root.setLevel(logging.WARNING)


def _as_json_line(event: Mapping[str, Any], **_: object) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Text that is none (lone surrogates) or a number that fits into no machine word: rare, and worth a line.
        return _ENCODER.encode(event)


@functools.lru_cache(maxsize=_REMEMBERED_NAMES)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _redact_field(name: object, value: Any, depth: int) -> Any:
    if isinstance(name, str) and value is not None and _names_a_secret(name):
        return REDACTED
    return _redact_value(value, depth)


def _redact_value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return {str(name): _redact_field(name, inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(inner, depth + 1) for inner in value]
    return redact_text(str(value))
