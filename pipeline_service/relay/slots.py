"""How many slots executors have, as they announce it."""

import json
import time
from collections import defaultdict
from collections.abc import Callable

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from pipeline_service.domain.ids import TaskQueue

SUBJECT = "slots"
FORGOTTEN_AFTER_S = 20.0
"""Four announcements that did not come."""


class Slots:
    """Core NATS: who does not announce any more is forgotten, and who comes is heard within seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[TaskQueue, dict[str, tuple[int, float]]] = defaultdict(dict)
        """By queue and worker: the slots, and when that was heard."""
        self._log = structlog.get_logger("pipeline_service.slots").bind()

    async def listen(self, client: Client) -> None:
        await client.subscribe(f"{SUBJECT}.*", cb=self._on_message)

    def of(self, queue: TaskQueue) -> int:
        """Of all executors together; 0 when none is heard."""
        return sum(told[0] for told in self._heard[queue].values() if self._is_fresh(told))

    def hear(self, queue: TaskQueue, body: bytes) -> None:
        """`{"worker": NAME, "slots": NUMBER}`; 0 says that the worker takes no more. What is none of it is logged."""
        try:
            told = json.loads(body)
            worker, slots = str(told["worker"]), int(told["slots"])
        except (ValueError, TypeError, KeyError) as error:
            self._log.warning("announcement_unreadable", queue=queue, error=type(error).__name__)
            return
        self._heard[queue] = {name: told for name, told in self._heard[queue].items() if self._is_fresh(told)}
        self._heard[queue][worker] = slots, self._clock()

    def _is_fresh(self, told: tuple[int, float]) -> bool:
        return self._clock() - told[1] <= FORGOTTEN_AFTER_S

    async def _on_message(self, message: Msg) -> None:
        self.hear(TaskQueue(message.subject.removeprefix(f"{SUBJECT}.")), message.data)
