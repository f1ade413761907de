"""The gRPC server of the service: who may call what, how large, and what is told of it."""

from pipeline_service.access import CLIENTS, access_table
from pipeline_service.config import Settings
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics
from pipeline_service.transport.errors import DOMAIN, ERRORS
from pipeline_service.transport.pipelines import MAX_DOCUMENT_BYTES
from servicekit.grpc_server import Drain, GrpcServer, Register, ServerLimits
from servicekit.server_tls import server_credentials
from servicekit.tls import TlsFiles
from servicekit.tracing import Tracer
from servicekit.validation import MessageValidator

VERSION = "0.1.0"
MAX_REQUEST_BYTES = {
    "/montage.v1.PipelineService/ImportPipeline": MAX_DOCUMENT_BYTES,
    # Far more than its entries may have: one that is too large is to be refused by itself, and the others applied.
    "/montage.v1.ExecutionService/ReportExecutions": 16 * 1024 * 1024,
    # A body of 1 MiB, and its headers.
    "/montage.v1.CallbackService/IngestWebhook": 2 * 1024 * 1024,
}
"""Of methods that take more than 1 MiB."""
BEGINS_TRACES = (
    "/montage.v1.PipelineService/RunPipeline",
    "/montage.v1.NodeService/ExecuteNode",
    "/montage.v1.NodeService/RetryNode",
)
"""Whatever makes a run: all that is done for it is one trace, also where its caller has none."""


def grpc_server(
    settings: Settings,
    tls: TlsFiles,
    services: list[Register],
    metrics: Metrics,
    validator: MessageValidator,
    tracer: Tracer,
) -> GrpcServer:
    """Not started yet. Raises MissingRule."""

    def on_reload(succeeded: bool) -> None:  # noqa: FBT001 - the callback's one argument
        metrics.certificate_reloads.labels(outcome="ok" if succeeded else "failed").inc()
        if not succeeded:
            metrics.raise_alarm(Alarm.RELOAD_FAILED)

    return GrpcServer(
        listen=str(settings.listen),
        credentials=server_credentials(tls, on_reload=on_reload),
        services=services,
        access=access_table(),
        reflection_access=CLIENTS,
        domain=DOMAIN,
        version=VERSION,
        errors=ERRORS,
        validator=validator,
        limits=ServerLimits(max_request_bytes_of=MAX_REQUEST_BYTES, connection_age_s=settings.connection_age_s),
        drain=Drain(notice_s=settings.drain_notice_s),
        on_error=lambda method, code: metrics.rpc_errors.labels(method=method, code=code).inc(),
        on_refusal=lambda method, reason: metrics.rpc_refusals.labels(method=method, reason=reason).inc(),
        on_answer=metrics.answered,
        tracer=tracer,
        begins_traces=BEGINS_TRACES,
    )
