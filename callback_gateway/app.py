"""Wires the process, top to bottom."""

import functools
from dataclasses import dataclass
from datetime import timedelta

import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from montage.v1 import callback_service_pb2_grpc as callbacks_grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callback_gateway.completion import Completion
from callback_gateway.config import GatewaySettings
from callback_gateway.deliveries import Deliveries
from callback_gateway.http_protocol import ReceiveLimits
from callback_gateway.https_server import HttpsServer
from callback_gateway.https_tls import ServerTls
from callback_gateway.metrics import GatewayMetrics
from callback_gateway.providers.webhooks.delivery import REPLAY_WINDOW
from callback_gateway.routes import openapi
from callback_gateway.routes.body import BodyLimits
from callback_gateway.routes.buckets import Buckets
from callback_gateway.routes.callbacks import Callbacks
from callback_gateway.routes.compatibility import Compatibility
from callback_gateway.routes.recent import RecentDeliveries
from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.routes.slots import Slots
from callback_gateway.routes.webhooks import VendorSource, Webhooks
from callback_gateway.tokens import CapabilityReader, public_keys
from servicekit.clock import SystemClock
from servicekit.failpoints import Failpoints
from servicekit.grpc_client import ChannelOptions, ServiceChannel
from servicekit.grpc_retry import RetryPolicy
from servicekit.lifecycle import Lifecycle
from servicekit.ops_listener import OpsListener
from servicekit.secret_lines import secret_lines
from servicekit.telemetry import exporting_tracer, new_metrics_registry
from servicekit.tls import TlsFiles

SERVICE = "callback-gateway"
VERSION = "0.1.0"
CALLBACK_SERVICE = "montage.v1.CallbackService"


class PipelineNotServing(Exception):
    """The pipeline service answers, and takes no callbacks now."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What was bound, also where the settings asked for any free port."""

    https: int
    ops: int


class Draining(Exception):
    """The process was told to stop and finishes what it has."""


async def start(life: Lifecycle, *, settings: GatewaySettings) -> Ports:
    """Start every part of the gateway; `life` stops them in reverse."""
    clock = SystemClock()
    registry = new_metrics_registry(service=SERVICE, version=VERSION)
    metrics = GatewayMetrics(registry)
    # Traces come from elsewhere: none begins here.
    tracer = life.hold(
        exporting_tracer(settings.otlp_endpoint, share=0.0, service=SERVICE, version=VERSION, registry=registry)
    )
    tls_files = TlsFiles(cert=settings.tls_cert_file, key=settings.tls_key_file, ca=settings.tls_ca_file)
    tls = ServerTls(tls_files, on_reload=metrics.reloads_of("certificate"))
    keys = public_keys(settings.capability_public_keys_file, on_reload=metrics.reloads_of("capability_keys"))

    options = ChannelOptions(default_deadline_s=settings.pipeline_deadline_s)
    channel = await life.enter(ServiceChannel(str(settings.pipeline_addr), tls=tls_files, options=options))
    retry = RetryPolicy(deadline_s=settings.pipeline_deadline_s, attempt_timeout_s=settings.pipeline_deadline_s)
    retry_after = timedelta(seconds=settings.retry_after_s)
    peers = Buckets(per_s=settings.peer_per_s, burst=settings.peer_burst, clock=clock)
    refusals = RefusalLog(clock)
    completion = Completion(
        stub=callbacks_grpc.CallbackServiceStub(channel),
        retry=retry,
        retry_after=retry_after,
    )
    life.on_stop(completion.close)
    callbacks = Callbacks(
        capabilities=CapabilityReader(keys=keys, clock=clock),
        completion=completion,
        slots=Slots(settings.callback_slots, in_use=metrics.in_flight),
        peers=peers,
        executions=Buckets(per_s=settings.execution_per_s, burst=settings.execution_burst, clock=clock),
        compatibility=Compatibility(settings.compatibility_networks),
        metrics=metrics,
        refusals=refusals,
        tracer=tracer,
        failpoints=Failpoints.parse(settings.failpoints),
        limits=BodyLimits(usual=settings.body_limit_bytes, large=settings.result_limit_bytes),
    )
    webhooks = Webhooks(
        vendors=_vendors(settings, metrics),
        deliveries=Deliveries(stub=callbacks_grpc.CallbackServiceStub(channel), retry=retry, retry_after=retry_after),
        recent=RecentDeliveries(clock, window=REPLAY_WINDOW),
        slots=Slots(settings.webhook_slots, in_use=metrics.webhooks_in_flight),
        peers=peers,
        metrics=metrics,
        refusals=refusals,
        clock=clock,
        body_limit_bytes=settings.result_limit_bytes,
    )
    server = HttpsServer(
        web_application([*callbacks.routes(), *webhooks.routes(), openapi.route(webhooks.sources)], metrics=metrics),
        host=settings.listen.host,
        port=settings.listen.port,
        tls=tls.context,
        limits=ReceiveLimits(
            header_deadline_s=settings.header_deadline_s,
            body_deadline_s=settings.body_deadline_s,
            header_limit_bytes=settings.header_limit_bytes,
            # What frames a body in chunks comes on top of what endpoints take.
            message_limit_bytes=max(ReceiveLimits.message_limit_bytes, 2 * settings.result_limit_bytes),
            connections=settings.connections,
            connection_age_s=settings.connection_age_s,
        ),
        drain_s=settings.drain_s,
        on_cut=metrics.connection_cut,
    )
    ops = OpsListener(
        host=settings.ops_listen.host,
        port=settings.ops_listen.port,
        registry=registry,
        checks={
            "pipeline": functools.partial(_check_pipeline, health_pb2_grpc.HealthStub(channel)),
            "accepting": functools.partial(_check_accepting, life),
        },
    )

    life.on_stop(ops.stop)
    ports = Ports(ops=await ops.start(), https=await server.start())
    life.spawn("https", server.main_loop())
    life.on_stop(server.stop)
    structlog.get_logger("callback_gateway").info(
        "listening", port=ports.https, ops_port=ports.ops, public_url=settings.public_url
    )
    return ports


def _vendors(settings: GatewaySettings, metrics: GatewayMetrics) -> dict[str, VendorSource]:
    """The vendors whose secrets are known, by source."""
    files = {
        "heygen": (settings.webhook_heygen_secret_file, "heygen"),
        "standard": (settings.webhook_standard_secret_file, settings.webhook_standard_vendor),
        "remotion": (settings.webhook_remotion_secret_file, "remotion"),
    }
    return {
        source: VendorSource(
            vendor=vendor, secrets=secret_lines(file, on_reload=metrics.reloads_of(f"webhook_{source}"))
        )
        for source, (file, vendor) in files.items()
        if file is not None
    }


def web_application(routes: list[Route], *, metrics: GatewayMetrics) -> Starlette:
    """All routes, and JSON for whatever hits none."""

    async def refuse(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        metrics.callback("none", status=status, disposition="")
        words = {404: "no such route", 405: "method not allowed"}.get(status, "internal error")
        headers = error.headers if isinstance(error, HTTPException) else None
        return JSONResponse({"error": words}, status_code=status, headers=headers)

    application = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    # A redirect would repeat the query, capability included, in an answer.
    application.router.redirect_slashes = False
    return application


async def _check_accepting(life: Lifecycle) -> None:
    if life.is_stopping:
        raise Draining(SERVICE)


async def _check_pipeline(stub: health_pb2_grpc.HealthStub) -> None:
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=CALLBACK_SERVICE), timeout=2.0)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise PipelineNotServing(CALLBACK_SERVICE)
