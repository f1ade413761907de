"""ExecutionService, for the executor."""

from collections.abc import Callable
from functools import partial

from montage.v1 import execution_service_pb2 as pb
from montage.v1 import execution_service_pb2_grpc

from pipeline_service.capabilities import Capabilities
from pipeline_service.commands.reporting import Reporter
from pipeline_service.commands.views import PipelineNames
from pipeline_service.domain.engine.reports import ExecutionReport, Start, StartAnswer
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.keys import artifact_prefix
from pipeline_service.domain.states import Disposition, StartOutcome, WorkKind
from pipeline_service.transport.entries import answer_each, refusal
from pipeline_service.transport.errors import DOMAIN
from pipeline_service.transport.owners import actor
from pipeline_service.wire.reports import beat_report, complete_report, disposition_name, fail_report, start_report
from pipeline_service.wire.resources import task_message
from pipeline_service.wire.values import timestamp
from servicekit.grpc_errors import RpcError
from servicekit.grpc_handlers import Context
from servicekit.validation import MessageValidator, invalid_request

CountReport = Callable[[str, str], None]
"""Called with the kind of a report and its answer."""


class ExecutionServicer(execution_service_pb2_grpc.ExecutionServiceServicer):
    """Decodes reports, hands them to the reporter, encodes what they changed."""

    def __init__(
        self,
        *,
        reporter: Reporter,
        capabilities: Capabilities,
        names: PipelineNames,
        rules: Rules,
        validator: MessageValidator,
        count: CountReport,
    ) -> None:
        """`validator` checks what comes in one call with others."""
        self._reporter = reporter
        self._capabilities = capabilities
        self._names = names
        self._rules = rules
        self._validator = validator
        self._count = count

    async def StartExecution(self, request: pb.StartExecutionRequest, context: Context) -> pb.StartExecutionResponse:
        return await self._start(request, actor(context))

    async def HeartbeatExecution(
        self, request: pb.HeartbeatExecutionRequest, context: Context
    ) -> pb.HeartbeatExecutionResponse:
        return await self._beat(request, actor(context))

    async def CompleteExecution(
        self, request: pb.CompleteExecutionRequest, context: Context
    ) -> pb.CompleteExecutionResponse:
        return await self._complete(request, actor(context))

    async def FailExecution(self, request: pb.FailExecutionRequest, context: Context) -> pb.FailExecutionResponse:
        return await self._fail(request, actor(context))

    async def ReportExecutions(
        self, request: pb.ReportExecutionsRequest, context: Context
    ) -> pb.ReportExecutionsResponse:
        one = partial(self._one, who=actor(context))
        return pb.ReportExecutionsResponse(answers=await answer_each(request.reports, one, about=_execution_of))

    async def _one(self, report: pb.ExecutionReport, *, who: str) -> pb.ExecutionReportAnswer:
        """One entry of many. Its error is its own answer, also that of a rule of the contract."""
        violations = self._validator.violations(report)
        if violations:
            return self._refused(report, invalid_request(violations))
        try:
            match report.WhichOneof("report"):
                case "start":
                    return pb.ExecutionReportAnswer(start=await self._start(report.start, who))
                case "heartbeat":
                    return pb.ExecutionReportAnswer(heartbeat=await self._beat(report.heartbeat, who))
                case "complete":
                    return pb.ExecutionReportAnswer(complete=await self._complete(report.complete, who))
                case _:
                    return pb.ExecutionReportAnswer(fail=await self._fail(report.fail, who))
        except Exception as error:
            return self._refused(report, refusal(error))

    def _refused(self, report: pb.ExecutionReport, error: RpcError) -> pb.ExecutionReportAnswer:
        self._count(report.WhichOneof("report") or "none", error.reason)
        return pb.ExecutionReportAnswer(error=error.to_status(DOMAIN))

    async def _start(self, request: pb.StartExecutionRequest, who: str) -> pb.StartExecutionResponse:
        report = start_report(request, actor=who)
        answer = await self._reporter.report(report)
        if not isinstance(answer, StartAnswer):
            raise TypeError(f"a start was answered with {answer!r}")
        self._count("start", answer.outcome)
        return await self._start_answer(report, answer)

    async def _beat(self, request: pb.HeartbeatExecutionRequest, who: str) -> pb.HeartbeatExecutionResponse:
        disposition = await self._disposition("heartbeat", beat_report(request, actor=who))
        answer = pb.HeartbeatExecutionResponse(disposition=disposition_name(disposition))
        answer.lease.FromTimedelta(self._rules.lease)
        return answer

    async def _complete(self, request: pb.CompleteExecutionRequest, who: str) -> pb.CompleteExecutionResponse:
        disposition = await self._disposition("complete", complete_report(request, actor=who))
        return pb.CompleteExecutionResponse(disposition=disposition_name(disposition))

    async def _fail(self, request: pb.FailExecutionRequest, who: str) -> pb.FailExecutionResponse:
        disposition = await self._disposition("fail", fail_report(request, actor=who))
        return pb.FailExecutionResponse(disposition=disposition_name(disposition))

    async def _start_answer(self, report: Start, answer: StartAnswer) -> pb.StartExecutionResponse:
        message = pb.StartExecutionResponse(
            outcome=f"START_OUTCOME_{answer.outcome}", hold_expire_time=timestamp(answer.held_until)
        )
        execution = answer.execution
        if answer.outcome is StartOutcome.CLAIMED and execution is not None:
            pipeline = await self._names.pipeline_id(execution.pipeline_uid)
            message.task.CopyFrom(task_message(execution, pipeline, purchase=answer.purchase))
            message.lease.FromTimedelta(self._rules.lease)
            if report.kind is WorkKind.RUN:
                message.callback_url = self._capabilities.callback_url(execution, report.claim)
                message.render_data_url = self._capabilities.render_data_url(execution, report.claim)
            message.key_prefix = artifact_prefix(execution.pipeline_uid, execution.node_uid, execution.id, report.claim)
        return message

    async def _disposition(self, kind: str, report: ExecutionReport) -> Disposition:
        found = await self._reporter.report(report)
        if not isinstance(found, Disposition):
            raise TypeError(f"a report was answered with {found!r}")
        self._count(kind, found)
        return found


def _execution_of(report: pb.ExecutionReport) -> str:
    """The execution that a report tells of."""
    kind = report.WhichOneof("report")
    return getattr(report, kind).execution_id if kind else ""
