"""Deliveries of platforms: who signed them, and what tells one from another."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

REPLAY_WINDOW = timedelta(minutes=5)
"""Stripe's own tolerance. GitHub and Discourse sign no time: there the delivery's id and bytes keep repeats out."""
MAX_ID_CHARS = 256
MAX_TYPE_CHARS = 128


class Source(StrEnum):
    """Platforms whose webhooks are taken."""

    GITHUB = "github"
    DISCOURSE = "discourse"
    PAYMENT_PROCESSOR = "payment_processor"
    """Stripe."""


class SignatureInvalid(ValueError):
    """Not signed with a live secret, or too old. Says nothing more."""


class NoDelivery(ValueError):
    """Signed, and yet no delivery as the platform describes it; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A platform's delivery that was verified."""

    source: Source
    id: str
    """The same for each repeat."""
    event_type: str
    body: bytes

    @property
    def sha256(self) -> str:
        """Of the body, lower-case hex."""
        return hashlib.sha256(self.body).hexdigest()


def verified(
    source: Source, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime
) -> Delivery:
    """The delivery, of which nothing was looked at before its signature held. Raises SignatureInvalid, NoDelivery.

    Names of `headers` are in lower case.
    """
    keys = [secret.encode() for secret in secrets]
    match source:
        case Source.GITHUB:
            _check(body, [_of_algorithm(headers.get("x-hub-signature-256", ""))], keys=keys)
            return _delivery(source, headers.get("x-github-delivery"), headers.get("x-github-event"), body)
        case Source.DISCOURSE:
            _check(body, [_of_algorithm(headers.get("x-discourse-event-signature", ""))], keys=keys)
            return _delivery(source, headers.get("x-discourse-event-id"), headers.get("x-discourse-event"), body)
        case Source.PAYMENT_PROCESSOR:
            _check_stripe(headers.get("stripe-signature", ""), body, keys=keys, now=now)
            event = _object(body)
            return _delivery(source, event.get("id"), event.get("type"), body)


def _check(message: bytes, signatures: Iterable[str], *, keys: Sequence[bytes]) -> None:
    """Raises SignatureInvalid unless one of the keys made one of the signatures, each SHA-256 in hex."""
    expected = [hmac.new(key, message, hashlib.sha256).hexdigest() for key in keys]
    found = [hmac.compare_digest(one.encode(), other.encode()) for one in signatures for other in expected]
    if not any(found):
        raise SignatureInvalid


def _of_algorithm(header: str) -> str:
    algorithm, _, digest = header.partition("=")
    return digest if algorithm == "sha256" else ""


def _check_stripe(header: str, body: bytes, *, keys: Sequence[bytes], now: datetime) -> None:
    """`t=<unix>,v1=<hex>[,v1=…]` over `<t>.<body>`; the time is signed, so that its age is to be believed."""
    parts = [part.strip().partition("=") for part in header.split(",")[:16]]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12:
        raise SignatureInvalid
    signatures = [value for name, _, value in parts if name == "v1"]
    _check(f"{times[0]}.".encode() + body, signatures, keys=keys)
    if abs(now.timestamp() - int(times[0])) > REPLAY_WINDOW.total_seconds():
        raise SignatureInvalid


def _object(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NoDelivery("expected a JSON object")
    return value


def _delivery(source: Source, delivery_id: object, event_type: object, body: bytes) -> Delivery:
    if not isinstance(delivery_id, str) or not 0 < len(delivery_id) <= MAX_ID_CHARS or not delivery_id.isprintable():
        raise NoDelivery("expected the id of the delivery")
    if not isinstance(event_type, str) or not event_type.isprintable():
        event_type = ""
    return Delivery(source=source, id=delivery_id, event_type=event_type[:MAX_TYPE_CHARS], body=body)
