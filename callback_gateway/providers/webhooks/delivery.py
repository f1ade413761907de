"""What a vendor sent, and what its module makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

REPLAY_WINDOW = timedelta(minutes=5)
"""How far a delivery's own time may be from ours, to both sides; what Standard Webhooks and HeyGen tell to check."""


class SignatureRefused(ValueError):
    """Not signed with a live secret, or too old to be believed. One answer for all of it: a prober learns nothing."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request of a vendor."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Raw: signatures are over these bytes."""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Somebody who knows the secret says that there are news of a job."""

    id: str
    """The same for each repeat of the delivery."""
    job_id: str
    """As the vendor calls the job; empty for an event that is about none."""


def check_age(unix_seconds: str, *, now: datetime) -> None:
    """Raises SignatureRefused for a delivery from outside the window."""
    if not unix_seconds.isdecimal() or len(unix_seconds) > 12:
        raise SignatureRefused("expected a time in unix seconds")
    if abs(now.timestamp() - int(unix_seconds)) > REPLAY_WINDOW.total_seconds():
        raise SignatureRefused("too old")
