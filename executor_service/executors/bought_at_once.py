"""Buys work from a vendor that answers with the result itself: there is no job to ask about.

What is paid for lies in the attempt's folder alone until it is in the store, so that the store is waited for here.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol

from executor_service.executors.context import Context
from executor_service.executors.submitting import (
    before_submission,
    may_submit,
    nobody_can_tell,
    purchase_of,
    submission,
)
from executor_service.executors.vendor import InDoubt, Order, Spoilt
from executor_service.executors.vendor_result import keep_result
from executor_service.task import (
    AwaitingPerson,
    ErrorType,
    GiveUp,
    Learned,
    MediaType,
    Output,
    Progress,
    PurchaseOutcome,
    Task,
)
from servicekit.clock import Clock
from servicekit.object_store import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Made:
    """A result that was paid for."""

    path: Path
    type: MediaType
    cost_micros: int | None


class Maker(Protocol[Order]):
    """A vendor that works while it is called."""

    @property
    def in_doubt(self) -> InDoubt: ...

    def prepare(self, task: Task, context: Context) -> Awaitable[Order]:
        """All that comes before the call and costs nothing. Raises Refused, Away, GiveUp, RetryLater."""

    def longest_s(self, order: Order) -> float:
        """How long making it may take."""

    def make(self, order: Order, context: Context) -> Awaitable[Made]:
        """Raises Refused, Away; GiveUp for what was paid in part and will not be finished."""


class BoughtAtOnce(Generic[Order]):
    """The steps of work that one such vendor is paid for."""

    def __init__(self, maker: Maker[Order], store: ObjectStore, clock: Clock) -> None:
        self._maker = maker
        self._store = store
        self._clock = clock

    async def execute(self, task: Task, context: Context) -> Output | AwaitingPerson:
        purchase = purchase_of(task)
        if not may_submit(purchase, self._maker.in_doubt, now=self._clock.now()):
            return nobody_can_tell()
        with before_submission(purchase):
            order = await self._maker.prepare(task, context)
        context.report_progress(Progress(stage="making"))
        await context.failpoints.hit("executor.before_submit")
        context.lease.require(self._maker.longest_s(order))
        with submission(purchase):
            made = await self._maker.make(order, context)
        await context.failpoints.hit("executor.after_submit")
        return await self._keep(made, context)

    async def ask(self, task: Task, context: Context) -> AwaitingPerson:
        """There is nobody to ask. Who wants the same work submits it once more, as far as the vendor's rules go."""
        del task, context
        return nobody_can_tell()

    async def _keep(self, made: Made, context: Context) -> Output:
        try:
            output = await keep_result(
                made.path, wanted=made.type, store=self._store, context=context, waits_for_store=True
            )
        except Spoilt as error:
            lost = Learned(outcome=PurchaseOutcome.FAILED, cost_micros=made.cost_micros)
            raise GiveUp(ErrorType.MEDIA_MISMATCH, str(error), purchase=lost) from error
        return output if made.cost_micros is None else output.at_cost(made.cost_micros)
