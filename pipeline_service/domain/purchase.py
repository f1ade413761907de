"""What is paid for: one accepted, or possibly accepted, submission to a vendor. It outlives executions."""

from dataclasses import dataclass
from datetime import datetime

from pipeline_service.domain.ids import Claim, ExecutionId, Owner, PipelineUid, PurchaseId
from pipeline_service.domain.states import PurchaseState


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """At most one of an owner's digest and draw is open at a time: the store refuses a second."""

    id: PurchaseId
    owner: Owner
    work_digest: str
    draw: int
    """0, and one more each time a user forces equal work to be bought again."""
    vendor: str
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
    poll_no: int = 0
    """Counts dispatches of polls; a claim with an older number is refused."""
    polls_unanswered: int = 0
    claim: Claim | None = None
    """The worker that may report of it: the one that runs the execution, or the one that polls."""
    lease_until: datetime | None = None
    """End of a poll's lease. The lease of a worker that runs the execution is the execution's."""
    cost_micros: int | None = None
    """What the vendor charged, in millionths of a US dollar; None when unknown."""

    @property
    def possibly_submitted(self) -> bool:
        return self.possible_submissions > 0

    @property
    def submit_key(self) -> str:
        """Key of the submission, also the vendor's idempotency key: the same for every attempt."""
        return str(self.id)
