"""What simulated vendors share: an HTTP server whose routes are functions, a bill that only the vendor can write, a
clock of its own that tests may advance, and switches for what goes wrong. Imports nothing of ours.

Control, on the same port: `POST /_sim/switches {"name": value}`, `POST /_sim/clock {"advance_s": 60}`,
`GET /_sim/log` with every request that was answered.

With `SIMULATORS_SWITCHED_OFF=1` in its environment a simulator takes whatever it is sent, and does nothing that a
switch asks for: a test of what the vendor refuses or does wrong must notice.
"""

import argparse
import json
import os
import re
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int = 200
    body: bytes | Mapping[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_bytes: int | None = None
    """Hang up after so many bytes of the body; 0 before the head. None sends all."""
    pause_s: float = 0.0
    """After each byte of the body, for a server that drips."""

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refusal(Exception):
    """A route's way to answer at once."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"answers {response.status}")
        self.response = response


Route = tuple[str, str, Callable[..., Response]]
"""Method, pattern of the path, and what answers; the pattern's groups are handed to it by name."""


class Bill:
    """A line of JSON for each thing that is to be paid, on disk before the buyer hears of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


class VirtualClock:
    """Goes on by itself, and jumps ahead when a test says so."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        self._ahead_s += seconds


class Simulation:
    """Base of a vendor: give it `routes` and `switches` with their values at rest."""

    def __init__(self, *, bill: Bill, key: str, switches: Mapping[str, Any]) -> None:
        self.bill = bill
        self.key = key
        self.clock = VirtualClock()
        self.address = ""
        self.log: list[dict[str, Any]] = []
        self.lock = threading.RLock()
        self.is_strict = os.environ.get("SIMULATORS_SWITCHED_OFF") != "1"
        """Whether it refuses what the vendor refuses, and heeds its switches."""
        self._at_rest = dict(switches)
        self._switches = dict(switches)

    def routes(self) -> list[Route]:
        raise NotImplementedError

    def switched(self) -> None:
        """Called when a test has set the switches; for what is counted from there."""

    def switch(self, name: str) -> Any:
        return self._switches[name]

    def take(self, name: str) -> bool:
        """Whether a switch that counts is on; each look counts it down."""
        with self.lock:
            left = int(self._switches[name])
            self._switches[name] = max(left - 1, 0)
            return left > 0

    def tell(self, url: str, *, method: str, headers: Mapping[str, str], body: bytes | None, within_s: float) -> None:
        """Send a webhook, or look whether anybody is there. Raises OSError."""
        asked = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
        # The authority of a gateway on this machine is none that the system knows.
        trust = ssl.create_default_context(cafile=self._switches.get("authority") or None)
        urllib.request.urlopen(asked, timeout=within_s, context=trust).close()

    def answer(self, request: Request) -> Response:
        """Find the route, or the control behind `/_sim`."""
        control = self._control(request)
        if control is not None:
            return control
        for method, pattern, handle in self.routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                response = self._answered(handle, request, found.groupdict())
                break
        else:
            response = Response(status=404, body={"error": "not found"})
        with self.lock:
            self.log.append({"method": request.method, "path": request.path, "status": response.status})
        return response

    def _answered(self, handle: Callable[..., Response], request: Request, groups: Mapping[str, str]) -> Response:
        try:
            return handle(request, **groups)
        except Refusal as refusal:
            return refusal.response

    def _control(self, request: Request) -> Response | None:
        match request.method, request.path:
            case "POST", "/_sim/switches":
                wanted = request.json()
                unknown = sorted(wanted.keys() - self._at_rest.keys())
                if unknown:
                    return Response(status=400, body={"unknown": unknown, "known": sorted(self._at_rest)})
                self._switches = {**self._at_rest, **(wanted if self.is_strict else {})}
                self.switched()
                return Response(body={"switches": self._switches})
            case "POST", "/_sim/clock":
                self.clock.advance(float(request.json()["advance_s"]))
                return Response(body={"now": self.clock.now()})
            case "GET", "/_sim/log":
                return Response(body={"requests": self.log})
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, simulation: Simulation) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.simulation = simulation
        simulation.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is a client's affair; what else goes wrong is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing: bill and log are the record."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            return self._send(Response(status=413))
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        return self._send(self.server.simulation.answer(request))

    def _send(self, response: Response) -> None:
        content = response.content()
        if response.sent_bytes == 0:
            self.close_connection = True
            return
        self.send_response(response.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **response.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(content, response)

    def _send_body(self, content: bytes, response: Response) -> None:
        if response.sent_bytes is not None:
            self.wfile.write(content[: response.sent_bytes])
            self.close_connection = True
        elif response.pause_s:
            for byte in content:
                self.wfile.write(bytes((byte,)))
                time.sleep(response.pause_s)
        else:
            self.wfile.write(content)


def serve(build: Callable[[Bill, str], Simulation]) -> None:
    """The program of every vendor: prints its address when it listens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bill", type=Path, required=True)
    parser.add_argument("--key", required=True, help="the one API key that it takes")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-input-ends", action="store_true", help="end with the program that started this one")
    options = parser.parse_args()
    if options.until_input_ends:
        threading.Thread(target=_end_with_input, daemon=True).start()
    simulation = build(Bill(options.bill), options.key)
    server = _Server(options.port, simulation)
    print(simulation.address, flush=True)
    server.serve_forever()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)
