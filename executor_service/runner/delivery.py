"""A message of the work queue, as the runner sees it."""

from datetime import timedelta
from typing import Protocol


class Delivery(Protocol):
    """One delivery. The runner ends each with one of ack, nak and term, or leaves it to the queue's ack_wait."""

    @property
    def body(self) -> bytes: ...

    @property
    def trace(self) -> str:
        """W3C trace context that came with it; empty when it has none."""
        ...

    async def ack(self) -> None:
        """Its effect is durable, or it had none to have."""
        ...

    async def nak(self, delay: timedelta) -> None:
        """To be delivered again after `delay`."""
        ...

    async def term(self) -> None:
        """Never to be delivered again: nobody could make sense of it."""
        ...

    async def in_progress(self) -> None:
        """The queue shall go on waiting. Only after the service said that the claim still holds."""
        ...
