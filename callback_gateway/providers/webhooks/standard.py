"""Standard Webhooks, as Gemini among others sends them: `{"type", "timestamp", "data": {"id", …}}`.

`webhook-signature` holds one or more `v1,<base64>`: HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, by the
secret as base64 behind `whsec_`.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

import msgspec

from callback_gateway.providers.json_body import decode
from callback_gateway.providers.webhooks.delivery import Delivery, Signal, SignatureRefused, check_age
from servicekit.signatures import is_signed

MAX_ID_CHARS = 256


class _Data(msgspec.Struct):
    id: str | None = None


class _Event(msgspec.Struct):
    data: _Data | None = None


def read(delivery: Delivery, *, secrets: Sequence[str], now: datetime) -> Signal:
    """Raises SignatureRefused, MalformedReport."""
    delivery_id, sent = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    signed = f"{delivery_id}.{sent}.".encode() + delivery.body
    given = [_decoded(one.removeprefix("v1,")) for one in _signatures(delivery)]
    if not delivery_id or not is_signed(signed, given, keys=map(key_of, secrets), algorithm="sha256"):
        raise SignatureRefused("not signed with a live secret")
    check_age(sent, now=now)
    event = decode(delivery.body, _Event)
    job_id = (event.data.id if event.data else None) or ""
    return Signal(id=delivery_id, job_id=job_id[:MAX_ID_CHARS])


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for. One that is no base64 stands for itself, as many who send take it."""
    written = secret.removeprefix("whsec_")
    return _decoded(written) or written.encode()


def _signatures(delivery: Delivery) -> list[str]:
    return [one for one in delivery.header("webhook-signature").split() if one.startswith("v1,")][:8]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
