"""What the function did, as spans of the trace that its event names. Sent before it answers: Lambda freezes it then."""

import json
import os
import random
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from media_lambda.log import log

CLIENT, CONSUMER = 3, 5
"""Which side of a hop a span is, by OpenTelemetry's numbers."""
_SAMPLED = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")
_TIMEOUT_S = 3.0
_FAILED = 2


class Spans:
    """Of one invocation. Leaving it sends them; a collector that is away costs three seconds and a line in the log."""

    def __init__(self, endpoint: str | None, *, traceparent: str) -> None:
        self._endpoint = endpoint if _SAMPLED.fullmatch(traceparent) else None
        self._context = traceparent
        self._ended: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._endpoint is None:
            return
        resource = {"attributes": [_text("service.name", "media")]}
        scope = {"scope": {"name": "montage"}, "spans": self._ended}
        body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()
        try:
            _send(self._endpoint, body)
        except OSError as error:
            log("spans_not_exported", reason=type(error).__name__)

    @contextmanager
    def span(self, name: str, *, kind: int) -> Iterator[str]:
        """Yields the context of what is done inside, as a header says it."""
        above = self._context
        if self._endpoint is None:
            yield above
            return
        # Ids tell spans apart and protect nothing.
        own, began_ns, error = f"{random.getrandbits(64) or 1:016x}", time.time_ns(), ""
        self._context = f"{above[:36]}{own}{above[52:]}"
        try:
            yield self._context
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            self._context = above
            span = {
                "traceId": above[3:35],
                "spanId": own,
                "parentSpanId": above[36:52],
                "name": name,
                "kind": kind,
                "startTimeUnixNano": str(began_ns),
                "endTimeUnixNano": str(time.time_ns()),
            }
            self._ended.append(span | ({"status": {"code": _FAILED, "message": error}} if error else {}))


def _text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _send(endpoint: str, body: bytes) -> None:
    """Raises OSError."""
    parts = urlsplit(endpoint)
    if parts.scheme == "file":
        file = os.open(parts.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, body + b"\n")
        finally:
            os.close(file)
        return
    url = endpoint.rstrip("/") + "/v1/traces"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - the operator's
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
        answer.read()
