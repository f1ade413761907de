"""Buys work from a vendor: submitted once, asked about until its last word, fetched once.

The purchase was intended, and committed, before the claim was answered. So whatever happens between here and the
vendor, the next worker holds the same key and is told that this one may have used it.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from executor_service.executors.context import Context
from executor_service.task import (
    AwaitingPerson,
    AwaitingVendor,
    ErrorType,
    GiveUp,
    Learned,
    Output,
    Progress,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    Task,
)

REPEAT_AFTER = timedelta(seconds=2)
"""Before a submission in doubt is repeated under its key."""
VENDOR_AWAY = timedelta(seconds=5)
"""Before a vendor that did not answer is asked again."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """The job goes on."""

    job_id: str
    ask_after: timedelta
    stage: str = "rendering"


@dataclass(frozen=True, kw_only=True)
class Done:
    """The job's result can be fetched."""

    job_id: str
    cost_micros: int | None


@dataclass(frozen=True, kw_only=True)
class Over:
    """The job ended without a result."""

    error_type: ErrorType
    message: str
    cost_micros: int | None


Status: TypeAlias = Running | Done | Over


class Refused(Exception):
    """The vendor definitely did not accept a submission."""

    def __init__(self, error_type: ErrorType, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.retry_after = retry_after
        """When the same submission may be accepted; None when never."""


class Away(Exception):
    """No answer that decides anything."""


class Vendor(Protocol):
    """What a vendor's module offers, in our words."""

    @property
    def knows_keys(self) -> bool:
        """Whether a submission repeated under its key is the same job, and can be found by it."""

    @property
    def submit_timeout_s(self) -> float:
        """How long a submission may take."""

    def submit(self, task: Task, *, key: str) -> Awaitable[Running]:
        """Raises Refused, Away."""

    def find(self, key: str) -> Awaitable[Status | None]:
        """What became of a submission; None when there was none. Only where keys are known. Raises Away."""

    def status(self, job_id: str) -> Awaitable[Status]:
        """Raises Away."""

    def fetch(self, job_id: str, context: Context) -> Awaitable[Output]:
        """Bring the result into the store. Raises Away, GiveUp."""


class Bought:
    """The steps of work that one vendor is paid for."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def execute(self, task: Task, context: Context) -> Output | AwaitingVendor | AwaitingPerson:
        """Submit, unless that was done; then wait for the vendor."""
        purchase = _purchase_of(task)
        if purchase.state is PurchaseState.SUBMITTED:
            return await self._ask(purchase.job_id, context)
        if purchase.possibly_submitted and not self._vendor.knows_keys:
            return AwaitingPerson("the vendor may have accepted the submission, and cannot be asked")
        return await self._submit(task, purchase, context)

    async def ask(self, task: Task, context: Context) -> Output | AwaitingVendor | AwaitingPerson:
        """Ask once about what was bought, also for an execution that ended."""
        purchase = _purchase_of(task)
        if purchase.state is PurchaseState.SUBMITTED:
            return await self._ask(purchase.job_id, context)
        if not self._vendor.knows_keys:
            return AwaitingPerson("the vendor may have accepted the submission, and cannot be asked")
        try:
            status = await self._vendor.find(purchase.submit_key)
        except Away as error:
            raise RetryLater(VENDOR_AWAY, str(error)) from error
        if status is None:
            never = Learned(outcome=PurchaseOutcome.REFUSED)
            raise GiveUp(ErrorType.PROVIDER_UNAVAILABLE, "the vendor never had the submission", purchase=never)
        return await self._go_on(status, context)

    async def _submit(self, task: Task, purchase: Purchase, context: Context) -> AwaitingVendor:
        context.report_progress(Progress(stage="submitting"))
        await context.failpoints.hit("executor.before_submit")
        context.lease.require(self._vendor.submit_timeout_s)
        try:
            accepted = await self._vendor.submit(task, key=purchase.submit_key)
        except Refused as refused:
            never = Learned(outcome=PurchaseOutcome.REFUSED)
            if refused.retry_after is not None:
                raise RetryLater(refused.retry_after, str(refused), purchase=never) from refused
            raise GiveUp(refused.error_type, str(refused), purchase=never) from refused
        except Away as error:
            unsure = Learned(outcome=PurchaseOutcome.UNKNOWN)
            raise RetryLater(REPEAT_AFTER, f"the submission is in doubt: {error}", purchase=unsure) from error
        await context.failpoints.hit("executor.after_submit")
        return AwaitingVendor(job_id=accepted.job_id, ask_after=accepted.ask_after)

    async def _ask(self, job_id: str, context: Context) -> Output | AwaitingVendor:
        await context.failpoints.hit("executor.before_poll")
        try:
            status = await self._vendor.status(job_id)
        except Away as error:
            raise RetryLater(VENDOR_AWAY, str(error)) from error
        return await self._go_on(status, context)

    async def _go_on(self, status: Status, context: Context) -> Output | AwaitingVendor:
        match status:
            case Running():
                progress = Progress(stage=status.stage)
                return AwaitingVendor(job_id=status.job_id, ask_after=status.ask_after, progress=progress)
            case Done():
                await context.failpoints.hit("executor.after_poll")
                return await self._fetch(status, context)
            case Over():
                over = Learned(outcome=PurchaseOutcome.FAILED, cost_micros=status.cost_micros)
                raise GiveUp(status.error_type, status.message, purchase=over)

    async def _fetch(self, done: Done, context: Context) -> Output:
        context.report_progress(Progress(stage="downloading"))
        try:
            output = await self._vendor.fetch(done.job_id, context)
        except Away as error:
            raise RetryLater(VENDOR_AWAY, str(error)) from error
        return output.at_cost(done.cost_micros)


def _purchase_of(task: Task) -> Purchase:
    if task.purchase is None:
        raise GiveUp(ErrorType.INTERNAL, f"'{task.provider}' is paid, and the task says nothing of a purchase")
    return task.purchase
