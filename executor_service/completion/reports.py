"""The executor's side of ExecutionService: every call is idempotent, so it is repeated until answered or time is up."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

import grpc
from montage.v1 import execution_service_pb2 as execution_pb

from executor_service import wire
from executor_service.task import (
    AwaitingVendor,
    ClaimId,
    Disposition,
    ExecutionId,
    Failure,
    HeartbeatAnswer,
    Output,
    Progress,
    RetryLater,
    StartAnswer,
    WorkKind,
)
from servicekit.grpc_batching import Batcher
from servicekit.tracing import current_context, is_sampled

Lane: TypeAlias = Batcher[execution_pb.ExecutionReport, execution_pb.ExecutionReportAnswer]
Patience: TypeAlias = Callable[[], float]
"""Seconds that the caller still waits; asked again before every try, because a lease may have grown meanwhile."""

_CALL_TIMEOUT_S = 10.0
_FIRST_WAIT_S = 0.05
_MAX_WAIT_S = 2.0

# A server that stops cancels what it has; our own cancelling is a CancelledError. A deadline that passed says nothing
# about what was committed, and all of our calls may be repeated.
_REPEATABLE = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED}
)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class ServiceUnreachable(Exception):
    """No answer in time; whether the report was recorded is unknown."""


class ReportRefused(Exception):
    """The report changed nothing and would not if it were repeated."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code


class ReportCalls(Protocol):
    """The part of the generated stub that is used."""

    def ReportExecutions(  # noqa: N802 # the contract's name
        self, request: execution_pb.ReportExecutionsRequest, *, timeout: float
    ) -> Awaitable[execution_pb.ReportExecutionsResponse]: ...


class ExecutionReports:
    """Start, heartbeat, park, requeue, complete, fail. Raises ServiceUnreachable, ReportRefused."""

    def __init__(self, calls: ReportCalls) -> None:
        self._calls = calls
        # Two lanes, so that results, for which the service looks into the store, never hold up a sign of life.
        self._signs: Lane = Batcher(self._send)
        self._results: Lane = Batcher(self._send)

    async def start(
        self,
        execution_id: ExecutionId,
        *,
        claim: ClaimId,
        dispatch_no: int,
        patience: Patience,
        kind: WorkKind = WorkKind.RUN,
    ) -> StartAnswer:
        report = wire.start_report(execution_id, claim, dispatch_no, kind=kind)
        answer = await self._ask(self._signs, report, patience)
        return wire.start_answer(answer.start)

    async def heartbeat(
        self, execution_id: ExecutionId, *, claim: ClaimId, progress: Progress | None, patience: Patience
    ) -> HeartbeatAnswer:
        answer = await self._ask(self._signs, wire.heartbeat_report(execution_id, claim, progress=progress), patience)
        return wire.heartbeat_answer(answer.heartbeat)

    async def park(self, execution_id: ExecutionId, *, claim: ClaimId, patience: Patience) -> Disposition:
        """Lets go until a callback comes."""
        answer = await self._ask(self._results, wire.park_report(execution_id, claim), patience)
        return wire.disposition(answer.heartbeat.disposition)

    async def await_vendor(
        self,
        execution_id: ExecutionId,
        *,
        claim: ClaimId,
        waiting: AwaitingVendor,
        patience: Patience,
    ) -> Disposition:
        """Lets go until the vendor is asked again."""
        report = wire.await_vendor_report(execution_id, claim, waiting)
        answer = await self._ask(self._results, report, patience)
        return wire.disposition(answer.heartbeat.disposition)

    async def await_person(
        self, execution_id: ExecutionId, *, claim: ClaimId, reason: str, patience: Patience
    ) -> Disposition:
        """Lets go until a person has decided."""
        report = wire.await_person_report(execution_id, claim, reason=reason)
        answer = await self._ask(self._results, report, patience)
        return wire.disposition(answer.heartbeat.disposition)

    async def requeue(
        self, execution_id: ExecutionId, *, claim: ClaimId, later: RetryLater, patience: Patience
    ) -> Disposition:
        """Puts it back into its queue; the same attempt goes on elsewhere, not before its time."""
        report = wire.requeue_report(execution_id, claim, later)
        answer = await self._ask(self._results, report, patience)
        return wire.disposition(answer.heartbeat.disposition)

    async def complete(
        self, execution_id: ExecutionId, *, claim: ClaimId, output: Output, patience: Patience
    ) -> Disposition:
        answer = await self._ask(self._results, wire.complete_report(execution_id, claim, output), patience)
        return wire.disposition(answer.complete.disposition)

    async def fail(
        self, execution_id: ExecutionId, *, claim: ClaimId, failure: Failure, patience: Patience
    ) -> Disposition:
        answer = await self._ask(self._results, wire.fail_report(execution_id, claim, failure), patience)
        return wire.disposition(answer.fail.disposition)

    async def close(self) -> None:
        await self._signs.close()
        await self._results.close()

    async def _send(
        self, reports: Sequence[execution_pb.ExecutionReport]
    ) -> Sequence[execution_pb.ExecutionReportAnswer]:
        request = execution_pb.ReportExecutionsRequest(reports=reports)
        return (await self._calls.ReportExecutions(request, timeout=_CALL_TIMEOUT_S)).answers

    async def _ask(
        self, lane: Lane, report: execution_pb.ExecutionReport, patience: Patience
    ) -> execution_pb.ExecutionReportAnswer:
        context = current_context()
        if is_sampled(context):
            report.traceparent = context
        ceiling_s = _FIRST_WAIT_S
        while True:
            answer = await _ask_once(lane, report, wait_s=patience())
            if answer is not None and answer.WhichOneof("answer") == report.WhichOneof("report"):
                return answer
            if answer is not None:
                _raise_unless_repeatable(answer)
            wait_s = random.uniform(0, ceiling_s)  # noqa: S311 # jitter
            if wait_s >= patience():
                raise ServiceUnreachable("the pipeline service did not answer in time")
            await asyncio.sleep(wait_s)
            ceiling_s = min(ceiling_s * 2, _MAX_WAIT_S)


async def _ask_once(
    lane: Lane, report: execution_pb.ExecutionReport, *, wait_s: float
) -> execution_pb.ExecutionReportAnswer | None:
    """None when it is worth asking again."""
    if wait_s <= 0:
        raise ServiceUnreachable("no time is left to ask the pipeline service")
    try:
        return await lane.ask(report, within_s=wait_s)
    except TimeoutError as err:
        raise ServiceUnreachable("the pipeline service did not answer in time") from err
    except grpc.aio.AioRpcError as err:
        if err.code() not in _REPEATABLE:
            raise ReportRefused(err.code(), err.details() or "") from err
        return None


def _raise_unless_repeatable(answer: execution_pb.ExecutionReportAnswer) -> None:
    if answer.WhichOneof("answer") != "error":
        raise ReportRefused(grpc.StatusCode.INTERNAL, f"answered with {answer.WhichOneof('answer')}")
    code = _CODES.get(answer.error.code, grpc.StatusCode.UNKNOWN)
    if code not in _REPEATABLE:
        raise ReportRefused(code, answer.error.message)
