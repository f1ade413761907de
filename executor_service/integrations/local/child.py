"""Runs one job in a child process, so that drawing never blocks the event loop and a cancel really ends it.

The child reads its job as one line of JSON from standard input and answers lines of JSON on standard output:
`{"progress": 0.4}`, then `{"facts": {…}}` or `{"error": {…}}`. Standard input stays open: its end tells the child
that we are gone, so that nothing goes on drawing after a killed executor.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from executor_service.integrations.local.errors import ErrorType, LocalVendorError
from executor_service.integrations.local.facts import Facts, unfinished

ProgressListener = Callable[[float], None]
"""Called with 0..1 while a job goes on, in the caller's event loop."""

_RENDERER = "executor_service.integrations.local.render"
_MAX_LINE_BYTES = 1 << 20
_KEPT_ERROR_LINES = 12


async def run_job(
    kind: str,
    job: dict[str, Any],
    *,
    time_limit: timedelta,
    on_progress: ProgressListener | None = None,
) -> Facts:
    """Run a job to its end; a cancel or the time limit kills the child with all it started.

    Raises LocalVendorError with the child's own words, or TIMEOUT.
    """
    process = await _start()
    try:
        async with asyncio.timeout(time_limit.total_seconds()):
            return await _converse(process, {"kind": kind, "job": job}, on_progress=on_progress)
    except TimeoutError as err:
        limit_s = time_limit.total_seconds()
        raise LocalVendorError(ErrorType.TIMEOUT, f"{kind} took longer than its limit of {limit_s:g} s") from err
    finally:
        await asyncio.shield(_end(process))
        # A killed child could not tidy up.
        unfinished(Path(job["destination"])).unlink(missing_ok=True)


async def _start() -> asyncio.subprocess.Process:
    # Nothing of our own environment: a drawing must not depend on it, and it may hold what a child should not see.
    environment = {"PYTHONPATH": _root(), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", _RENDERER,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment, start_new_session=True, limit=_MAX_LINE_BYTES,
    )  # fmt: skip


def _root() -> str:
    """The folder that holds our packages; the child's only import path besides the environment's own."""
    return str(Path(__file__).resolve().parents[3])


async def _converse(
    process: asyncio.subprocess.Process, request: dict[str, Any], *, on_progress: ProgressListener | None
) -> Facts:
    if not (process.stdin and process.stdout and process.stderr):
        raise RuntimeError("the child was started without its three pipes")
    complaints = asyncio.create_task(process.stderr.read())
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        async for line in process.stdout:
            answer = json.loads(line)
            if "progress" in answer and on_progress:
                on_progress(float(answer["progress"]))
            if "error" in answer:
                raise _error_from(answer["error"])
            if "facts" in answer:
                return _facts_from(answer["facts"])
        raise _silent_end(await process.wait(), (await complaints).decode(errors="replace"))
    finally:
        complaints.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await complaints


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the child's whole session, also FFmpeg and the speaker that it may have left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin:
        process.stdin.close()
    await process.wait()


def _error_from(answer: dict[str, Any]) -> LocalVendorError:
    return LocalVendorError(ErrorType(answer["type"]), answer["message"], details=answer["details"])


def _facts_from(answer: dict[str, Any]) -> Facts:
    return Facts(**{**answer, "path": Path(answer["path"])})


def _silent_end(exit_code: int, complaints: str) -> LocalVendorError:
    last_lines = "\n".join(complaints.splitlines()[-_KEPT_ERROR_LINES:])
    return LocalVendorError(
        ErrorType.INTERNAL, f"the drawing process ended with {exit_code} and no answer", details=last_lines
    )
