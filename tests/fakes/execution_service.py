"""ExecutionService in memory: keeps claims and endings as the real one promises, and remembers what it was told."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.rpc import status_pb2
from montage.v1 import execution_service_pb2 as pb
from montage.v1 import resources_pb2 as resource_pb
from montage.v1 import work_pb2 as work_pb


@dataclass
class FakeExecution:
    """One execution and what became of it."""

    task: work_pb.Task
    dispatch_no: int = 1
    claim: str | None = None
    is_paused: bool = False
    waiting_for: int = 0
    requeued_after: timedelta | None = None
    output: resource_pb.Output | None = None
    failure: resource_pb.Failure | None = None
    is_cancelled: bool = False
    takes_first_report: bool = False
    """Work without a claim: the first result is the claim."""

    @property
    def has_ended(self) -> bool:
        return self.is_cancelled or self.output is not None or self.failure is not None


@dataclass
class FakeExecutionService:
    """Use it as a stub (`ReportExecutions(request, timeout=…)`) or behind a server (`answer(request)`)."""

    lease: timedelta = timedelta(seconds=60)
    callback_url: str = "https://gateway.test/spi/video_production/executor_callback?cap=secret"
    executions: dict[str, FakeExecution] = field(default_factory=dict)
    calls: list[list[pb.ExecutionReport]] = field(default_factory=list)
    errors: deque[grpc.StatusCode] = field(default_factory=deque)
    """Raised by the next calls, one each."""
    refusals: dict[str, grpc.StatusCode] = field(default_factory=dict)
    """By kind of report: answered with this error."""
    is_away: bool = False
    gate: asyncio.Event | None = None
    """When set, calls wait for it."""
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as a call waits."""

    def given(self, execution_id: str, task: work_pb.Task, **fields: object) -> FakeExecution:
        execution = FakeExecution(task=task, **fields)  # type: ignore[arg-type]
        self.executions[execution_id] = execution
        return execution

    def reports(self, kind: str) -> list[pb.ExecutionReport]:
        return [report for call in self.calls for report in call if report.WhichOneof("report") == kind]

    async def ReportExecutions(
        self, request: pb.ReportExecutionsRequest, *, timeout: float
    ) -> pb.ReportExecutionsResponse:
        del timeout
        if self.gate is not None:
            self.at_gate.set()
            await self.gate.wait()
        if self.is_away:
            raise rpc_error(grpc.StatusCode.UNAVAILABLE)
        if self.errors:
            raise rpc_error(self.errors.popleft())
        return self.answer(request)

    def answer(self, request: pb.ReportExecutionsRequest) -> pb.ReportExecutionsResponse:
        self.calls.append(list(request.reports))
        return pb.ReportExecutionsResponse(answers=[self._answer(report) for report in request.reports])

    def _answer(self, report: pb.ExecutionReport) -> pb.ExecutionReportAnswer:
        kind = report.WhichOneof("report")
        assert kind is not None
        named = getattr(report, kind)
        if kind in self.refusals:
            return _error(self.refusals[kind])
        execution = self.executions.get(named.execution_id)
        if execution is None:
            return _error(grpc.StatusCode.NOT_FOUND)
        match kind:
            case "start":
                return pb.ExecutionReportAnswer(start=self._start(execution, named))
            case "heartbeat":
                return pb.ExecutionReportAnswer(heartbeat=self._heartbeat(execution, named))
            case "complete":
                return pb.ExecutionReportAnswer(complete=self._complete(execution, named))
            case _:
                return pb.ExecutionReportAnswer(fail=self._fail(execution, named))

    def _start(self, execution: FakeExecution, request: pb.StartExecutionRequest) -> pb.StartExecutionResponse:
        if execution.has_ended or request.dispatch_no < execution.dispatch_no or execution.waiting_for:
            return pb.StartExecutionResponse(outcome=pb.START_OUTCOME_STALE)
        if execution.is_paused:
            return pb.StartExecutionResponse(outcome=pb.START_OUTCOME_PAUSED)
        if execution.claim not in (None, request.claim):
            answer = pb.StartExecutionResponse(outcome=pb.START_OUTCOME_HELD)
            answer.hold_expire_time.GetCurrentTime()
            answer.hold_expire_time.seconds += 30
            return answer
        execution.claim = request.claim
        answer = pb.StartExecutionResponse(
            outcome=pb.START_OUTCOME_CLAIMED,
            task=execution.task,
            callback_url=self.callback_url,
            key_prefix=f"pipelines/p/nodes/n/executions/{request.execution_id}/{request.claim}/",
        )
        answer.lease.FromTimedelta(self.lease)
        return answer

    def _heartbeat(
        self, execution: FakeExecution, request: pb.HeartbeatExecutionRequest
    ) -> pb.HeartbeatExecutionResponse:
        disposition = _owner(execution, request.claim)
        answer = pb.HeartbeatExecutionResponse(disposition=disposition)
        if disposition != pb.DISPOSITION_APPLIED:
            return answer
        answer.lease.FromTimedelta(self.lease)
        match request.WhichOneof("release"):
            case "waiting_for":
                execution.waiting_for, execution.claim = request.waiting_for, None
            case "requeue_after":
                execution.requeued_after, execution.claim = request.requeue_after.ToTimedelta(), None
                execution.dispatch_no += 1
        return answer

    def _complete(self, execution: FakeExecution, request: pb.CompleteExecutionRequest) -> pb.CompleteExecutionResponse:
        if execution.output == request.output:
            return pb.CompleteExecutionResponse(disposition=pb.DISPOSITION_DUPLICATE)
        if execution.takes_first_report and execution.claim is None:
            execution.claim = request.claim
        disposition = _owner(execution, request.claim)
        if disposition == pb.DISPOSITION_APPLIED:
            execution.output = request.output
        return pb.CompleteExecutionResponse(disposition=disposition)

    def _fail(self, execution: FakeExecution, request: pb.FailExecutionRequest) -> pb.FailExecutionResponse:
        disposition = _owner(execution, request.claim)
        if disposition == pb.DISPOSITION_APPLIED:
            execution.failure = request.failure
        return pb.FailExecutionResponse(disposition=disposition)


def rpc_error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details=f"fake {code.name}", debug_error_string="")


def _owner(execution: FakeExecution, claim: str) -> pb.Disposition:
    if execution.has_ended:
        return pb.DISPOSITION_SUPERSEDED
    return pb.DISPOSITION_APPLIED if execution.claim == claim else pb.DISPOSITION_LOST


def _error(code: grpc.StatusCode) -> pb.ExecutionReportAnswer:
    return pb.ExecutionReportAnswer(error=status_pb2.Status(code=code.value[0], message=f"fake {code.name}"))
