"""Keeps the slots of one task queue filled."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import Gauge

from executor_service.consumer.nats_delivery import NatsDelivery
from executor_service.consumer.pull import Pull, QueueAddress
from executor_service.runner.delivery import Delivery
from executor_service.task import TaskQueue
from servicekit.clock import Clock

STREAM = "WORK"
_LOOK_S = 0.5
"""How often a reconnect or a deaf subscription is looked for."""
_AFTER_REFUSAL_S = 0.5


class QueueConsumer:
    """Pulls from one durable consumer and runs `handle` for each message, at most `slots` at once."""

    def __init__(
        self,
        client: Client,
        queue: TaskQueue,
        *,
        slots: int,
        handle: Callable[[Delivery], Awaitable[None]],
        clock: Clock,
        busy: Gauge,
    ) -> None:
        self.queue = queue
        self._client = client
        self._address = QueueAddress(stream=STREAM, durable=queue)
        self._slots = slots
        self._handle = handle
        self._clock = clock
        self._busy = busy.labels(queue)
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_stopping = False
        self._refused_with = ""
        self._may_ask_at = 0.0
        self._log = structlog.get_logger("executor.consumer").bind(queue=queue)

    async def run(self) -> None:
        """Until `stop_pulling`. A consumer that does not exist yet is waited for."""
        while not self._is_stopping:
            pull = Pull(
                self._client,
                self._address,
                clock=self._clock,
                on_message=self._begin,
                on_refusal=self._note_refusal,
            )
            try:
                await pull.open()
                await self._fill(pull)
            except (nats.errors.Error, OSError) as err:
                self._log.warning("pull_failed", kind=type(err).__name__)
                await asyncio.sleep(_AFTER_REFUSAL_S)
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await pull.close()

    def stop_pulling(self) -> None:
        """Nothing new is begun; what is running goes on. Safe to repeat."""
        self._is_stopping = True
        self._changed.set()

    @property
    def running(self) -> frozenset["asyncio.Task[None]"]:
        return frozenset(self._running)

    async def _fill(self, pull: Pull) -> None:
        """Returns when the subscription has to be made anew, or no more is wanted."""
        while not self._is_stopping and not pull.is_deaf:
            free = self._slots - len(self._running) - pull.requested
            wanted = free > 0 and (pull.requested == 0 or free * 2 >= self._slots)
            if wanted and self._client.is_connected and self._clock.monotonic() >= self._may_ask_at:
                await pull.request(free)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
        if pull.is_deaf:
            self._log.warning("subscription_renewed")

    def _begin(self, message: Msg) -> None:
        if self._refused_with:
            self._log.info("queue_found")
            self._refused_with = ""
        delivery = NatsDelivery(message)
        work = delivery.nak(timedelta(0)) if self._is_stopping else self._handle(delivery)
        task = asyncio.ensure_future(self._guard(work))
        self._running.add(task)
        self._busy.set(len(self._running))
        task.add_done_callback(self._end)

    async def _guard(self, work: Awaitable[None]) -> None:
        """A defect in one delivery must not end the process: the message comes again."""
        try:
            await work
        except Exception as err:
            self._log.error("delivery_crashed", exc_info=err)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._busy.set(len(self._running))
        self._changed.set()

    def _note_refusal(self, code: str) -> None:
        """503: the pipeline service has not created the consumer yet. 409: deleted, limits, or the server stops."""
        if code:
            self._may_ask_at = self._clock.monotonic() + _AFTER_REFUSAL_S
            if code != self._refused_with:
                # At a cold start the consumers come a moment after us.
                note = self._log.info if code == "503" else self._log.warning
                note("queue_refused", code=code)
                self._refused_with = code
        self._changed.set()
