"""How much a vendor is asked to do at once with one credential, and whether it is asked at all.

Two things are learned of it. A vendor that says "too much" is left alone for as long as it says, then given half as
much at a time, and with each submission that it takes a little more. One that does not answer is left alone, too (the
circuit breaker is open), then tried with one submission at a time, the probe, until it takes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline_service.domain.replacing import replace

FAILURES = 5
"""In a row, without a submission taken in between, before a vendor is left alone."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=5)
"""How long it is left alone before a probe; twice as long after each one that fails."""
PROBE_WITHIN = timedelta(minutes=2)
"""After so long a probe of which nobody has heard is followed by another."""
UNSAID = timedelta(seconds=30)
"""How long a vendor is left alone that says "too much" and not for how long."""
SHARED = ""
"""Name of the credential that everybody buys with who has none of his own; that of an owner's is the owner's name."""
SLOT_LEASE = timedelta(minutes=5)
"""How long a submission counts after the last word of it, or behind the time of the next planned question."""
DEFAULT_CONCURRENCY = {"heygen": 10, "elevenlabs": 5, "runway": 5, "veo3": 10}
"""Submissions at once by vendor: what docs/vendors.md tells of each, with its source."""
UNLISTED = 64
"""Of other vendors."""


def vendors_of(concurrency: Mapping[str, int]) -> list[str]:
    """Those that have a limit, of what an operator says by vendor, and by `vendor/owner` of single owners."""
    return sorted(name for name in concurrency if "/" not in name)


def most_at_once(concurrency: Mapping[str, int], vendor: str, credential: str) -> int:
    """What an operator allows one key: as said of `vendor/owner`, else of its vendor."""
    return concurrency.get(f"{vendor}/{credential}", concurrency[vendor])


@dataclass(frozen=True, kw_only=True)
class VendorLimit:
    """One row for each vendor and credential. What it permits is counted by those who hold its lock."""

    vendor: str
    credential: str = SHARED
    maximum: int
    """What the operator allows; not kept in the row."""
    in_use: int = 0
    """Submissions that count now: purchases whose slot has not expired; not kept in the row either."""
    current: float | None = None
    """What the vendor was last seen to take, 1 to `maximum`; None when it never said "too much"."""
    not_before: datetime | None = None
    """Until then the vendor wants nothing more."""
    failures: int = 0
    """Submissions in a row that it did not answer."""
    open_until: datetime | None = None
    """The breaker is open until then, and half open from then on; None when it is closed."""
    probe_until: datetime | None = None
    """A probe is under way, and is waited for until then."""

    @property
    def concurrency(self) -> int:
        """How many at once."""
        return max(1, int(min(self.current or self.maximum, self.maximum)))

    def left_alone_until(self, *, now: datetime) -> datetime | None:
        """When something may be submitted again, for all that is known; None when now."""
        return max(
            (one for one in (self.not_before, self.open_until, self.probe_until) if one and now < one), default=None
        )

    def room(self, *, now: datetime) -> int:
        """How many more may be submitted."""
        free = 0 if self.left_alone_until(now=now) else max(self.concurrency - self.in_use, 0)
        return free if self.open_until is None else min(free, 1)

    def taken(self, *, now: datetime, counts_already: bool = False) -> "VendorLimit":
        """One is about to be submitted, or once more; while the breaker is half open, it is the probe."""
        probe_until = None if self.open_until is None else now + PROBE_WITHIN
        return replace(self, in_use=self.in_use + (not counts_already), probe_until=probe_until)

    def accepted(self) -> "VendorLimit":
        """It took a submission: a full round of these lets one more go at once."""
        closed = replace(self, failures=0, open_until=None, probe_until=None)
        if self.current is None:
            return closed
        grown = self.current + 1 / self.current
        return replace(closed, current=None if grown >= self.maximum else grown)

    def pushed_back(self, after: timedelta | None, *, now: datetime) -> "VendorLimit":
        """It said "too much", and so it answers. What it says during its pause halves nothing more."""
        until = now + (UNSAID if after is None else after)
        answered = replace(self, failures=0, open_until=None, probe_until=None)
        if self.not_before is not None and now < self.not_before:
            return replace(answered, not_before=max(until, self.not_before))
        return replace(answered, not_before=until, current=max(1.0, self.concurrency / 2))

    def unanswered(self, *, now: datetime) -> "VendorLimit":
        """It did not answer a submission, or not with sense. While it is left alone nothing more is counted."""
        if self.open_until is not None and now < self.open_until:
            return self
        failures = self.failures + 1
        if failures < FAILURES:
            return replace(self, failures=failures)
        pause = min(FIRST_PAUSE * 2 ** min(failures - FAILURES, 16), LONGEST_PAUSE)
        return replace(self, failures=failures, open_until=now + pause, probe_until=None)
