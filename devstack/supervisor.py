"""One process under supervision: started, seen ready, restarted when it dies, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from devstack.logs import last_lines
from devstack.nursery_client import Launch, Nursery, NurseryGone, Spawned
from devstack.readiness import Probe

PROBE_INTERVAL_S = 0.03
FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 5.0
RECOVERED_AFTER_S = 10.0
"""A process that lived this long starts again with the first back-off."""


class ProcessState(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing_off"


class EventKind(StrEnum):
    READY = "ready"
    DIED = "died"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class ProcessEvent:
    process: str
    kind: EventKind
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """What a process is; the table of a stack is made of these."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    """All of it: nothing is inherited."""
    probe: Probe
    log: Path
    cwd: Path
    after: tuple[str, ...] = ()
    """Processes that must be ready before this one starts, and that stop after it."""
    stops_before: tuple[str, ...] = ()
    """Further processes that stop only after this one, which still has something to tell them."""
    runs_once: bool = False
    """Ready when it has ended with 0, such as a migration."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 10.0
    last_signal: signal.Signals = signal.SIGKILL
    wraps_output: bool = False
    uid: int | None = None
    before_start: Callable[[], Awaitable[None]] | None = None
    """Runs before each start; clears what an earlier life left behind (a ready file, a stale lock)."""
    once_ready: Callable[[], Awaitable[None]] | None = None
    """Runs after each start, before whoever waits for this process goes on."""


class StartFailed(RuntimeError):
    """A process did not become ready; says why and shows its last words."""

    def __init__(self, process: str, reason: str, *, last_words: Sequence[str]) -> None:
        words = "".join(f"\n    {line}" for line in last_words)
        super().__init__(f"{process} {reason}" + (f"; its last lines:{words}" if words else "; it said nothing"))
        self.process = process
        self.last_words = tuple(last_words)


def backoff_s(failures: int) -> float:
    """Seconds to wait before the next start, after that many failures in a row (from 1)."""
    return float(min(FIRST_BACKOFF_S * 2 ** min(failures - 1, 10), LONGEST_BACKOFF_S))


class ManagedProcess:
    def __init__(
        self,
        spec: ProcessSpec,
        *,
        nursery: Nursery,
        on_event: Callable[[ProcessEvent], None],
        start_timeout_s: float,
    ) -> None:
        self.spec = spec
        self.restarts = 0
        self.state = ProcessState.STOPPED
        self._nursery = nursery
        self._on_event = on_event
        self._start_timeout_s = start_timeout_s
        self._spawned: Spawned | None = None
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int:
        """Process id of the running incarnation. Raises ProcessLookupError when there is none."""
        if self._spawned is None or self._spawned.exited.done():
            raise ProcessLookupError(f"{self.name} is not running (state {self.state})")
        return self._spawned.pid

    async def start(self) -> None:
        """Start it and wait until it is ready; from then on it is restarted when it dies. Raises StartFailed."""
        if self._keeper is not None and not self._keeper.done():
            return await self.wait_ready()
        exited = await self._start_once()
        if not self.spec.runs_once:
            self._keeper = asyncio.create_task(self._keep(exited), name=f"keep {self.name}")
        return None

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until it is ready (again, after a kill). Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal that ends it, as an accident would, and wait for the end; answers the exit code.

        The supervisor then restarts it: `wait_ready` tells when that has worked.
        """
        self._ready.clear()
        exited = self._exited()
        self._nursery.signal(self.name, number)
        return await exited

    def pause(self) -> None:
        """SIGSTOP: alive, silent, keeping its connections."""
        self._nursery.signal(self.name, signal.SIGSTOP, group=True)

    def resume(self) -> None:
        self._nursery.signal(self.name, signal.SIGCONT, group=True)

    async def restart(self) -> None:
        """Stop it in order and start it again, waiting for both."""
        await self.stop()
        await self.start()

    async def stop(self, *, grace_s: float | None = None) -> None:
        """Ask it to end, and end its whole group when it has not after the grace. Safe to repeat."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await self._end(self.spec.stop_grace_s if grace_s is None else grace_s)

    async def _start_once(self) -> asyncio.Future[int]:
        """Spawn it and see it ready; on failure nothing of it is left. Raises StartFailed."""
        try:
            async with asyncio.timeout(self._start_timeout_s):
                exited = await self._launch()
                await self._become_ready(exited)
        except (StartFailed, NurseryGone):
            await self._end()
            raise
        except TimeoutError:
            await self._end()
            raise self._failure(f"was not ready within {self._start_timeout_s:g} s") from None
        except Exception as err:
            await self._end()
            raise self._failure(f"could not be made ready: {type(err).__name__}: {err}") from err
        return exited

    async def _launch(self) -> asyncio.Future[int]:
        if self.spec.before_start:
            await self.spec.before_start()
        self.state = ProcessState.STARTING
        launch = Launch(
            name=self.name,
            argv=self.spec.argv,
            env=self.spec.environment,
            cwd=self.spec.cwd,
            log=self.spec.log,
            wraps_output=self.spec.wraps_output,
            uid=self.spec.uid,
            last_signal=self.spec.last_signal,
        )
        self._spawned = await self._nursery.spawn(launch)
        return self._spawned.exited

    async def _become_ready(self, exited: asyncio.Future[int]) -> None:
        if self.spec.runs_once:
            code = await asyncio.shield(exited)
            if code:
                raise self._failure(f"ended with {describe_exit(code)}")
        while not self.spec.runs_once:
            if exited.done():
                raise self._failure(f"ended before it was ready, with {describe_exit(exited.result())}")
            if await self.spec.probe(self.pid):
                break
            await asyncio.wait({exited}, timeout=PROBE_INTERVAL_S)
        if self.spec.once_ready:
            await self.spec.once_ready()
        self.state = ProcessState.STOPPED if self.spec.runs_once else ProcessState.READY
        self._ready.set()
        self._on_event(ProcessEvent(process=self.name, kind=EventKind.READY))

    async def _keep(self, exited: asyncio.Future[int]) -> None:
        """Bring it back whenever it ends, until cancelled, or until there is nobody left to start it."""
        failures = 0
        while not self._nursery.is_gone:
            since = time.monotonic()
            code = await asyncio.shield(exited)
            self._ready.clear()
            self._on_event(ProcessEvent(process=self.name, kind=EventKind.DIED, detail=describe_exit(code)))
            failures = 1 if time.monotonic() - since > RECOVERED_AFTER_S else failures + 1
            exited = await self._revive(exited, failures)

    async def _revive(self, exited: asyncio.Future[int], failures: int) -> asyncio.Future[int]:
        wait_s = backoff_s(failures)
        self.state = ProcessState.BACKING_OFF
        self._on_event(ProcessEvent(process=self.name, kind=EventKind.RESTARTING, detail=f"in {wait_s:g} s"))
        await asyncio.sleep(wait_s)
        self.restarts += 1
        try:
            return await self._start_once()
        except (StartFailed, NurseryGone):
            # It has ended, or never began; the loop in _keep sees that, counts it, and waits longer.
            return exited

    async def _end(self, grace_s: float = 0) -> None:
        self._ready.clear()
        if self._spawned is not None and not self._spawned.exited.done():
            exited = self._spawned.exited
            with contextlib.suppress(NurseryGone):
                if grace_s:
                    self._nursery.signal(self.name, self.spec.stop_signal)
                    # Also a paused process must hear it.
                    self._nursery.signal(self.name, signal.SIGCONT)
                    await asyncio.wait({exited}, timeout=grace_s)
                if not exited.done():
                    self._nursery.signal(self.name, signal.SIGKILL, group=True)
            await asyncio.shield(exited)
            self._on_event(ProcessEvent(process=self.name, kind=EventKind.STOPPED))
        self.state = ProcessState.STOPPED

    def _exited(self) -> asyncio.Future[int]:
        if self._spawned is None:
            raise ProcessLookupError(f"{self.name} was never started")
        return asyncio.shield(self._spawned.exited)

    def _failure(self, reason: str) -> StartFailed:
        return StartFailed(self.name, reason, last_words=last_lines(self.spec.log))


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
