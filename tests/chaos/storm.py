"""Does to the house what the timetable says, at the moment when it hurts."""

import asyncio
import math
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field

from devstack.stack import Stack
from devstack.supervisor import ManagedProcess
from tests.chaos.callers import Callers
from tests.chaos.history import History
from tests.chaos.plan import Fault, FaultKind
from tests.chaos.proxy import Edges
from tests.chaos.pulse import Pulse
from tests.e2e.house import until_true

HOLDS_WITHIN_S = 20.0
"""How long a kill waits for its turn and for its victim to have work; else it is left out: it would prove nothing."""
READY_WITHIN_S = 90.0
AT_ONCE = 3
"""Processes that may be away by a kill: where all are, nothing is at work that could be lost."""
PROGRESS_WITHIN_S = 60.0


@dataclass(kw_only=True)
class Damage:
    """What was done, and how long it was felt."""

    kills: Counter[str] = field(default_factory=Counter)
    kills_in_flight: int = 0
    """Of victims that still held work when the signal was sent."""
    kills_left_out: int = 0
    """Planned, but the victim was away, or had nothing to do, for too long."""
    faults: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    """From each kill until the process was ready again and work like its own ended."""


class Storm:
    def __init__(self, stack: Stack, edges: Edges, *, pulse: Pulse, callers: Callers, history: History) -> None:
        self._stack = stack
        self._edges = edges
        self._pulse = pulse
        self._callers = callers
        self._history = history
        self.damage = Damage()
        # Each death is one of a process that had come back from the last.
        self._turns = {process.name: asyncio.Lock() for process in stack.processes}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def rage(self, faults: Sequence[Fault]) -> None:
        """Do all of them, each at its time; returns when the last one is healed."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
                group.create_task(self._do(fault), name=f"{fault.kind} {fault.target}")

    async def _do(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.KILL:
                await self._kill(self._stack.process(fault.target))
            case FaultKind.PAUSE:
                await self._pause(self._stack.process(fault.target), fault)
            case FaultKind.WIPE:
                await self._wipe(self._stack.process(fault.target), fault)
            case _:
                met = await self._edges.disturb(fault.target, fault.kind, lasts_s=fault.lasts_s)
                self._note(fault, connections=met)

    async def _kill(self, victim: ManagedProcess) -> None:
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(HOLDS_WITHIN_S):
                    await turn.enter_async_context(self._turns[victim.name])
                    await turn.enter_async_context(self._at_once)
                    await victim.wait_ready(math.inf)
                    await until_true(self._work_of()[victim.name], within_s=math.inf, is_brief=True)
            except TimeoutError:
                self.damage.kills_left_out += 1
                return
            killed_at = time.monotonic()
            is_in_flight = self._work_of()[victim.name]()
            await victim.kill()
            self.damage.kills[victim.name] += 1
            self.damage.kills_in_flight += is_in_flight
            self._history.write("killed", process=victim.name, in_flight=is_in_flight)
            try:
                await victim.wait_ready(READY_WITHIN_S)
            except TimeoutError:
                return  # what that leaves undone is found as stuck
        ready_s = time.monotonic() - killed_at
        if await self._progress(victim.name):
            recovery_s = time.monotonic() - killed_at
            self.damage.recoveries_s.append(recovery_s)
            self._history.write("recovered", process=victim.name, ready_s=ready_s, recovery_s=recovery_s)

    async def _pause(self, victim: ManagedProcess, fault: Fault) -> None:
        victim.pause()
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            victim.resume()
        self._note(fault)

    async def _wipe(self, queue: ManagedProcess, fault: Fault) -> None:
        await queue.stop(grace_s=0)
        shutil.rmtree(self._stack.layout.nats)
        self._stack.layout.nats.mkdir(mode=0o700)
        await queue.start()
        self._note(fault, active=self._pulse.moment.active)

    def _note(self, fault: Fault, **details: object) -> None:
        self.damage.faults[fault.kind] += 1
        self._history.write("fault", **asdict(fault), **details)

    def _work_of(self) -> Mapping[str, Callable[[], bool]]:
        """How one sees from outside that a process holds work."""
        pulse, invocations = self._pulse, self._stack.layout.lambda_endpoint
        return {
            "postgres": lambda: pulse.moment.active > 0,
            "pipeline": lambda: pulse.moment.active > 0,
            "nats": lambda: pulse.moment.queued + pulse.moment.running > 0,
            "executor": lambda: pulse.moment.running > 0,
            "gateway": lambda: self._callers.calling > 0,
            "lambda": lambda: next(invocations.rglob("*.event"), None) is not None,
        }

    async def _progress(self, victim: str) -> bool:
        """Wait until work goes on; False when there is nothing left to go on with."""

        def done() -> int:
            return self._callers.answered if victim == "gateway" else self._pulse.moment.ended

        before = done()
        try:
            await until_true(lambda: done() != before, within_s=PROGRESS_WITHIN_S)
        except TimeoutError:
            return False
        return True
