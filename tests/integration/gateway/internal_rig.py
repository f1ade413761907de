"""The internal process, in this one, between a real HTTPS caller and a real gRPC service of the test's making."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
from montage.v1 import analytics_service_pb2 as facts
from montage.v1 import analytics_service_pb2_grpc as facts_grpc
from montage.v1 import credential_service_pb2 as secrets
from montage.v1 import credential_service_pb2_grpc as secrets_grpc
from montage.v1 import resources_pb2

from callback_gateway.config import GatewaySettings
from callback_gateway.internal import app
from callback_gateway.internal.config import InternalSettings
from servicekit.access import Allow, allow
from servicekit.config import load_settings
from servicekit.grpc_errors import RpcError
from servicekit.grpc_server import Drain, GrpcServer
from servicekit.lifecycle import Lifecycle
from servicekit.server_tls import server_credentials
from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority
from tests.integration.gateway.rig import Refusal, caller_context
from tests.patience import PATIENCE_S

TOKEN = "t" * 32
UID = "42"
GATEWAY = "spiffe://montage/internal-gateway"
CALLER = "spiffe://montage/client/orchestrator"
NO_SUCH = (grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND")


class FakeServices(secrets_grpc.CredentialServiceServicer, facts_grpc.AnalyticsServiceServicer):
    """One user has every secret, every node and pipeline has facts; `refusal` is said instead, if there is one."""

    def __init__(self) -> None:
        self.refusal: tuple[grpc.StatusCode, str] | None = None

    async def AccessCredential(
        self, request: secrets.AccessCredentialRequest, context: Any
    ) -> secrets.AccessCredentialResponse:
        self._refuse(request.owner)
        answer = secrets.AccessCredentialResponse(value=f"secret of {request.vendor}")
        answer.credential.expire_time.GetCurrentTime()
        return answer

    async def TouchCredential(
        self, request: secrets.TouchCredentialRequest, context: Any
    ) -> secrets.TouchCredentialResponse:
        self._refuse(request.owner)
        return secrets.TouchCredentialResponse()

    async def GetNodeRenderData(
        self, request: facts.GetNodeRenderDataRequest, context: Any
    ) -> facts.GetNodeRenderDataResponse:
        self._refuse()
        answer = facts.GetNodeRenderDataResponse(node_uid=request.node_uid, node="pipelines/f/nodes/n", type="noop")
        answer.config.update({"width": 1280})
        answer.inputs.add(slot="script", node_uid="u", node_id="draft")
        voice = answer.inputs.add(slot="audio", node_uid="u", node_id="voice", url="https://store.test/voice.mp3")
        voice.output.CopyFrom(resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_AUDIO, s3_key="v.mp3", size_bytes=9))
        answer.expire_time.GetCurrentTime()
        return answer

    async def GetPipelineMetrics(
        self, request: facts.GetPipelineMetricsRequest, context: Any
    ) -> facts.GetPipelineMetricsResponse:
        self._refuse()
        answer = facts.GetPipelineMetricsResponse(pipeline="pipelines/film", executions=_metrics())
        answer.node_counts.add(state=resources_pb2.NODE_STATE_COMPLETED, count=3)
        answer.node_types.add(node_type="noop", executions=_metrics())
        return answer

    async def GetNodeTypeMetrics(
        self, request: facts.GetNodeTypeMetricsRequest, context: Any
    ) -> facts.GetNodeTypeMetricsResponse:
        self._refuse()
        answer = facts.GetNodeTypeMetricsResponse()
        answer.metrics.node_type = request.node_type
        answer.metrics.executions.CopyFrom(_metrics())
        answer.providers.add(provider="local", executions=_metrics())
        return answer

    def _refuse(self, owner: str = f"users/{UID}") -> None:
        refusal = self.refusal or (None if owner == f"users/{UID}" else NO_SUCH)
        if refusal is not None:
            raise Refusal(*refusal)


def _metrics() -> facts.ExecutionMetrics:
    found = facts.ExecutionMetrics(total=3, succeeded=2, failed=1, cost_micros=7)
    found.p50.FromMilliseconds(1500)
    found.failures.add(error_type="timeout", count=1, rate=0.5)
    return found


@dataclass(frozen=True, kw_only=True)
class InternalRig:
    services: FakeServices
    base_url: str
    ca: Path
    caller: TlsFiles
    client: httpx.AsyncClient
    """Of a listed caller."""


@asynccontextmanager
async def running_internally(folder: Path, *, token: str | None = TOKEN) -> AsyncIterator[InternalRig]:
    """`token` is the live one; None sets none."""
    authority, services = CertificateAuthority(), FakeServices()
    tls = authority.issue_files(folder / "tls", "pipeline", "spiffe://montage/pipeline")
    pipeline = _new_services(services, tls=tls)
    await pipeline.start()
    caller = authority.issue_files(folder / "tls", "caller", CALLER)
    life = Lifecycle()
    try:
        settings = load_settings(
            InternalSettings,
            _variables(folder, authority, token=token, pipeline_port=pipeline.port),
            within=GatewaySettings,
        )
        ports = await app.start(life, settings=settings)
        base_url = f"https://127.0.0.1:{ports.https}"
        context = caller_context(authority.cert, certificate=caller)
        async with httpx.AsyncClient(base_url=base_url, verify=context, timeout=PATIENCE_S) as client:
            yield InternalRig(services=services, base_url=base_url, ca=caller.ca, caller=caller, client=client)
    finally:
        await life.close()
        await pipeline.stop()


def _new_services(services: FakeServices, *, tls: TlsFiles) -> GrpcServer:
    names = [
        f"/montage.v1.{service.name}/{method.name}"
        for service in (
            secrets.DESCRIPTOR.services_by_name["CredentialService"],
            facts.DESCRIPTOR.services_by_name["AnalyticsService"],
        )
        for method in service.methods
    ]

    def error_of(error: Exception) -> RpcError:
        assert isinstance(error, Refusal)
        return error.error

    return GrpcServer(
        listen="127.0.0.1:0",
        credentials=server_credentials(tls, on_reload=lambda _: None),
        services=[
            lambda server: secrets_grpc.add_CredentialServiceServicer_to_server(services, server),
            lambda server: facts_grpc.add_AnalyticsServiceServicer_to_server(services, server),
        ],
        access=dict.fromkeys(names, allow(GATEWAY)),
        reflection_access=Allow(),
        domain="montage",
        errors={Refusal: error_of},
        drain=Drain(notice_s=0, grace_s=0),
    )


def _variables(
    folder: Path, authority: CertificateAuthority, *, token: str | None, pipeline_port: int
) -> dict[str, str]:
    files = authority.issue_files(folder / "tls", "internal", GATEWAY)
    prefix = "GATEWAY_INTERNAL"
    variables = {
        f"{prefix}_LISTEN": "127.0.0.1:0",
        f"{prefix}_OPS_LISTEN": "127.0.0.1:0",
        f"{prefix}_TLS_CERT_FILE": str(files.cert),
        f"{prefix}_TLS_KEY_FILE": str(files.key),
        f"{prefix}_TLS_CA_FILE": str(files.ca),
        f"{prefix}_PIPELINE_ADDR": f"127.0.0.1:{pipeline_port}",
        f"{prefix}_CALLERS": CALLER,
    }
    if token is None:
        return variables
    path = folder / "tokens"
    path.touch(mode=0o600)
    path.write_text(token)
    return variables | {f"{prefix}_AUTH_TOKENS_FILE": str(path)}
