"""Runs a module of ours in a child process that opens media from strangers: no environment, bounded time and memory,
and no file of its own.

The module reads its question as JSON from standard input and writes its answer to standard output.
"""

import asyncio
import contextlib
import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

_MEMORY_BYTES = 2 * 1024**3
_ROOT = Path(__file__).resolve().parents[2]


async def ask(module: str, question: Mapping[str, str], *, time_limit_s: int) -> bytes | None:
    """The answer of `module`, or None when it failed. Raises TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", module,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": str(_ROOT)}, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(time_limit_s):
            answer, _ = await process.communicate(json.dumps(question).encode())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    return answer if process.returncode == 0 else None


def limit_this_process(*, time_limit_s: int) -> None:
    """In the child, before it opens anything."""
    resource.setrlimit(resource.RLIMIT_CPU, (time_limit_s, time_limit_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
