"""The Invoke API: `POST /2015-03-31/functions/{name}/invocations`, as boto3 speaks it."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import structlog

from devstack.lambda_endpoint.due_queue import QueueFullError
from devstack.lambda_endpoint.errors import ErrorCode, InvokeError
from devstack.lambda_endpoint.events import Events
from devstack.lambda_endpoint.invocation import Outcome, RequestId, Task
from devstack.lambda_endpoint.pool import Pool
from devstack.lambda_endpoint.sigv4 import Request, authenticate
from devstack.s3.credentials import AccessKey, Credential

MAX_EVENT_BYTES = 1024 * 1024
MAX_REQUEST_BYTES = 6 * 1024 * 1024
_MAX_DRAINED_BYTES = 4 * MAX_REQUEST_BYTES
_SOCKET_TIMEOUT_S = 30
_ROUTE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
# A plain name, or the last part of an ARN, each with or without a version.
_FUNCTION = re.compile(r"(?:.*:function:)?([A-Za-z0-9_-]+)(?::(?:\$LATEST|[A-Za-z0-9_-]+))?")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class InvokeApi:
    """Decides on requests; knows no sockets."""

    def __init__(
        self,
        *,
        credentials: Mapping[AccessKey, Credential],
        principals: frozenset[str],
        pools: Mapping[str, Pool],
        events: Events,
    ) -> None:
        self._credentials = credentials
        self._principals = principals
        self._pools = pools
        self._events = events
        self._log = structlog.get_logger()

    def answer(self, request: Request) -> Reply:
        """Answer one request; refusals become error documents."""
        try:
            return self._invoke(request)
        except InvokeError as refusal:
            self._log.info("invocation_refused", error=refusal.error.code, path=request.path)
            return error_reply(refusal)

    def _invoke(self, request: Request) -> Reply:
        caller = authenticate(request, self._credentials, now=datetime.now(UTC))
        function = _function_of(request)
        if caller.principal not in self._principals:
            message = f"{caller.principal} is not authorized to perform: lambda:InvokeFunction"
            raise InvokeError(ErrorCode.ACCESS_DENIED, message)
        pool = self._pools.get(function)
        if pool is None:
            raise InvokeError(ErrorCode.RESOURCE_NOT_FOUND, f"Function not found: {function}")
        match request.headers.get("x-amz-invocation-type", "RequestResponse"):
            case "Event":
                return self._accept(function, _payload(request.body, limit=MAX_EVENT_BYTES))
            case "RequestResponse":
                return self._run(pool, _payload(request.body, limit=MAX_REQUEST_BYTES))
            case "DryRun":
                return Reply(status=204)
            case other:
                message = f"Expected the invocation type Event, RequestResponse or DryRun, found {other}."
                raise InvokeError(ErrorCode.INVALID_PARAMETER_VALUE, message)

    def _accept(self, function: str, payload: bytes) -> Reply:
        try:
            request_id = self._events.accept(function, payload)
        except QueueFullError as error:
            raise InvokeError(ErrorCode.TOO_MANY_REQUESTS, str(error)) from error
        return Reply(status=202, headers={"x-amzn-RequestId": request_id})

    def _run(self, pool: Pool, payload: bytes) -> Reply:
        outcome: Future[Outcome] = Future()
        request_id = RequestId(str(uuid.uuid4()))
        try:
            pool.submit(Task(request_id=request_id, load=lambda: payload, finish=outcome.set_result))
        except QueueFullError as error:
            raise InvokeError(ErrorCode.TOO_MANY_REQUESTS, str(error)) from error
        found = outcome.result()
        headers = {
            "x-amzn-RequestId": request_id,
            "X-Amz-Executed-Version": "$LATEST",
            "Content-Type": "application/json",
        }
        if found.function_error is not None:
            headers["X-Amz-Function-Error"] = found.function_error
        return Reply(status=200, body=found.payload, headers=headers)


def error_reply(refusal: InvokeError) -> Reply:
    """The document and headers by which AWS's clients know an error."""
    kind = "User" if refusal.error.status < 500 else "Service"
    body = {"Type": kind, "Message": refusal.message, "message": refusal.message}
    headers = {"Content-Type": "application/json", "x-amzn-errortype": refusal.error.code}
    if refusal.error is ErrorCode.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "1"
    return Reply(status=refusal.error.status, body=json.dumps(body).encode(), headers=headers)


def make_server(address: tuple[str, int], answer: Callable[[Request], Reply]) -> ThreadingHTTPServer:
    """An HTTP server that hands complete requests to `answer`; not yet serving."""

    class Handler(_Handler):
        pass

    Handler.answer = staticmethod(answer)
    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SOCKET_TIMEOUT_S
    answer: Callable[[Request], Reply]

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): ",".join(self.headers.get_all(name, [])) for name in self.headers}
        try:
            reply = self.answer(Request(method="POST", path=path, query=query, headers=headers, body=body))
        except Exception:
            structlog.get_logger().exception("invocation_failed")
            reply = error_reply(InvokeError(ErrorCode.SERVICE, "The endpoint failed; its log tells why."))
        self._send(reply)

    def log_message(self, *_: object) -> None:
        """Say nothing: what matters is logged as events."""

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal():
            self.close_connection = True
            message = "Expected a Content-Length."
            self._send(error_reply(InvokeError(ErrorCode.INVALID_REQUEST_CONTENT, message)))
            return None
        length = int(text)
        if length <= MAX_REQUEST_BYTES:
            return self.rfile.read(length)
        # Some of what is too much is read nevertheless, or the client would meet a reset instead of the answer.
        self.close_connection = True
        left = min(length, _MAX_DRAINED_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(left, 65_536))):
            left -= len(chunk)
        self._send(error_reply(_too_large(length, limit=MAX_REQUEST_BYTES)))
        return None

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


def _function_of(request: Request) -> str:
    route = _ROUTE.fullmatch(request.path)
    if route is None:
        raise InvokeError(ErrorCode.UNKNOWN_OPERATION, f"No operation at {request.path[:200]}.")
    name = unquote(route[1])
    function = _FUNCTION.fullmatch(name)
    if function is None:
        raise InvokeError(ErrorCode.INVALID_PARAMETER_VALUE, f"{name[:200]!r} is no name of a function.")
    return function[1]


def _payload(body: bytes, *, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(len(body), limit=limit)
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        message = "Could not parse request body into json."
        raise InvokeError(ErrorCode.INVALID_REQUEST_CONTENT, message) from error
    return body or b"{}"


def _too_large(size_bytes: int, *, limit: int) -> InvokeError:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation, found {size_bytes}."
    return InvokeError(ErrorCode.REQUEST_TOO_LARGE, message)
