"""From a delivery to an attempt: read it, claim it, run it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never
from uuid import uuid4

import grpc
import structlog

from executor_service import wire
from executor_service.completion.reports import ReportRefused, ServiceUnreachable
from executor_service.runner.attempt import Attempt, Holding, Tools
from executor_service.runner.delivery import Delivery
from executor_service.runner.unclaimed import UnclaimedWork
from executor_service.task import (
    Claimed,
    ClaimId,
    Dropped,
    ErrorType,
    ExecutionId,
    Failure,
    Held,
    StartAnswer,
    WorkItem,
)
from servicekit.tracing import Kind

CLAIM_WITHIN_S = 30.0
"""Half of the queue's ack_wait: an answer that comes later would be another delivery's."""
_SHORTEST_HOLD = timedelta(seconds=1)
_LONGEST_HOLD = timedelta(minutes=5)
_SERVICE_AWAY = timedelta(seconds=5)
_NOT_ADMITTED = timedelta(seconds=30)


@dataclass(eq=False)
class _Claiming:
    """A claim whose answer is under way."""

    execution_id: ExecutionId
    was_told_of_a_change: bool = False
    """Since it was asked for; whether the answer knows of it, nobody here can tell."""


class Runner:
    """Handles deliveries, any number at once; the caller bounds them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._unclaimed = UnclaimedWork(tools)
        self._claiming: set[_Claiming] = set()
        self._attempts: set[Attempt] = set()
        self._releasing = False
        self._log = structlog.get_logger("executor.runner")

    async def handle(self, delivery: Delivery) -> None:
        """Ends the delivery in every case; raises only what is a defect."""
        try:
            item = wire.work_item(delivery.body)
        except wire.InvalidMessage as err:
            await self._terminate(delivery, "garbage", error=str(err))
            return
        with self._tools.tracer.span(
            f"process work.{item.task_queue}",
            parent=delivery.trace,
            kind=Kind.CONSUMER,
            attributes={"montage.execution": item.execution_id, "montage.work": item.kind},
        ):
            await self._handle(item, delivery)

    async def _handle(self, item: WorkItem, delivery: Delivery) -> None:
        await self._tools.failpoints.hit("executor.got_message")
        if self._releasing:
            return await delivery.nak(timedelta(0))
        if item.task is not None and await self._unclaimed.run(item.execution_id, item.task, delivery):
            return None
        claiming = _Claiming(item.execution_id)
        self._claiming.add(claiming)
        try:
            return await self._claim_and_run(item, delivery, claiming)
        finally:
            self._claiming.discard(claiming)

    def release_all(self) -> None:
        """From now on nothing is begun, and what runs goes back to its queue."""
        self._releasing = True
        for attempt in self._attempts:
            attempt.release()

    def look_after(self, execution_id: ExecutionId) -> None:
        """Somebody says that this execution has changed; if it runs here, ask at once whether it is still wanted."""
        for claiming in self._claiming:
            if claiming.execution_id == execution_id:
                claiming.was_told_of_a_change = True
        for attempt in self._attempts:
            if attempt.execution_id == execution_id:
                attempt.look_after()

    async def _claim_and_run(self, item: WorkItem, delivery: Delivery, claiming: _Claiming) -> None:
        claim = ClaimId(str(uuid4()))
        await self._tools.failpoints.hit("executor.before_claim")
        asked_at = self._tools.clock.monotonic()
        try:
            answer = await self._claim(item, claim, asked_at)
        except ServiceUnreachable:
            self._count("service_away")
            return await delivery.nak(_SERVICE_AWAY)
        except ReportRefused as refused:
            return await self._after_refusal(item, delivery, refused)
        except wire.InvalidMessage as err:
            return await self._give_back_unreadable(item, claim, delivery, err)
        match answer:
            case Claimed():
                await self._tools.failpoints.hit("executor.after_claim")
                holding = Holding(
                    execution_id=item.execution_id,
                    claim=claim,
                    claimed=answer,
                    asked_at=asked_at,
                    kind=item.kind,
                    delivery=delivery,
                )
                return await self._run(holding, claiming)
            case Held():
                self._count("held")
                wait = answer.until - self._tools.clock.now()
                return await delivery.nak(min(max(wait, _SHORTEST_HOLD), _LONGEST_HOLD))
            case Dropped():
                self._count(answer.reason)
                return await delivery.ack()
            case _:
                assert_never(answer)

    async def _claim(self, item: WorkItem, claim: ClaimId, asked_at: float) -> StartAnswer:
        return await self._tools.reports.start(
            item.execution_id,
            claim=claim,
            dispatch_no=item.dispatch_no,
            kind=item.kind,
            patience=lambda: asked_at + CLAIM_WITHIN_S - self._tools.clock.monotonic(),
        )

    async def _run(self, holding: Holding, claiming: _Claiming) -> None:
        attempt = Attempt(holding, self._tools)
        self._attempts.add(attempt)
        self._claiming.discard(claiming)
        if claiming.was_told_of_a_change:
            attempt.look_after()
        self._tools.metrics.held.inc()
        if self._releasing:
            attempt.release()
        try:
            await attempt.run()
        finally:
            self._attempts.discard(attempt)
            self._tools.metrics.held.dec()

    async def _after_refusal(self, item: WorkItem, delivery: Delivery, refused: ReportRefused) -> None:
        if refused.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            return await self._terminate(
                delivery, "unknown_execution", execution_id=item.execution_id, error=str(refused)
            )
        # Not admitted, or a defect over there: that is no fault of the message.
        self._count("claim_refused")
        self._log.error("claim_refused", execution_id=item.execution_id, error=str(refused))
        return await delivery.nak(_NOT_ADMITTED)

    async def _give_back_unreadable(
        self, item: WorkItem, claim: ClaimId, delivery: Delivery, error: wire.InvalidMessage
    ) -> None:
        """We hold it and cannot read what it is: say so, or it would go round until its deadline."""
        self._count("unreadable_task")
        self._log.error("task_unreadable", execution_id=item.execution_id, error=str(error))
        failure = Failure(error_type=ErrorType.INTERNAL, message="the worker cannot read its task", details=str(error))
        until = self._tools.clock.monotonic() + CLAIM_WITHIN_S
        try:
            await self._tools.reports.fail(
                item.execution_id, claim=claim, failure=failure, patience=lambda: until - self._tools.clock.monotonic()
            )
        except (ServiceUnreachable, ReportRefused):
            return await delivery.nak(_NOT_ADMITTED)
        return await delivery.ack()

    async def _terminate(self, delivery: Delivery, reason: str, **fields: object) -> None:
        self._count(reason)
        self._log.warning("delivery_terminated", reason=reason, **fields)
        await delivery.term()

    def _count(self, reason: str) -> None:
        self._tools.metrics.deliveries.labels(reason).inc()
