"""CallbackService, for the callback gateway."""

from datetime import UTC, datetime
from functools import partial

from montage.v1 import callback_service_pb2 as pb
from montage.v1 import callback_service_pb2_grpc

from pipeline_service.capabilities import COMPLETE, PROGRESS, Capabilities, Capability
from pipeline_service.commands.reconcile import EXTERNAL_ERROR_TYPES
from pipeline_service.commands.reporting import Reporter
from pipeline_service.commands.signalling import Signals
from pipeline_service.commands.webhooks import Webhooks
from pipeline_service.domain.engine.reports import Answer, Complete, ExecutionReport, Fail, Progressed
from pipeline_service.domain.states import Disposition
from pipeline_service.transport.entries import Entries
from pipeline_service.transport.errors import DOMAIN, CapabilityExpired, CapabilityRefused
from pipeline_service.transport.executions import CountReport
from pipeline_service.transport.owners import actor
from pipeline_service.transport.uncovered import Uncovered
from pipeline_service.wire.reports import disposition_name, progress_value
from pipeline_service.wire.values import Incomplete, failure_value, output_value
from servicekit.grpc_errors import RpcError
from servicekit.grpc_handlers import Context
from servicekit.tokens import InvalidToken
from servicekit.tracing import Tracer
from servicekit.validation import MessageValidator

MAX_CONTENT_BYTES = 640 * 1024
"""Of a result that comes as text: the 512 KiB that the gateway takes of its output, and what else it tells of it."""
_SIGNAL_OUTCOMES = {
    Disposition.APPLIED: pb.SIGNAL_OUTCOME_BROUGHT_FORWARD,
    Disposition.DUPLICATE: pb.SIGNAL_OUTCOME_ALREADY_DUE,
    Disposition.SUPERSEDED: pb.SIGNAL_OUTCOME_OVER,
    None: pb.SIGNAL_OUTCOME_UNKNOWN_JOB,
}


class CallbackServicer(callback_service_pb2_grpc.CallbackServiceServicer):
    """Holds each report from outside against its capability, then hands it on as a report of that execution."""

    def __init__(
        self,
        *,
        reporter: Reporter,
        signals: Signals,
        webhooks: Webhooks,
        capabilities: Capabilities,
        validator: MessageValidator,
        count: CountReport,
        tracer: Tracer,
        uncovered: Uncovered | None = None,
    ) -> None:
        """`validator` checks what comes in one call with others; without `uncovered` each report needs a capability."""
        self._reporter = reporter
        self._signals = signals
        self._webhooks = webhooks
        self._uncovered = uncovered
        self._capabilities = capabilities
        self._validator = validator
        self._count = count
        self._tracer = tracer

    async def ReportExternal(self, request: pb.ReportExternalRequest, context: Context) -> pb.ReportExternalResponse:
        report = await self._report(request, who=actor(context))
        return pb.ReportExternalResponse(disposition=self._disposition(await self._reporter.report(report)))

    async def ReportExternals(self, request: pb.ReportExternalsRequest, context: Context) -> pb.ReportExternalsResponse:
        entries = Entries(
            validator=self._validator,
            read=partial(self._report, who=actor(context)),
            tell=self._tell,
            refuse=self._refuse,
            tracer=self._tracer,
            call=lambda _: "montage.v1.CallbackService/ReportExternal",
        )
        return pb.ReportExternalsResponse(answers=await entries.answer(request.reports, self._reporter))

    def _tell(self, report: ExecutionReport, answer: Answer) -> pb.ExternalReportAnswer:
        del report
        return pb.ExternalReportAnswer(disposition=self._disposition(answer))

    def _refuse(self, request: pb.ReportExternalRequest, error: RpcError) -> pb.ExternalReportAnswer:
        del request
        self._count("external", error.reason)
        return pb.ExternalReportAnswer(error=error.to_status(DOMAIN))

    def _disposition(self, answer: Answer) -> str:
        if not isinstance(answer, Disposition):
            raise TypeError(f"a report was answered with {answer!r}")
        self._count("external", answer)
        return disposition_name(answer)

    async def _report(self, request: pb.ReportExternalRequest, *, who: str) -> ExecutionReport:
        """Raises CapabilityRefused, CapabilityExpired, Incomplete."""
        if request.capability or self._uncovered is None:
            capability = self._verified(request)
        else:
            capability = await self._uncovered.capability(request)
        _check_agreement(request, capability)
        return _report(request, capability, who=who)

    async def IngestWebhook(self, request: pb.IngestWebhookRequest, context: Context) -> pb.IngestWebhookResponse:
        del context
        is_new = await self._webhooks.ingest(request.source, request.headers, request.body)
        self._count("webhook", "RECORDED" if is_new else "DUPLICATE")
        outcome = pb.WEBHOOK_OUTCOME_RECORDED if is_new else pb.WEBHOOK_OUTCOME_DUPLICATE
        return pb.IngestWebhookResponse(outcome=outcome)

    async def SignalVendorJob(self, request: pb.SignalVendorJobRequest, context: Context) -> pb.SignalVendorJobResponse:
        del context
        # No text of the database has a U+0000, and so no job.
        vendor, job_id = (text.replace("\x00", "") for text in (request.vendor, request.job_id))
        changed = await self._signals.signal(vendor, job_id)
        self._count("signal", changed or "UNKNOWN_JOB")
        return pb.SignalVendorJobResponse(outcome=_SIGNAL_OUTCOMES[changed])

    def _verified(self, request: pb.ReportExternalRequest) -> Capability:
        """The capability; nothing that the request reports was looked at before, and no row of the database."""
        try:
            capability = self._capabilities.verify(request.capability)
        except InvalidToken as error:
            raise CapabilityRefused from error
        is_progress = request.WhichOneof("report") == "progress"
        if capability.audience != COMPLETE and not (is_progress and capability.audience == PROGRESS):
            raise CapabilityRefused
        if capability.expires_at <= datetime.now(UTC):
            raise CapabilityExpired
        return capability


def _check_agreement(request: pb.ReportExternalRequest, capability: Capability) -> None:
    """Ids in the body are optional, but must be those of the capability."""
    expected = {
        "execution_id": str(capability.execution),
        "node_uid": str(capability.node_uid),
        "executor_type": capability.executor_type,
    }
    for field, value in expected.items():
        said = getattr(request, field)
        if said and said != value:
            raise Incomplete(field, "does not agree with the capability")


def _report(request: pb.ReportExternalRequest, capability: Capability, *, who: str) -> Complete | Fail | Progressed:
    if request.WhichOneof("report") == "progress":
        stage, fraction = progress_value(request.progress)
        return Progressed(
            execution_id=capability.execution, claim=capability.claim, stage=stage or "progress", fraction=fraction
        )
    if request.WhichOneof("report") == "output":
        return Complete(
            execution_id=capability.execution,
            claim=capability.claim,
            output=output_value(request.output, max_content_bytes=MAX_CONTENT_BYTES),
            is_external=True,
            actor=who,
        )
    failure = failure_value(request.failure)
    if failure.error_type not in EXTERNAL_ERROR_TYPES:
        raise Incomplete("failure.error_type", f"expected one of {', '.join(sorted(EXTERNAL_ERROR_TYPES))}")
    return Fail(execution_id=capability.execution, claim=capability.claim, failure=failure, is_external=True, actor=who)
