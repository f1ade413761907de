"""`bin/demo`: a stack of its own, one run of a document by the command line client, and nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from devstack.logs import has_errors, last_lines
from devstack.nursery_client import Spawned
from devstack.stack import Stack, StackOptions
from devstack.supervisor import EventKind, ProcessEvent

CLIENT = "montage"
CLIENT_GRACE_S = 5.0
RUN_FAILED = 1
UNREACHABLE = 4
TERMINAL_VARIABLES = ("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    document: Path
    out: Path
    keeps_data: bool = False


async def demo(options: DemoOptions) -> int:
    """Answers the client's exit code. Raises StartFailed."""
    began = time.monotonic()
    died: list[str] = []

    def on_event(event: ProcessEvent) -> None:
        if event.kind is EventKind.DIED:
            died.append(event.process)

    _say("starting PostgreSQL, NATS, S3, Lambda and the three services")
    async with Stack(StackOptions(ephemeral=not options.keeps_data), on_event=on_event) as stack:
        _say(f"ready in {time.monotonic() - began:.1f} s")
        try:
            code = await _run_client(stack, options)
            if code in (RUN_FAILED, UNREACHABLE) or code > UNREACHABLE + 1:
                _show_last_words(stack, died)
        finally:
            if options.keeps_data:
                _say(f"data and logs are kept in {stack.data}")
    return code


async def _run_client(stack: Stack, options: DemoOptions) -> int:
    arguments = ["run", str(options.document), "--wait", "--out", str(options.out), "--summary", "--ends-with-us"]
    terminal = {name: os.environ[name] for name in TERMINAL_VARIABLES if name in os.environ}
    client = await stack.spawn(
        CLIENT,
        [sys.executable, "-P", "-m", "montage_cli", *arguments],
        env=stack.env_for_client() | terminal,
        cwd=Path.cwd(),
    )
    try:
        code = await asyncio.shield(client.exited)
    except asyncio.CancelledError:
        await _interrupt(stack, client)
        raise
    return code if code >= 0 else 128 - code


async def _interrupt(stack: Stack, client: Spawned) -> None:
    """Let the client end its progress display; the stack kills it when it takes too long."""
    stack.nursery.signal(CLIENT, signal.SIGINT)
    await asyncio.wait({client.exited}, timeout=CLIENT_GRACE_S)


def _show_last_words(stack: Stack, died: list[str]) -> None:
    """The last log lines of what died or complained; of the executor, which does the work, when nothing did."""
    failed = [process for process in stack.processes if process.name in died or has_errors(process.spec.log)]
    for process in failed or [process for process in stack.processes if process.name == "executor"]:
        lines = "".join(f"\n    {line}" for line in last_lines(process.spec.log))
        _say(f"the last lines of {process.name}:{lines}")


def _say(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)
