"""What is paid for: one accepted, or possibly accepted, submission to a vendor. It outlives executions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline_service.domain.ids import Claim, ExecutionId, Owner, PipelineUid, PurchaseId
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import PurchaseState
from pipeline_service.domain.vendor_limit import SLOT_LEASE

SIGNALS_EVERY = timedelta(seconds=5)
"""However often a vendor signals, it is asked no sooner after the question before."""


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """At most one of an owner's digest and draw is open at a time: the store refuses a second."""

    id: PurchaseId
    owner: Owner
    work_digest: str
    draw: int
    """0, and one more each time a user forces equal work to be bought again."""
    vendor: str
    credential: str | None = ""
    """Whose key pays: its owner's name, or empty for the executors' own, which everybody shares.

    None where the code that intended it did not say; it is counted as shared.
    """
    state: PurchaseState
    execution_id: ExecutionId
    """The execution that is attached to it; the newest, when there were several."""
    pipeline_uid: PipelineUid
    """Of that execution."""
    intend_time: datetime
    possible_submissions: int = 0
    """How many earlier workers had it before its outcome was known."""
    job_id: str = ""
    next_poll_at: datetime | None = None
    """When the vendor is asked (again); None while a worker runs the execution, and when it is over."""
    called_off: bool = False
    """A user cancelled what it was for: unless somebody wants it again, the vendor is asked to stop."""
    asked_at: datetime | None = None
    """When a worker was last sent to ask the vendor, or took it to do so."""
    signalled_at: datetime | None = None
    """When the vendor last said by itself that there are news."""
    poll_no: int = 0
    """Counts dispatches of polls; a claim with an older number is refused."""
    polls_unanswered: int = 0
    claim: Claim | None = None
    """The worker that may report of it: the one that runs the execution, or the one that polls."""
    lease_until: datetime | None = None
    """End of a poll's lease. The lease of a worker that runs the execution is the execution's."""
    slot_until: datetime | None = None
    """Until then it counts as submitted, unless it ends before; None when it never did, or is over."""
    cost_micros: int | None = None
    """What the vendor charged, in millionths of a US dollar; None when unknown."""

    @property
    def possibly_submitted(self) -> bool:
        return self.possible_submissions > 0

    @property
    def submit_key(self) -> str:
        """Key of the submission, also the vendor's idempotency key: the same for every attempt."""
        return str(self.id)

    @property
    def has_news(self) -> bool:
        """Whether the vendor has signalled since it was asked last."""
        return self.signalled_at is not None and (self.asked_at is None or self.signalled_at >= self.asked_at)

    def ask_at(self, planned: datetime, *, now: datetime) -> datetime:
        """When the vendor is asked: as planned, or sooner when it has news."""
        if not self.has_news:
            return planned
        soonest = now if self.asked_at is None else max(now, self.asked_at + SIGNALS_EVERY)
        return min(planned, soonest)

    def counted(self, until: datetime) -> "Purchase":
        """Keeps its slot: somebody has it or asks about it until then. One in doubt counts no longer than it does."""
        return replace(self, slot_until=until + SLOT_LEASE) if self.state is PurchaseState.SUBMITTED else self
