"""Buys work from a vendor: submitted once, asked about until its last word, fetched once.

The purchase was intended, and committed, before the claim was answered. So whatever happens between here and the
vendor, the next worker holds the same key and is told that this one may have used it.
"""

from datetime import timedelta
from typing import Generic

from executor_service.executors.context import Context
from executor_service.executors.submitting import (
    before_submission,
    may_submit,
    nobody_can_tell,
    purchase_of,
    submission,
)
from executor_service.executors.vendor import Done, Order, Over, Running, Spoilt, Status, Stoppable, Vendor
from executor_service.integrations.vendor_errors import Away, Gone, Refused, trouble_of
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
    VendorTrouble,
)
from servicekit.clock import Clock

_ASK_AGAIN_FIRST, _ASK_AGAIN_MOST = timedelta(seconds=5), timedelta(minutes=10)
"""Before a vendor that did not answer is asked again: a twentieth of the purchase's age, between these."""
_NOT_YET_KNOWN = timedelta(minutes=5)
"""So long after the intent a job that the vendor does not know may be one that it does not know yet."""


class Bought(Generic[Order]):
    """The steps of work that one vendor is paid for."""

    def __init__(self, vendor: Vendor[Order], clock: Clock) -> None:
        self._vendor = vendor
        self._clock = clock

    async def execute(self, task: Task, context: Context) -> Output | AwaitingVendor | AwaitingPerson:
        """Submit, unless that was done; then wait for the vendor."""
        purchase = purchase_of(task)
        if purchase.state is PurchaseState.SUBMITTED:
            return await self._ask(purchase, context)
        if not may_submit(purchase, self._vendor.in_doubt, now=self._clock.now()):
            return nobody_can_tell()
        return await self._submit(task, purchase, context)

    async def ask(self, task: Task, context: Context) -> Output | AwaitingVendor | AwaitingPerson:
        """Ask once about what was bought, also for an execution that ended."""
        purchase = purchase_of(task)
        if purchase.state is PurchaseState.SUBMITTED:
            return await self._ask(purchase, context)
        if not self._vendor.in_doubt.can_find:
            # To repeat the submission would buy what perhaps nobody wants any more. Whoever wants it, repeats it.
            return nobody_can_tell()
        try:
            status = await self._vendor.find(purchase.submit_key)
        except Away as error:
            raise RetryLater(self._ask_again_after(purchase), str(error)) from error
        if status is None:
            never = Learned(outcome=PurchaseOutcome.REFUSED)
            raise GiveUp(ErrorType.PROVIDER_UNAVAILABLE, "the vendor never had the submission", purchase=never)
        return await self._go_on(status, purchase, context)

    async def _submit(self, task: Task, purchase: Purchase, context: Context) -> AwaitingVendor:
        with before_submission(purchase):
            order = await self._vendor.prepare(task, context)
        context.report_progress(Progress(stage="submitting"))
        await context.failpoints.hit("executor.before_submit")
        context.lease.require(self._vendor.submit_timeout_s)
        with submission(purchase):
            accepted = await self._vendor.submit(order, key=purchase.submit_key)
        await context.failpoints.hit("executor.after_submit")
        return AwaitingVendor(job_id=accepted.job_id, ask_after=accepted.ask_after)

    async def _ask(self, purchase: Purchase, context: Context) -> Output | AwaitingVendor:
        await context.failpoints.hit("executor.before_poll")
        try:
            status = await self._vendor.status(purchase.job_id)
        except (Away, Refused) as error:
            # A refused question, for a changed key or too many of them, says nothing of the job.
            raise self._ask_again(error, purchase) from error
        except Gone as error:
            raise self._gone(purchase) from error
        if context.is_called_off and isinstance(status, Running):
            await self._stop(purchase)
        return await self._go_on(status, purchase, context)

    async def _stop(self, purchase: Purchase) -> None:
        """What has ended meanwhile is fetched and kept; so is what the vendor cannot or will not stop."""
        if not isinstance(self._vendor, Stoppable):
            return
        try:
            await self._vendor.stop(purchase.job_id)
        except Refused:
            return
        except Away as error:
            raise self._ask_again(error, purchase) from error
        over = Learned(outcome=PurchaseOutcome.FAILED)
        raise GiveUp(ErrorType.CANCELLED, "nobody wanted it any more, and the vendor has stopped it", purchase=over)

    async def _go_on(self, status: Status, purchase: Purchase, context: Context) -> Output | AwaitingVendor:
        match status:
            case Running():
                progress = Progress(stage=status.stage, fraction=status.fraction)
                busy = VendorTrouble(error_type=ErrorType.RATE_LIMITED, retry_after=status.ask_after)
                return AwaitingVendor(
                    job_id=status.job_id,
                    ask_after=status.ask_after,
                    progress=progress,
                    vendor=busy if status.is_throttled else None,
                )
            case Done():
                await context.failpoints.hit("executor.after_poll")
                return await self._fetch(status, purchase, context)
            case Over():
                over = Learned(outcome=PurchaseOutcome.FAILED, cost_micros=status.cost_micros)
                raise GiveUp(status.error_type, status.message, purchase=over)

    async def _fetch(self, done: Done, purchase: Purchase, context: Context) -> Output:
        context.report_progress(Progress(stage="downloading"))
        try:
            output = await self._vendor.fetch(done.job_id, context)
        except (Away, Refused) as error:
            raise self._ask_again(error, purchase) from error
        except Gone as error:
            raise self._gone(purchase) from error
        except Spoilt as error:
            # Paid for, and nothing to be had: neither another question nor another purchase by ourselves helps.
            lost = Learned(outcome=PurchaseOutcome.FAILED, cost_micros=done.cost_micros)
            raise GiveUp(ErrorType.MEDIA_MISMATCH, str(error), purchase=lost) from error
        return output if done.cost_micros is None else output.at_cost(done.cost_micros)

    def _ask_again(self, error: Away | Refused, purchase: Purchase) -> RetryLater:
        """A vendor that does not answer a question may take submissions all the same; they tell better."""
        told = None if isinstance(error, Away) else trouble_of(error)
        return RetryLater(error.retry_after or self._ask_again_after(purchase), str(error), vendor=told)

    def _gone(self, purchase: Purchase) -> RetryLater | GiveUp:
        if self._age(purchase) < _NOT_YET_KNOWN:
            return RetryLater(self._ask_again_after(purchase), "the vendor does not know the job yet")
        over = Learned(outcome=PurchaseOutcome.FAILED)
        return GiveUp(ErrorType.PROVIDER_UNAVAILABLE, "the vendor does not know the job any more", purchase=over)

    def _ask_again_after(self, purchase: Purchase) -> timedelta:
        return min(max(self._age(purchase) / 20, _ASK_AGAIN_FIRST), _ASK_AGAIN_MOST)

    def _age(self, purchase: Purchase) -> timedelta:
        if purchase.intend_time is None:
            return timedelta(0)
        return self._clock.now() - purchase.intend_time
