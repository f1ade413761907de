"""The supervisor's side of the nursery: ask it to spawn and signal, hear what ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PIPE_LIMIT_BYTES = 1 << 20


class SpawnRefused(RuntimeError):
    """A program could not be started at all."""


class NurseryGone(RuntimeError):
    """The parent of all processes ended; by then so have they."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One program to start, with its whole environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path | None
    """Where its output is appended; None lends it the supervisor's own terminal."""
    wraps_output: bool = False
    """Whether its output is plain text, to be wrapped into JSON lines."""
    uid: int | None = None
    last_signal: signal.Signals = signal.SIGKILL
    """What ends it when the supervisor is gone."""


@dataclass(frozen=True, kw_only=True)
class Spawned:
    pid: int
    exited: asyncio.Future[int]
    """Its exit code; negative, the signal that ended it."""


class Nursery:
    """Use as an async context manager; leaving it ends every process that still runs."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._spawns: dict[str, asyncio.Future[Spawned]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Nursery:
        # By path and without site-packages: 15 ms instead of the 200 of a full interpreter.
        program = str(Path(__file__).with_name("nursery.py"))
        terminal = os.dup(1)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", program, str(terminal)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=[terminal],
                limit=PIPE_LIMIT_BYTES,
                start_new_session=True,
            )
        finally:
            os.close(terminal)
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, *_: object) -> None:
        process, reader = self._process, self._reader
        if process is None or reader is None or process.stdin is None:
            return
        process.stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.wait_closed()
        await reader
        await process.wait()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def is_gone(self) -> bool:
        """Whether it ended by itself, and with it all processes; only an accident or an enemy does that."""
        return self._reader is not None and self._reader.done()

    async def spawn(self, launch: Launch) -> Spawned:
        """Start a program. Raises SpawnRefused."""
        spawned: asyncio.Future[Spawned] = asyncio.get_running_loop().create_future()
        self._spawns[launch.name] = spawned
        self._send(
            do="spawn",
            name=launch.name,
            argv=list(launch.argv),
            env=dict(launch.env),
            cwd=str(launch.cwd),
            log=str(launch.log) if launch.log else None,
            wrap=launch.wraps_output,
            uid=launch.uid,
            last_signal=int(launch.last_signal),
        )
        return await spawned

    def remove_at_the_end(self, folder: Path) -> None:
        """Have a temporary folder removed when everything has ended, also after a kill -9 of the supervisor."""
        self._send(do="remove", folder=str(folder))

    def signal(self, name: str, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to a running program, or to its whole process group; nothing if it has ended."""
        self._send(do="signal", name=name, signal=int(number), group=group)

    def _send(self, **command: Any) -> None:
        process = self._running()
        if process.stdin is None or process.stdin.is_closing():
            raise NurseryGone("the parent of all processes has ended")
        process.stdin.write(json.dumps(command).encode() + b"\n")

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise NurseryGone("the parent of all processes was not started")
        return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            event = json.loads(line)
            match event["event"]:
                case "spawned":
                    exited = self._exits[event["pid"]] = asyncio.get_running_loop().create_future()
                    self._settle_spawn(event["name"], Spawned(pid=event["pid"], exited=exited))
                case "refused":
                    self._settle_spawn(event["name"], SpawnRefused(f"{event['name']}: {event['error']}"))
                case _:
                    self._settle_exit(event["pid"], event["code"])
        for name in list(self._spawns):
            self._settle_spawn(name, NurseryGone("the parent of all processes has ended"))
        for pid in list(self._exits):
            self._settle_exit(pid, -signal.SIGKILL)

    def _settle_spawn(self, name: str, answer: Spawned | Exception) -> None:
        spawned = self._spawns.pop(name, None)
        if spawned is None or spawned.done():
            return
        if isinstance(answer, Exception):
            spawned.set_exception(answer)
        else:
            spawned.set_result(answer)

    def _settle_exit(self, pid: int, code: int) -> None:
        exited = self._exits.pop(pid, None)
        if exited is not None and not exited.done():
            exited.set_result(code)
