"""One worker: a process that runs a function, replaced whenever it ends or has to be ended."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

import structlog

from devstack.lambda_endpoint.invocation import Outcome, Task
from devstack.lambda_endpoint.runtime_api import Invocation, RuntimeApi

_ROOT = Path(__file__).parents[2]


class StoppedError(Exception):
    """The endpoint is stopping; the run did not come to an end."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """What a worker runs."""

    name: str
    handler: str
    """`package.module:function`."""
    timeout_s: float
    environment: Mapping[str, str]
    """All the process gets, apart from what the Runtime API needs."""


class _Process:
    """A started worker process with its session."""

    def __init__(self, function: Function, api: RuntimeApi) -> None:
        self._api = api
        self.session, address = api.open_session()
        # The endpoint alone holds the write end of its standard input: when that closes, the endpoint is dead.
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "devstack.lambda_endpoint.runtime"],
            cwd=_ROOT,
            env={
                **function.environment,
                "AWS_LAMBDA_RUNTIME_API": address,
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "_HANDLER": function.handler,
            },
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            start_new_session=True,
        )
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name=f"watch-{self._popen.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def kill(self) -> None:
        """End it and everything it started, and wait for that."""
        if not self._ended.is_set():
            self._kill_group()
        self._ended.wait()

    def _watch(self) -> None:
        if hasattr(os, "waitid"):
            # WNOWAIT leaves a zombie whose group cannot be mistaken for another while the rest of it is killed.
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
            self._kill_group()
        code = self._popen.wait()
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        message = f"the runtime ended with code {code} before it answered"
        self._api.close_session(self.session, Outcome.failed(error_type="Runtime.ExitError", message=message))
        self._ended.set()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)


class Worker:
    """Runs tasks one after the other; used by one thread, which lives as long as the worker.

    That thread starts the processes: the kernel counts the thread as the parent whose death kills them.
    """

    def __init__(self, function: Function, api: RuntimeApi) -> None:
        self._function = function
        self._api = api
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._is_stopped = False
        self._log = structlog.get_logger()

    def run(self, task: Task) -> Outcome:
        """Run to the end, whichever it is. Raises StoppedError."""
        invocation = Invocation(
            request_id=task.request_id,
            function=self._function.name,
            payload=task.load(),
            timeout_s=self._function.timeout_s,
        )
        process = self._started()
        process.session.hand_over(invocation)
        try:
            outcome = invocation.outcome.result(timeout=self._function.timeout_s)
        except FutureTimeoutError:
            process.kill()
            message = f"{task.request_id} Task timed out after {self._function.timeout_s:.2f} seconds"
            outcome = Outcome.failed(error_type="Sandbox.Timedout", message=message)
        if self._is_stopped:
            raise StoppedError
        return outcome

    def stop(self) -> None:
        """End the process; a run in it raises StoppedError."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        if process is not None:
            process.kill()

    def _started(self) -> _Process:
        with self._lock:
            if self._is_stopped:
                raise StoppedError
            if self._process is None or self._process.has_ended:
                self._process = _Process(self._function, self._api)
                self._log.info("worker_started", function=self._function.name, pid=self._process.pid)
            return self._process
