"""Takes deliveries of platforms, and shows those that were kept. What they start comes later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline_service.commands.errors import InvalidField, PipelineError
from pipeline_service.domain.webhooks import Delivery, NoDelivery, SignatureInvalid, Source, verified

LiveSecrets = Callable[[], Sequence[str]]
"""Those that a platform may have signed with now."""


class WebhookNotConfigured(PipelineError):
    """There is no secret of the platform."""


class DeliveryNotSigned(PipelineError):
    """Nobody who knows a live secret signed the delivery, or it is too old."""


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """A delivery that was kept."""

    number: int
    """Grows from one to the next, with gaps."""
    source: Source
    delivery_id: str
    event_type: str
    receive_time: datetime
    size_bytes: int
    sha256: str


class WebhookEvents(Protocol):
    """Where deliveries are kept. Raises Unavailable."""

    async def keep(self, delivery: Delivery) -> bool:
        """Keep a delivery; False when one of that id, or of those bytes, was kept before."""

    async def page(self, source: Source | None, *, before: int | None, limit: int) -> Sequence[WebhookEvent]:
        """The newest ones, of a source or of all, with smaller numbers than `before`."""


class Webhooks:
    """Believes nobody who has not signed, and keeps each delivery once."""

    def __init__(
        self, *, events: WebhookEvents, secrets: Mapping[Source, LiveSecrets], now: Callable[[], datetime]
    ) -> None:
        self._events = events
        self._secrets = secrets
        self._now = now

    async def ingest(self, source: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep a delivery. False when it was kept before. The database is not asked before the signature held.

        Raises WebhookNotConfigured, DeliveryNotSigned, InvalidField, Unavailable.
        """
        known = source_of(source)
        secrets = self._secrets.get(known) if known else None
        if known is None or secrets is None:
            raise WebhookNotConfigured(f"there is no secret of '{source}'")
        try:
            delivery = verified(known, headers, body, secrets=secrets(), now=self._now())
        except SignatureInvalid:
            raise DeliveryNotSigned("the delivery is not signed with a live secret, or is too old") from None
        except NoDelivery as error:
            raise InvalidField("body", str(error)) from error
        return await self._events.keep(delivery)

    async def page(self, source: Source | None, *, before: int | None, limit: int) -> Sequence[WebhookEvent]:
        """Raises Unavailable."""
        return await self._events.page(source, before=before, limit=limit)


def source_of(name: str) -> Source | None:
    """None for one that is not known."""
    return next((source for source in Source if source == name), None)
