"""One pull subscription: asks for messages, counts what it asked for, and knows when it has gone deaf."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from servicekit.clock import Clock

REQUEST_S = 30.0
"""How long the server keeps a request; then it is asked again."""
HEARTBEAT_S = 2.0
"""How often the server says that it has not forgotten an open request."""
DEAF_AFTER_S = 3 * HEARTBEAT_S

_STATUS = "Status"
_UNDELIVERED = "Nats-Pending-Messages"
_IDLE_HEARTBEAT = "100"
_ASK_AGAIN = frozenset({"404", "408"})
"""Nothing there, or the request's time is over."""


@dataclass(frozen=True, kw_only=True)
class QueueAddress:
    """A durable consumer that somebody else creates."""

    stream: str
    durable: str

    @property
    def next_subject(self) -> str:
        return f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.durable}"


class Pull:
    """Messages arrive at `on_message`; refusals (no such consumer, limits, shutdown) at `on_refusal`, with their code.

    Talks to the server itself instead of using the client's `fetch`, which waits for a whole batch before it gives out
    the first message and can leave requests behind that swallow messages.
    """

    def __init__(
        self,
        client: Client,
        address: QueueAddress,
        *,
        clock: Clock,
        on_message: Callable[[Msg], None],
        on_refusal: Callable[[str], None],
    ) -> None:
        self._client = client
        self._address = address
        self._clock = clock
        self._on_message = on_message
        self._on_refusal = on_refusal
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._heard_at = clock.monotonic()
        self._connection = self._client.stats["reconnects"]
        self.requested = 0
        """Messages that the server may still send without being asked again."""

    @property
    def is_deaf(self) -> bool:
        """An open request without even a heartbeat, or one that a reconnect has made the server forget."""
        silent = self.requested > 0 and self._clock.monotonic() - self._heard_at > DEAF_AFTER_S
        return silent or self._client.stats["reconnects"] != self._connection

    async def open(self) -> None:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)

    async def request(self, count: int) -> None:
        """Ask for up to `count` messages more."""
        if self.requested == 0:
            self._heard_at = self._clock.monotonic()
        self.requested += count
        question = {"batch": count, "expires": int(REQUEST_S * 1e9), "idle_heartbeat": int(HEARTBEAT_S * 1e9)}
        await self._client.publish(self._address.next_subject, json.dumps(question).encode(), reply=self._inbox)

    async def close(self) -> None:
        """What has arrived is still handed out; what the server sends later comes again after its ack_wait."""
        if self._subscription is not None and self._client.is_connected:
            await self._subscription.drain()  # type: ignore[no-untyped-call] # the client's own annotation is missing
        self._subscription = None

    async def _receive(self, message: Msg) -> None:
        self._heard_at = self._clock.monotonic()
        status = (message.headers or {}).get(_STATUS)
        if status is None:
            self.requested = max(self.requested - 1, 0)
            self._on_message(message)
        elif status != _IDLE_HEARTBEAT:
            undelivered = (message.headers or {}).get(_UNDELIVERED)
            self.requested = max(self.requested - int(undelivered), 0) if undelivered else 0
            self._on_refusal("" if status in _ASK_AGAIN else status)
