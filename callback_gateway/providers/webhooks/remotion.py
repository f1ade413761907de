"""Remotion Lambda: `X-Remotion-Signature: sha512=<hex>`, HMAC-SHA512 over the body. It tells no time."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from callback_gateway.providers.json_body import decode
from callback_gateway.providers.webhooks.delivery import Delivery, Signal, SignatureRefused
from servicekit.signatures import is_signed, of_hex

MAX_ID_CHARS = 256


class _Event(msgspec.Struct):
    type: str
    render_id: str = msgspec.field(name="renderId")


def read(delivery: Delivery, *, secrets: Sequence[str], now: datetime) -> Signal:  # noqa: ARG001 # as the others
    """Raises SignatureRefused, MalformedReport."""
    algorithm, _, digest = delivery.header("x-remotion-signature").partition("=")
    keys = [secret.encode() for secret in secrets]
    if algorithm != "sha512" or not is_signed(delivery.body, [of_hex(digest)], keys=keys, algorithm="sha512"):
        raise SignatureRefused("not signed with a live secret")
    event = decode(delivery.body, _Event)
    return Signal(id=f"{event.type}/{event.render_id}", job_id=event.render_id[:MAX_ID_CHARS])
