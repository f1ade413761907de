"""A world with one node that is bought, for tests of what becomes of its purchase."""

from datetime import timedelta
from uuid import uuid4

from pipeline_service.domain.engine.reports import Learned, LeaseOver, PollDue, Start, StartAnswer
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import Disposition, PurchaseOutcome, StartOutcome, WaitingFor, WorkKind
from tests.factories import World, a_beat, noop

SUBMITTED = Learned(outcome=PurchaseOutcome.SUBMITTED, job_id="job-1", next_poll_after=timedelta(seconds=10))


class Shop(World):
    """A world with one node that is bought."""

    def __init__(self) -> None:
        super().__init__(noop("clip", provider="ledger"))
        self.run()

    def purchase(self) -> Purchase:
        """The newest purchase."""
        return max(self.ws.purchases.values(), key=lambda one: one.id)

    def submit(self) -> tuple[Execution, Claim]:
        """A worker submits, reports the job, and parks the execution."""
        execution, claim = self.claim("clip")
        self.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))
        return self.ws.executions[execution.id], claim

    def poll(self, execution: Execution) -> Claim:
        """The poll falls due, and a worker takes it."""
        self.poll_due(execution)
        claim = Claim(uuid4())
        answer = self.start_poll(execution, claim)
        assert answer.outcome is StartOutcome.CLAIMED
        return claim

    def poll_due(self, execution: Execution) -> None:
        """The poll falls due, and is sent."""
        due = self.purchase().next_poll_at
        assert due is not None
        self.ws.now = max(self.ws.now, due)
        assert self.report(PollDue(execution_id=execution.id, due=due)) is Disposition.APPLIED

    def start_poll(self, execution: Execution, claim: Claim) -> StartAnswer:
        number = self.purchase().poll_no
        start = Start(execution_id=execution.id, claim=claim, dispatch_no=number, kind=WorkKind.POLL, actor="worker")
        answer = self.report(start)
        assert isinstance(answer, StartAnswer)
        return answer

    def deliver(self) -> None:
        """The next transaction finds what was kept in this one."""
        self.ws.delivered |= {(one.owner, one.work_digest): one for one in self.ws.artifacts}

    def lose_worker(self) -> None:
        """The worker goes silent, and the execution back into its queue."""
        execution = self.active("clip")
        assert execution.lease_until is not None
        self.ws.now = execution.lease_until
        self.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))
