"""The Lambda Runtime API: where the worker processes fetch invocations and leave answers.

The address of each worker holds a secret of its own, so that no other program on the machine can read events, which
carry capabilities, or answer in its place.
"""

import queue
import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devstack.lambda_endpoint.invocation import FunctionError, Outcome, RequestId

MAX_RESPONSE_BYTES = 6 * 1024 * 1024
_PREFIX = "/2018-06-01/runtime"
_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What a worker gets to run."""

    request_id: RequestId
    function: str
    payload: bytes
    timeout_s: float
    outcome: "Future[Outcome]" = field(default_factory=Future)

    def settle(self, outcome: Outcome) -> bool:
        """Record the outcome; False when there is one already."""
        try:
            self.outcome.set_result(outcome)
        except InvalidStateError:
            return False
        return True


class Session:
    """The conversation with one worker process; ends with it."""

    def __init__(self, *, token: str) -> None:
        self.token = token
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._current: Invocation | None = None
        self._ended_with: Outcome | None = None

    def hand_over(self, invocation: Invocation) -> None:
        """Give the worker its next run; settles it at once when the process has ended."""
        with self._lock:
            self._current = invocation
            ended_with = self._ended_with
        if ended_with is not None:
            invocation.settle(ended_with)
        else:
            self._inbox.put(invocation)

    def fetch(self) -> Invocation | None:
        """Wait for the next run; None when the process has ended."""
        return self._inbox.get()

    def answer(self, request_id: str, outcome: Outcome) -> bool:
        """Settle the current run; False when `request_id` is another one or settled already."""
        with self._lock:
            current = self._current
        return current is not None and current.request_id == request_id and current.settle(outcome)

    def end(self, outcome: Outcome) -> None:
        """The process is gone: whatever it was doing ended with `outcome`."""
        with self._lock:
            self._ended_with = self._ended_with or outcome
            current = self._current
        if current is not None:
            current.settle(self._ended_with)
        self._inbox.put(None)


class RuntimeApi:
    """The server; listens on a free loopback port."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._server = _Server(self._sessions)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="runtime-api", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def open_session(self) -> tuple[Session, str]:
        """A new session, and what its worker needs as AWS_LAMBDA_RUNTIME_API."""
        session = Session(token=secrets.token_urlsafe(24))
        self._sessions[session.token] = session
        return session, f"127.0.0.1:{self._server.server_port}/{session.token}"

    def close_session(self, session: Session, outcome: Outcome) -> None:
        """Forget a session whose process is gone."""
        self._sessions.pop(session.token, None)
        session.end(outcome)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sessions = sessions


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        session, route = self._route()
        if session is None or route != "/invocation/next":
            self._answer(404)
            return
        invocation = session.fetch()
        if invocation is None:
            self._answer(410)
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(round((time.time() + invocation.timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": function_arn(invocation.function),
        }
        self._answer(200, invocation.payload, headers=headers)

    def do_POST(self) -> None:
        session, route = self._route()
        body = self._body()
        if session is None:
            self._answer(404)
            return
        match route.split("/"):
            case ["", "invocation", request_id, "response"] if len(body) > MAX_RESPONSE_BYTES:
                message = f"the answer has {len(body)} bytes: expected at most {MAX_RESPONSE_BYTES}"
                outcome = Outcome.failed(error_type="Function.ResponseSizeTooLarge", message=message)
                self._answer(413 if session.answer(request_id, outcome) else 400)
            case ["", "invocation", request_id, "response"]:
                self._answer(202 if session.answer(request_id, Outcome(payload=body)) else 400)
            case ["", "invocation", request_id, "error"]:
                outcome = Outcome(payload=body, function_error=FunctionError.UNHANDLED)
                self._answer(202 if session.answer(request_id, outcome) else 400)
            case ["", "init", "error"]:
                session.end(Outcome(payload=body, function_error=FunctionError.UNHANDLED))
                self._answer(202)
            case _:
                self._answer(404)

    def log_message(self, *_: object) -> None:
        """Say nothing: the path holds the worker's secret."""

    def _route(self) -> tuple[Session | None, str]:
        token, _, rest = self.path.lstrip("/").partition("/")
        route = f"/{rest}".removeprefix(_PREFIX)
        return self.server.sessions.get(token), route

    def _body(self) -> bytes:
        # One byte more than allowed is enough to know that it is too much; the connection then ends.
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_RESPONSE_BYTES:
            self.close_connection = True
        return self.rfile.read(min(length, MAX_RESPONSE_BYTES + 1))

    def _answer(self, status: int, body: bytes = b"", *, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def function_arn(function: str) -> str:
    """How AWS would name it; there is one account and one region here."""
    return f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
