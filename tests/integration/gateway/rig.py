"""A gateway in this process between a real HTTPS caller and a real gRPC service, both of the test's making."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import callback_service_pb2_grpc as callbacks_grpc

from callback_gateway import app
from callback_gateway.config import GatewaySettings
from servicekit.access import Allow, allow
from servicekit.config import load_settings
from servicekit.grpc_errors import RpcError
from servicekit.grpc_server import Drain, GrpcServer
from servicekit.lifecycle import Lifecycle
from servicekit.server_tls import server_credentials
from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.patience import PATIENCE_S
from tests.unit.gateway.capabilities import PATH, KeyPair, write_public_keys

METHODS = callbacks.DESCRIPTOR.services_by_name["CallbackService"].methods
GATEWAY = "spiffe://montage/callback-gateway"


class Refusal(Exception):
    """What the fake service answers instead of a disposition."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.error = RpcError(code=code, reason=reason, message="words of the service, with SECRET-CAUSE inside")


class FakeCallbackService(callbacks_grpc.CallbackServiceServicer):
    """Answers what the test lined up, then `disposition`; remembers every request."""

    def __init__(self) -> None:
        self.disposition = "APPLIED"
        self.refusals: list[Refusal] = []
        """Of the next calls."""
        self.entry_refusals: list[Refusal] = []
        """Of the next reports."""
        self.requests: list[callbacks.ReportExternalRequest] = []
        self.signals: list[tuple[str, str]] = []
        self.deliveries: list[callbacks.IngestWebhookRequest] = []
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ReportExternals(
        self, request: callbacks.ReportExternalsRequest, context: Any
    ) -> callbacks.ReportExternalsResponse:
        self.requests.extend(request.reports)
        self.arrived.set()
        await self.may_answer.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        return callbacks.ReportExternalsResponse(answers=[self._answer() for _ in request.reports])

    async def SignalVendorJob(
        self, request: callbacks.SignalVendorJobRequest, context: Any
    ) -> callbacks.SignalVendorJobResponse:
        self.signals.append((request.vendor, request.job_id))
        if self.refusals:
            raise self.refusals.pop(0)
        return callbacks.SignalVendorJobResponse(outcome=callbacks.SIGNAL_OUTCOME_BROUGHT_FORWARD)

    async def IngestWebhook(
        self, request: callbacks.IngestWebhookRequest, context: Any
    ) -> callbacks.IngestWebhookResponse:
        self.deliveries.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        return callbacks.IngestWebhookResponse(outcome=callbacks.WEBHOOK_OUTCOME_RECORDED)

    def _answer(self) -> callbacks.ExternalReportAnswer:
        if self.entry_refusals:
            return callbacks.ExternalReportAnswer(error=self.entry_refusals.pop(0).error.to_status("montage"))
        return callbacks.ExternalReportAnswer(disposition=f"DISPOSITION_{self.disposition}")


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What a test needs to know."""

    service: FakeCallbackService
    keys: KeyPair
    authority: CertificateAuthority
    folder: Path
    pipeline: GrpcServer
    settings: GatewaySettings
    port: int
    ops_port: int
    client: httpx.AsyncClient

    @property
    def public_keys_file(self) -> Path:
        return self.settings.capability_public_keys_file

    async def post(self, document: Any, *, cap: str | None = None, **arguments: Any) -> httpx.Response:
        """A callback with a good capability, or with `cap`."""
        params = {"cap": self.keys.issue() if cap is None else cap}
        return await self.client.post(PATH, json=document, params=params, **arguments)

    async def metrics(self) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{self.ops_port}/metrics")).text

    async def ready(self) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.ops_port}/readyz")


def caller_context(ca: bytes, *, certificate: TlsFiles | None = None) -> ssl.SSLContext:
    """TLS as a caller has it: trusts the gateway's CA, shows a certificate or none."""
    context = ssl.create_default_context(cadata=ca.decode())
    if certificate is not None:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def new_service(service: FakeCallbackService, *, tls: TlsFiles, port: int = 0) -> GrpcServer:
    """A pipeline service with nothing but callbacks, on mutual TLS."""
    return GrpcServer(
        listen=f"127.0.0.1:{port}",
        credentials=server_credentials(tls, on_reload=lambda _: None),
        services=[lambda server: callbacks_grpc.add_CallbackServiceServicer_to_server(service, server)],
        access={f"/montage.v1.CallbackService/{method.name}": allow(GATEWAY) for method in METHODS},
        reflection_access=Allow(),
        domain="montage",
        errors={Refusal: lambda error: error.error if isinstance(error, Refusal) else None},  # type: ignore[dict-item,return-value] # never None
        drain=Drain(notice_s=0, grace_s=0),
    )


def variables(folder: Path, *, pipeline_port: int, changed: dict[str, str]) -> dict[str, str]:
    """The gateway's environment, with files below `folder`."""
    tls = {name: str(folder / "tls" / f"callback-gateway.{name}.pem") for name in ("cert", "key", "ca")}
    return {
        "GATEWAY_LISTEN": "127.0.0.1:0",
        "GATEWAY_OPS_LISTEN": "127.0.0.1:0",
        "GATEWAY_TLS_CERT_FILE": tls["cert"],
        "GATEWAY_TLS_KEY_FILE": tls["key"],
        "GATEWAY_TLS_CA_FILE": tls["ca"],
        "GATEWAY_PIPELINE_ADDR": f"127.0.0.1:{pipeline_port}",
        "GATEWAY_CAPABILITY_PUBLIC_KEYS_FILE": str(folder / "public.json"),
    } | changed


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a gateway needs before it can start."""

    service: FakeCallbackService
    pipeline: GrpcServer
    authority: CertificateAuthority
    keys: KeyPair
    variables: dict[str, str]


@asynccontextmanager
async def surroundings(folder: Path, **changed: str) -> AsyncIterator[Surroundings]:
    """Certificates, keys and a pipeline service; `changed` are settings of the gateway."""
    authority, keys = CertificateAuthority(), KeyPair.make("k1")
    authority.issue_files(folder / "tls", "callback-gateway", GATEWAY)
    pipeline_tls = authority.issue_files(folder / "tls", "pipeline", "spiffe://montage/pipeline")
    write_public_keys(folder / "public.json", keys)
    service = FakeCallbackService()
    pipeline = new_service(service, tls=pipeline_tls)
    await pipeline.start()
    try:
        yield Surroundings(
            service=service,
            pipeline=pipeline,
            authority=authority,
            keys=keys,
            variables=variables(folder, pipeline_port=pipeline.port, changed=changed),
        )
    finally:
        service.may_answer.set()
        await pipeline.stop()


@asynccontextmanager
async def running(folder: Path, **changed: str) -> AsyncIterator[Rig]:
    """The gateway between a caller and a pipeline service; `changed` are settings of the gateway."""
    async with surroundings(folder, **changed) as around:
        life = Lifecycle()
        try:
            settings = load_settings(GatewaySettings, around.variables)
            ports = await app.start(life, settings=settings)
            context = caller_context(around.authority.cert)
            base = f"https://127.0.0.1:{ports.https}"
            async with httpx.AsyncClient(base_url=base, verify=context, timeout=PATIENCE_S) as client:
                yield Rig(
                    service=around.service,
                    keys=around.keys,
                    authority=around.authority,
                    folder=folder,
                    pipeline=around.pipeline,
                    settings=settings,
                    port=ports.https,
                    ops_port=ports.ops,
                    client=client,
                )
        finally:
            around.service.may_answer.set()
            await life.close()
