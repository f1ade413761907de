"""Wires the internal process, top to bottom."""

import functools
import ssl
from dataclasses import dataclass

import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from montage.v1 import analytics_service_pb2_grpc, credential_service_pb2_grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callback_gateway.http_protocol import ReceiveLimits
from callback_gateway.https_server import HttpsServer
from callback_gateway.https_tls import ServerTls
from callback_gateway.internal import openapi
from callback_gateway.internal.config import InternalSettings
from callback_gateway.internal.endpoints import Endpoints
from callback_gateway.internal.facts import Facts
from callback_gateway.internal.guard import Guard, open_tokens
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.internal.pipeline import DownstreamFailed, PipelineCalls
from callback_gateway.internal.secrets import UserSecrets
from callback_gateway.routes.refusals import RefusalLog
from servicekit.access import allow
from servicekit.clock import SystemClock
from servicekit.grpc_client import ChannelOptions, ServiceChannel
from servicekit.grpc_retry import RetryPolicy
from servicekit.lifecycle import Lifecycle
from servicekit.ops_listener import OpsListener
from servicekit.telemetry import new_metrics_registry
from servicekit.tls import TlsFiles

SERVICE = "internal-gateway"
VERSION = "0.1.0"
CREDENTIAL_SERVICE = "montage.v1.CredentialService"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What was bound, also where the settings asked for any free port."""

    https: int
    ops: int


async def start(life: Lifecycle, *, settings: InternalSettings) -> Ports:
    """Start every part; `life` stops them in reverse."""
    registry = new_metrics_registry(service=SERVICE, version=VERSION)
    metrics = InternalMetrics(registry)
    tls_files = TlsFiles(cert=settings.tls_cert_file, key=settings.tls_key_file, ca=settings.tls_ca_file)
    # Callers inside can speak 1.3, in which each connection shows its certificate anew.
    tls = ServerTls(tls_files, on_reload=metrics.reloads_of("certificate"), minimum=ssl.TLSVersion.TLSv1_3)
    tokens = None
    if settings.auth_tokens_file is not None:
        tokens = open_tokens(settings.auth_tokens_file, on_reload=metrics.reloads_of("tokens"))

    options = ChannelOptions(default_deadline_s=settings.pipeline_deadline_s)
    channel = await life.enter(ServiceChannel(str(settings.pipeline_addr), tls=tls_files, options=options))
    calls = PipelineCalls(
        credentials=credential_service_pb2_grpc.CredentialServiceStub(channel),
        analytics=analytics_service_pb2_grpc.AnalyticsServiceStub(channel),
        retry=RetryPolicy(deadline_s=settings.pipeline_deadline_s, attempt_timeout_s=settings.pipeline_deadline_s),
    )
    endpoints = Endpoints(Guard(tokens, allow(*settings.callers)), metrics=metrics, refusals=RefusalLog(SystemClock()))
    server = HttpsServer(
        web_application(endpoints, calls),
        host=settings.listen.host,
        port=settings.listen.port,
        tls=tls.context,
        limits=ReceiveLimits(connections=settings.connections, connection_age_s=settings.connection_age_s),
        drain_s=settings.drain_s,
        on_cut=metrics.connection_cut,
    )
    ops = OpsListener(
        host=settings.ops_listen.host,
        port=settings.ops_listen.port,
        registry=registry,
        checks={"pipeline": functools.partial(_check_pipeline, health_pb2_grpc.HealthStub(channel))},
    )
    life.on_stop(ops.stop)
    ports = Ports(ops=await ops.start(), https=await server.start())
    life.spawn("https", server.main_loop())
    life.on_stop(server.stop)
    structlog.get_logger("callback_gateway.internal").info("listening", port=ports.https, ops_port=ports.ops)
    return ports


def web_application(endpoints: Endpoints, calls: PipelineCalls) -> Starlette:
    """All routes, and JSON for whatever hits none."""

    async def refuse(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = {404: "no such route", 405: "method not allowed"}.get(status, "internal error")
        return JSONResponse({"error": words}, status_code=status)

    routes = [*UserSecrets(calls=calls).routes(endpoints), *Facts(calls=calls).routes(endpoints), openapi.route()]
    application = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    # A redirect would repeat the query, capability included, in an answer.
    application.router.redirect_slashes = False
    return application


async def _check_pipeline(stub: health_pb2_grpc.HealthStub) -> None:
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=CREDENTIAL_SERVICE), timeout=2.0)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise DownstreamFailed(CREDENTIAL_SERVICE)
