"""Says how many slots this executor has, so that no more work is published than will find one soon."""

import asyncio
import json
from collections.abc import Mapping

import nats.errors
import structlog
from nats.aio.client import Client

from executor_service.task import TaskQueue

EVERY_S = 5.0
"""Who is not heard for four times that is forgotten."""


class Announcer:
    """Core NATS, to whoever listens: `slots.<queue>` with `{"worker": NAME, "slots": NUMBER}`."""

    def __init__(self, client: Client, *, worker: str, slots: Mapping[TaskQueue, int]) -> None:
        self._client = client
        self._worker = worker
        self._slots = dict(slots)
        self._log = structlog.get_logger("executor.announcing").bind()

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            await self._tell()
            await asyncio.sleep(EVERY_S)

    async def withdraw(self) -> None:
        """Say that this executor takes no more."""
        self._slots = dict.fromkeys(self._slots, 0)
        await self._tell()

    async def _tell(self) -> None:
        for queue, slots in self._slots.items():
            body = json.dumps({"worker": self._worker, "slots": slots}).encode()
            try:
                await self._client.publish(f"slots.{queue}", body)
            except (nats.errors.Error, OSError) as err:
                # The next announcement is seconds away.
                self._log.warning("slots_not_announced", queue=queue, kind=type(err).__name__)
