"""Tells workers, after the commit, to ask at once whether their execution is still wanted."""

import asyncio
from collections import deque
from collections.abc import Iterable

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from pipeline_service.domain.ids import ExecutionId

MAX_WAITING = 10_000


class Controls:
    """Core NATS, at most once and to whoever listens: a worker that hears nothing learns it from its next heartbeat."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._waiting: deque[ExecutionId] = deque(maxlen=MAX_WAITING)
        self._arrival = asyncio.Event()

    def send(self, executions: Iterable[ExecutionId]) -> None:
        """Hand over; returns at once."""
        self._waiting.extend(executions)
        if self._waiting:
            self._arrival.set()

    async def run(self) -> None:
        """Send until cancelled."""
        log = structlog.get_logger("pipeline_service.controls")
        while True:
            await self._arrival.wait()
            self._arrival.clear()
            while self._waiting:
                execution_id = self._waiting.popleft()
                try:
                    await self._nats.publish(subject_of(execution_id))
                except (NatsError, OSError) as error:
                    log.warning("control_not_sent", execution_id=str(execution_id), reason=type(error).__name__)


def subject_of(execution_id: ExecutionId) -> str:
    return f"control.{execution_id}"
