"""A JetStream message as the runner wants it."""

from collections.abc import Awaitable
from datetime import timedelta

import nats.errors
import structlog
from nats.aio.msg import Msg

from servicekit.tracing import HEADER, read_context


class NatsDelivery:
    """An acknowledgement that does not arrive is no failure: the message comes again and is found stale."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self._log = structlog.get_logger("executor.delivery")

    @property
    def body(self) -> bytes:
        return bytes(self._message.data)

    @property
    def trace(self) -> str:
        return read_context((self._message.headers or {}).get(HEADER, ""))

    async def ack(self) -> None:
        await self._tell("ack", self._message.ack())

    async def nak(self, delay: timedelta) -> None:
        await self._tell("nak", self._message.nak(delay=delay.total_seconds()))

    async def term(self) -> None:
        await self._tell("term", self._message.term())

    async def in_progress(self) -> None:
        await self._tell("in_progress", self._message.in_progress())

    async def _tell(self, what: str, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (nats.errors.Error, OSError) as err:
            self._log.warning("delivery_answer_lost", what=what, kind=type(err).__name__)
