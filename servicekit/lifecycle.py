"""The life of a process: start its parts in order, run until told to stop or until a part dies, stop in reverse."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from enum import IntEnum
from typing import Any, TypeVar

import structlog
import uvloop

Resource = TypeVar("Resource")


# How many objects are made before the collector looks for circles among them. With Python's own 700 that took a seventh
# of the processor time of a loaded service, and found next to nothing: rows, messages and tasks end without it.
_YOUNG_OBJECTS, _YOUNG_PER_MIDDLE, _MIDDLE_PER_OLD = 50_000, 10, 10


CANCEL_AGAIN_AFTER_S = 5.0
"""Longer than a task takes to leave in order what it was about."""


class ExitCode(IntEnum):
    OK = 0
    """Stopped because somebody asked."""
    FAILED = 1
    """A part could not start, or a background task ended by itself."""


class Lifecycle:
    """Holds what a process has started. What was added last is stopped first."""

    def __init__(self, *, cancel_again_after_s: float = CANCEL_AGAIN_AFTER_S) -> None:
        self._cancel_again_after_s = cancel_again_after_s
        self._stack = AsyncExitStack()
        self._stopping = asyncio.Event()
        self._failed = False
        self._log = structlog.get_logger("servicekit.lifecycle")

    async def enter(self, manager: AbstractAsyncContextManager[Resource]) -> Resource:
        """Start a part that is a context manager; it is left when the process stops."""
        return await self._stack.enter_async_context(manager)

    def hold(self, manager: AbstractContextManager[Resource]) -> Resource:
        """The same for one that starts and stops at once."""
        return self._stack.enter_context(manager)

    def on_stop(self, stop: Callable[[], Awaitable[Any]]) -> None:
        """Run `stop` when the process stops, before what was started earlier."""
        self._stack.push_async_callback(self._quietly, stop)

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` until the process stops, then cancel it and wait. If it ends before, that stops the process."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._stack.push_async_callback(_cancel, task, again_after_s=self._cancel_again_after_s)
        return task

    def request_stop(self) -> None:
        """Ask for an orderly stop; safe to repeat."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.FAILED if self._failed else ExitCode.OK

    async def wait_for_stop(self) -> None:
        """Returns when a stop was requested or a background task died."""
        await self._stopping.wait()

    async def close(self) -> None:
        """Stop everything in reverse order. A part that fails to stop is logged and does not keep the rest from it."""
        self._stopping.set()
        try:
            await self._stack.aclose()
        except Exception as err:  # the others were left all the same; what remains is to say so
            self._failed = True
            self._log.error("stop_failed", exc_info=err)

    async def _quietly(self, stop: Callable[[], Awaitable[Any]]) -> None:
        try:
            await stop()
        except Exception as err:  # see close
            self._failed = True
            self._log.error("stop_failed", exc_info=err)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._stopping.is_set():
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._log.warning("task_failed_while_stopping", task=task.get_name(), exc_info=error)
            return
        self._failed = True
        self._log.error("task_died", task=task.get_name(), exc_info=task.exception())
        self._stopping.set()


def run(
    start: Callable[[Lifecycle], Awaitable[None]],
    *,
    stop_within_s: float = 30.0,
    on_hangup: Callable[[], None] | None = None,
) -> ExitCode:
    """Run a service to its end on uvloop and return its exit code.

    `start` starts all parts and returns; then the process waits for SIGTERM, SIGINT or the death of a background task,
    and stops. A second signal, or a stop that takes longer than `stop_within_s`, ends the process at once. SIGHUP calls
    `on_hangup`; without one it ends the process, as ever.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(start, stop_within_s, on_hangup))


async def _run(
    start: Callable[[Lifecycle], Awaitable[None]], stop_within_s: float, on_hangup: Callable[[], None] | None
) -> ExitCode:
    life = Lifecycle()
    log = structlog.get_logger("servicekit.lifecycle")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, life, number, log)
    if on_hangup is not None:
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
    failed = not await _start_unless_stopped(start, life, log)
    if not failed:
        # Modules and parts stay for as long as the process lives: the collector need not look at them ever again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_PER_MIDDLE, _MIDDLE_PER_OLD)
        log.info("started")
        await life.wait_for_stop()
    loop.call_later(stop_within_s, _give_up, log, stop_within_s)
    await life.close()
    code = ExitCode.FAILED if failed else life.exit_code
    log.info("stopped", exit_code=int(code))
    return code


async def _start_unless_stopped(start: Callable[[Lifecycle], Awaitable[None]], life: Lifecycle, log: Any) -> bool:
    """Whether the process should go on to its end in order; a signal during the start cancels the start."""
    starting = asyncio.ensure_future(start(life))
    stopping = asyncio.ensure_future(life.wait_for_stop())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await _cancel(stopping)
    if not starting.done():
        await _cancel(starting)
        return True
    error = asyncio.CancelledError() if starting.cancelled() else starting.exception()
    if error is not None:
        log.error("start_failed", exc_info=error)
    return error is None


def _on_signal(life: Lifecycle, number: signal.Signals, log: Any) -> None:
    if life.is_stopping:
        log.warning("stop_forced", signal=number.name)
        os._exit(128 + number)
    log.info("stopping", signal=number.name)
    life.request_stop()


def _give_up(log: Any, stop_within_s: float) -> None:
    log.error("stop_timed_out", stop_within_s=stop_within_s)
    os._exit(ExitCode.FAILED)


async def _cancel(task: "asyncio.Future[Any]", *, again_after_s: float = CANCEL_AGAIN_AFTER_S) -> None:
    """Cancel and wait for the end; what the task raises is somebody else's to tell.

    Asks again until it is heard: `asyncio.wait_for` of Python 3.11 forgets a cancellation that meets the answer it
    waits for, and libraries are full of it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=again_after_s)
