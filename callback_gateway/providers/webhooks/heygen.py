"""HeyGen: `Signature` (v2) or `Heygen-Signature` (v3), HMAC-SHA256 over the body in hex, by the secret as it stands.

v3 tells a time beside it that is not signed: it keeps repeats of HeyGen's own out, and nobody who knows better. So a
delivery that was seen is told by its event id, which is not signed either, and by what the body says.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from callback_gateway.providers.json_body import decode
from callback_gateway.providers.webhooks.delivery import Delivery, Signal, SignatureRefused, check_age
from servicekit.signatures import is_signed, of_hex

MAX_ID_CHARS = 256


class _Data(msgspec.Struct):
    video_id: str | None = None


class _Event(msgspec.Struct):
    event_type: str
    event_data: _Data | None = None


def read(delivery: Delivery, *, secrets: Sequence[str], now: datetime) -> Signal:
    """Raises SignatureRefused, MalformedReport."""
    signature = of_hex(delivery.header("heygen-signature") or delivery.header("signature"))
    if not is_signed(delivery.body, [signature], keys=[secret.encode() for secret in secrets], algorithm="sha256"):
        raise SignatureRefused("not signed with a live secret")
    if "heygen-timestamp" in delivery.headers:
        check_age(delivery.header("heygen-timestamp"), now=now)
    event = decode(delivery.body, _Event)
    video = (event.event_data.video_id if event.event_data else None) or ""
    # Not by the event's id: whoever replays a delivery could give it another one.
    return Signal(id=f"{event.event_type}/{video}", job_id=video[:MAX_ID_CHARS])
