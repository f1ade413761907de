"""Says how an attempt ended, and decides by the answer what becomes of its message."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias, assert_never

import grpc
from structlog.typing import FilteringBoundLogger

from executor_service.completion.reports import ExecutionReports, ReportRefused, ServiceUnreachable
from executor_service.executors.lease import Lease
from executor_service.runner.heart import Lost
from executor_service.task import (
    AwaitingCallback,
    AwaitingPerson,
    AwaitingVendor,
    ClaimId,
    Disposition,
    ErrorType,
    ExecutionId,
    Failure,
    Output,
    RetryLater,
)

Ending: TypeAlias = Output | AwaitingCallback | AwaitingVendor | AwaitingPerson | RetryLater | Failure | Lost


class Held(Protocol):
    """What the report is about."""

    @property
    def execution_id(self) -> ExecutionId: ...

    @property
    def claim(self) -> ClaimId: ...


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of an attempt here."""

    outcome: str
    """`completed`, `parked`, `requeued`, `failed`, `lost`, `unreported`, `refused`."""
    may_ack: bool
    """The effect is durable, or there is none to wait for."""
    redeliver_after: timedelta | None = None
    """None with `may_ack` false: leave the message alone, it may be another worker's by now."""


class Reporter:
    """One attempt's report, repeated until it is answered or the lease is over."""

    def __init__(self, held: Held, reports: ExecutionReports, *, lease: Lease, log: FilteringBoundLogger) -> None:
        self._held = held
        self._reports = reports
        self._lease = lease
        self._log = log

    async def report(self, ending: Ending) -> Settled:
        try:
            return await self._report(ending)
        except ServiceUnreachable:
            # Whether it was recorded is unknown. The next delivery asks: STALE if it was, another claim if not.
            self._log.warning("report_unanswered")
            return Settled(outcome="unreported", may_ack=False)
        except ReportRefused as refused:
            return await self._after_refusal(ending, refused)

    async def _report(self, ending: Ending) -> Settled:
        execution_id, claim, patience = self._held.execution_id, self._held.claim, self._lease.remaining_s
        match ending:
            case Output():
                disposition = await self._reports.complete(execution_id, claim=claim, output=ending, patience=patience)
                return self._settle("completed", disposition, s3_key=ending.s3_key, size_bytes=ending.size_bytes)
            case AwaitingCallback():
                disposition = await self._reports.park(execution_id, claim=claim, patience=patience)
                return self._settle("parked", disposition)
            case AwaitingVendor():
                disposition = await self._reports.await_vendor(
                    execution_id, claim=claim, waiting=ending, patience=patience
                )
                return self._settle("parked", disposition, job_id=ending.job_id)
            case AwaitingPerson():
                disposition = await self._reports.await_person(
                    execution_id, claim=claim, reason=ending.reason, patience=patience
                )
                return self._settle("parked", disposition, reason=ending.reason)
            case RetryLater():
                disposition = await self._reports.requeue(execution_id, claim=claim, later=ending, patience=patience)
                return self._settle("requeued", disposition, after_s=ending.after.total_seconds(), reason=str(ending))
            case Failure():
                disposition = await self._reports.fail(execution_id, claim=claim, failure=ending, patience=patience)
                return self._settle("failed", disposition, error_type=ending.error_type, reason=ending.message)
            case Lost():
                self._log.warning("execution_lost", reason=ending.reason)
                # Superseded means ended: nobody needs the message. Else it may be the new holder's own delivery.
                return Settled(outcome="lost", may_ack=ending.reason == Disposition.SUPERSEDED)
            case _:
                assert_never(ending)

    def _settle(self, outcome: str, disposition: Disposition, **fields: object) -> Settled:
        if disposition is Disposition.LOST:
            self._log.warning("execution_lost", reason="lost", would_have=outcome)
            return Settled(outcome="lost", may_ack=False)
        if disposition is Disposition.SUPERSEDED:
            self._log.warning("execution_lost", reason="superseded", would_have=outcome)
            return Settled(outcome="lost", may_ack=True)
        self._log.info(f"execution_{outcome}", disposition=disposition, **fields)
        return Settled(outcome=outcome, may_ack=True)

    async def _after_refusal(self, ending: Ending, refused: ReportRefused) -> Settled:
        self._log.error("report_refused", ending=type(ending).__name__, code=refused.code.name, error=str(refused))
        if refused.code is grpc.StatusCode.NOT_FOUND:
            return Settled(outcome="refused", may_ack=True)
        if isinstance(ending, Output):
            failure = Failure(
                error_type=ErrorType.INTERNAL,
                message="the result was not accepted",
                details=str(refused),
            )
            return await self.report(failure)
        return Settled(outcome="refused", may_ack=False, redeliver_after=timedelta(seconds=self._lease.length_s))
