"""The worker process: `python -m devstack.lambda_endpoint.runtime`, started by the endpoint and nothing else.

Asks the Runtime API for invocations and runs the handler, one after the other. It must not outlive the endpoint, nor
may anything the handler starts. The kernel kills this process when its parent dies (Linux). What the handler started is
in the same process group, and a forked guardian kills that group when the endpoint's end of standard input closes.
"""

import ctypes
import http.client
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1

Handler = Callable[[Any, "Context"], Any]


class Context:
    """What AWS hands to a Python handler beside the event."""

    def __init__(self, *, request_id: str, function_arn: str, deadline_ms: int) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = function_arn.rpartition(":")[2]
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the endpoint kills this process."""
        return max(0, self._deadline_ms - round(time.time() * 1000))


class RuntimeClient:
    """Speaks with the Runtime API over one connection."""

    def __init__(self, address: str) -> None:
        host, _, token = address.partition("/")
        self._connection = http.client.HTTPConnection(host)
        self._base = f"/{token}/2018-06-01/runtime" if token else "/2018-06-01/runtime"

    def next(self) -> tuple[bytes, Context] | None:
        """Wait for an invocation; None when the endpoint wants no more of this process."""
        response = self._request("GET", "/invocation/next", None)
        payload = response.read()
        if response.status != http.client.OK:
            return None
        context = Context(
            request_id=response.headers["Lambda-Runtime-Aws-Request-Id"],
            function_arn=response.headers["Lambda-Runtime-Invoked-Function-Arn"],
            deadline_ms=int(response.headers["Lambda-Runtime-Deadline-Ms"]),
        )
        return payload, context

    def post(self, route: str, body: object) -> None:
        """Leave an answer."""
        self._request("POST", route, json.dumps(body).encode()).read()

    def _request(self, method: str, route: str, body: bytes | None) -> http.client.HTTPResponse:
        self._connection.request(method, self._base + route, body=body)
        return self._connection.getresponse()


def main() -> int:
    """Run until the endpoint ends."""
    _die_with_parent()
    client = RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:
        client.post("/init/error", describe(error))
        return 1
    while (received := client.next()) is not None:
        payload, context = received
        _run(client, handler, payload, context)
    return 0


def load_handler(name: str) -> Handler:
    """Import `package.module:function`."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def describe(error: BaseException) -> dict[str, object]:
    """An error as Lambda's runtimes report it."""
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _run(client: RuntimeClient, handler: Handler, payload: bytes, context: Context) -> None:
    try:
        # Encoding is part of the run: an answer that is no JSON is the handler's error.
        answer = json.loads(json.dumps(handler(json.loads(payload), context)))
    except Exception as error:
        client.post(f"/invocation/{context.aws_request_id}/error", describe(error))
    else:
        client.post(f"/invocation/{context.aws_request_id}/response", answer)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.fork() == 0:
        _guard()
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    os.close(silence)


def _guard() -> None:
    """Kill the whole process group, this process included, once nobody holds the other end of standard input."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
