"""ExecutionService, for the executor."""

from collections.abc import Callable
from functools import partial

from montage.v1 import execution_service_pb2 as pb
from montage.v1 import execution_service_pb2_grpc

from pipeline_service.capabilities import Capabilities
from pipeline_service.commands.reporting import Reporter
from pipeline_service.domain.engine.reports import Answer, Beat, Complete, ExecutionReport, Start, StartAnswer
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.keys import artifact_prefix
from pipeline_service.domain.states import Disposition, WorkKind
from pipeline_service.transport.entries import Entries
from pipeline_service.transport.errors import DOMAIN
from pipeline_service.transport.owners import actor
from pipeline_service.wire.reports import beat_report, complete_report, disposition_name, fail_report, start_report
from pipeline_service.wire.resources import task_message
from pipeline_service.wire.values import timestamp
from servicekit.grpc_errors import RpcError
from servicekit.grpc_handlers import Context
from servicekit.tracing import Tracer
from servicekit.validation import MessageValidator

_CALLS = {
    "start": "montage.v1.ExecutionService/StartExecution",
    "heartbeat": "montage.v1.ExecutionService/HeartbeatExecution",
    "complete": "montage.v1.ExecutionService/CompleteExecution",
    "fail": "montage.v1.ExecutionService/FailExecution",
}
CountReport = Callable[[str, str], None]
"""Called with the kind of a report and its answer."""


class ExecutionServicer(execution_service_pb2_grpc.ExecutionServiceServicer):
    """Decodes reports, hands them to the reporter, encodes what they changed."""

    def __init__(
        self,
        *,
        reporter: Reporter,
        capabilities: Capabilities,
        rules: Rules,
        validator: MessageValidator,
        count: CountReport,
        tracer: Tracer,
    ) -> None:
        """`validator` checks what comes in one call with others."""
        self._reporter = reporter
        self._capabilities = capabilities
        self._rules = rules
        self._validator = validator
        self._count = count
        self._tracer = tracer

    async def StartExecution(self, request: pb.StartExecutionRequest, context: Context) -> pb.StartExecutionResponse:
        report = start_report(request, actor=actor(context))
        return self._started(report, await self._reporter.report(report))

    async def HeartbeatExecution(
        self, request: pb.HeartbeatExecutionRequest, context: Context
    ) -> pb.HeartbeatExecutionResponse:
        return self._beaten(await self._reporter.report(beat_report(request, actor=actor(context))))

    async def CompleteExecution(
        self, request: pb.CompleteExecutionRequest, context: Context
    ) -> pb.CompleteExecutionResponse:
        answer = await self._reporter.report(complete_report(request, actor=actor(context)))
        return pb.CompleteExecutionResponse(disposition=self._disposition("complete", answer))

    async def FailExecution(self, request: pb.FailExecutionRequest, context: Context) -> pb.FailExecutionResponse:
        answer = await self._reporter.report(fail_report(request, actor=actor(context)))
        return pb.FailExecutionResponse(disposition=self._disposition("fail", answer))

    async def ReportExecutions(
        self, request: pb.ReportExecutionsRequest, context: Context
    ) -> pb.ReportExecutionsResponse:
        entries = Entries(
            validator=self._validator,
            read=partial(_report, who=actor(context)),
            tell=self._tell,
            refuse=self._refuse,
            tracer=self._tracer,
            call=_call,
        )
        return pb.ReportExecutionsResponse(answers=await entries.answer(request.reports, self._reporter))

    def _tell(self, report: ExecutionReport, answer: Answer) -> pb.ExecutionReportAnswer:
        match report:
            case Start():
                return pb.ExecutionReportAnswer(start=self._started(report, answer))
            case Beat():
                return pb.ExecutionReportAnswer(heartbeat=self._beaten(answer))
            case Complete():
                disposition = self._disposition("complete", answer)
                return pb.ExecutionReportAnswer(complete=pb.CompleteExecutionResponse(disposition=disposition))
            case _:
                disposition = self._disposition("fail", answer)
                return pb.ExecutionReportAnswer(fail=pb.FailExecutionResponse(disposition=disposition))

    def _refuse(self, report: pb.ExecutionReport, error: RpcError) -> pb.ExecutionReportAnswer:
        self._count(report.WhichOneof("report") or "none", error.reason)
        return pb.ExecutionReportAnswer(error=error.to_status(DOMAIN))

    def _started(self, report: Start, answer: Answer) -> pb.StartExecutionResponse:
        if not isinstance(answer, StartAnswer):
            raise TypeError(f"a start was answered with {answer!r}")
        self._count("start", answer.outcome)
        message = pb.StartExecutionResponse(
            outcome=f"START_OUTCOME_{answer.outcome}", hold_expire_time=timestamp(answer.held_until)
        )
        execution = answer.execution
        if execution is not None and answer.pipeline_id is not None:
            message.task.CopyFrom(task_message(execution, answer.pipeline_id, purchase=answer.purchase))
            message.lease.FromTimedelta(self._rules.lease)
            if report.kind is WorkKind.RUN:
                message.callback_url = self._capabilities.callback_url(execution, report.claim)
                message.progress_url = self._capabilities.progress_url(execution, report.claim)
                message.render_data_url = self._capabilities.render_data_url(execution, report.claim)
            message.key_prefix = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, report.claim)
        return message

    def _beaten(self, answer: Answer) -> pb.HeartbeatExecutionResponse:
        message = pb.HeartbeatExecutionResponse(disposition=self._disposition("heartbeat", answer))
        message.lease.FromTimedelta(self._rules.lease)
        return message

    def _disposition(self, kind: str, answer: Answer) -> str:
        if not isinstance(answer, Disposition):
            raise TypeError(f"a report was answered with {answer!r}")
        self._count(kind, answer)
        return disposition_name(answer)


def _call(report: pb.ExecutionReport) -> str:
    return _CALLS.get(report.WhichOneof("report") or "", "montage.v1.ExecutionService/ReportExecutions")


async def _report(report: pb.ExecutionReport, *, who: str) -> ExecutionReport:
    """Raises Incomplete."""
    match report.WhichOneof("report"):
        case "start":
            return start_report(report.start, actor=who)
        case "heartbeat":
            return beat_report(report.heartbeat, actor=who)
        case "complete":
            return complete_report(report.complete, actor=who)
        case _:
            return fail_report(report.fail, actor=who)
