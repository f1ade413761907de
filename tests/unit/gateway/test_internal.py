"""The internal process: one door for all endpoints, the answers of the seeds, nothing told to strangers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import analytics_service_pb2 as facts_pb
from montage.v1 import credential_service_pb2 as pb
from montage.v1 import resources_pb2
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from callback_gateway.callers import PEER_CERTIFICATE
from callback_gateway.internal.app import web_application
from callback_gateway.internal.endpoints import Endpoints
from callback_gateway.internal.guard import Guard, open_tokens
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.internal.pipeline import PipelineCalls
from callback_gateway.routes.refusals import RefusalLog
from servicekit.access import allow
from servicekit.config import ConfigError
from servicekit.grpc_errors import RpcError
from servicekit.grpc_retry import RetryPolicy, error_of
from tests.fakes.certificates import CertificateAuthority
from tests.fakes.clock import FakeClock

OLD, NEW = "o" * 32, "n" * 40
CALLER = "spiffe://montage/client/orchestrator"
NODE = "7d444840-9dc0-41d1-b245-5ffdce74fad2"


@dataclass
class FakePipeline:
    """CredentialService and AnalyticsService, as the process sees them."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)
    expire_time: datetime | None = None
    refusal: tuple[grpc.StatusCode, str] | None = None
    touched: list[tuple[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """Capabilities that came along."""

    async def AccessCredential(self, request: Any, *, timeout: float) -> pb.AccessCredentialResponse:
        self._refuse()
        if (request.owner, request.vendor) not in self.values:
            raise _error(grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND")
        answer = pb.AccessCredentialResponse(value=self.values[request.owner, request.vendor])
        if self.expire_time is not None:
            moment = Timestamp()
            moment.FromDatetime(self.expire_time)
            answer.credential.expire_time.CopyFrom(moment)
        return answer

    async def TouchCredential(self, request: Any, *, timeout: float) -> pb.TouchCredentialResponse:
        self._refuse()
        self.touched.append((request.owner, request.vendor))
        return pb.TouchCredentialResponse()

    async def GetNodeRenderData(self, request: Any, *, timeout: float) -> facts_pb.GetNodeRenderDataResponse:
        self.shown.append(request.capability)
        self._refuse()
        answer = facts_pb.GetNodeRenderDataResponse(node_uid=request.node_uid, node="pipelines/f/nodes/n", type="noop")
        answer.config.update({"width": 1280})
        answer.inputs.add(slot="audio", node_uid=NODE, node_id="voice", url="https://store.test/voice.mp3")
        answer.inputs[0].output.CopyFrom(
            resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_AUDIO, s3_key="voice.mp3", size_bytes=9)
        )
        return answer

    async def GetNodeTypeMetrics(self, request: Any, *, timeout: float) -> facts_pb.GetNodeTypeMetricsResponse:
        self._refuse()
        answer = facts_pb.GetNodeTypeMetricsResponse()
        answer.metrics.node_type = request.node_type
        answer.metrics.executions.total = 3
        answer.metrics.executions.p50.FromMilliseconds(1500)
        answer.metrics.executions.failures.add(error_type="timeout", count=1, rate=0.5)
        return answer

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise _error(*self.refusal)


def _error(code: grpc.StatusCode, reason: str) -> grpc.aio.AioRpcError:
    return error_of(RpcError(code=code, reason=reason, message="refused").to_status("montage"))


@dataclass
class Showing:
    """Puts a client's certificate where the server does."""

    app: ASGIApp
    certificate: bytes | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, PEER_CERTIFICATE: self.certificate}, receive, send)


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline(values={("users/42", "openai"): "sk-42"})


@pytest.fixture(scope="module")
def certificate() -> bytes:
    pem = CertificateAuthority().issue("orchestrator", uris=[CALLER]).cert
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


async def ask(
    pipeline: FakePipeline,
    path: str,
    *,
    certificate: bytes | None,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    is_configured: bool = True,
    callers: tuple[str, ...] = ("spiffe://montage/client/*",),
) -> httpx.Response:
    registry = CollectorRegistry()
    endpoints = Endpoints(
        Guard((lambda: (OLD, NEW)) if is_configured else None, allow(*callers)),
        metrics=InternalMetrics(registry),
        refusals=RefusalLog(FakeClock()),
    )
    calls = PipelineCalls(
        credentials=pipeline, analytics=pipeline, retry=RetryPolicy(deadline_s=0.01, attempt_timeout_s=0.01)
    )
    transport = httpx.ASGITransport(Showing(web_application(endpoints, calls), certificate))
    async with httpx.AsyncClient(transport=transport, base_url="https://internal.test") as http:
        return await http.request(method, path, headers={"X-Internal-Auth": NEW} if headers is None else headers)


KEYS = "/internal/users/42/llm-keys"


@pytest.mark.parametrize("token", [OLD, NEW])
async def test_every_live_token_lets_in(pipeline: FakePipeline, certificate: bytes, token: str) -> None:
    answer = await ask(pipeline, KEYS, certificate=certificate, headers={"X-Internal-Auth": token})

    assert answer.json() == {"google": None, "openai": "sk-42", "anthropic": None}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers", [{}, {"X-Internal-Auth": ""}, {"X-Internal-Auth": "o" * 31}, {"X-Internal-Auth": f"{OLD},{NEW}"}]
)
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (KEYS, "GET"),
        ("/internal/users/42/llm-keys/openai/last-used", "POST"),
        ("/internal/users/42/oauth/google/token", "GET"),
        ("/internal/notion/users/42/context", "GET"),
        (f"/spi/node_render_data/{NODE}", "GET"),
        (f"/spi/analytics/pipeline_metrics/{NODE}", "GET"),
        ("/spi/analytics/node_type_patterns/noop", "GET"),
    ],
)
async def test_no_endpoint_answers_a_wrong_token(
    pipeline: FakePipeline, certificate: bytes, path: str, method: str, headers: dict[str, str]
) -> None:
    answer = await ask(pipeline, path, certificate=certificate, method=method, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert pipeline.touched == []


async def test_right_token_needs_a_certificate_of_the_list(pipeline: FakePipeline, certificate: bytes) -> None:
    none = await ask(pipeline, KEYS, certificate=None)
    unlisted = await ask(pipeline, KEYS, certificate=certificate, callers=("spiffe://montage/ops/*",))
    nobody = await ask(pipeline, KEYS, certificate=certificate, callers=())

    assert [one.status_code for one in (none, unlisted, nobody)] == [401, 401, 401]
    assert none.content == unlisted.content == nobody.content


async def test_without_tokens_everything_is_503(pipeline: FakePipeline, certificate: bytes) -> None:
    answer = await ask(pipeline, KEYS, certificate=certificate, is_configured=False)

    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ((grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"), 502),
        ((grpc.StatusCode.DEADLINE_EXCEEDED, ""), 502),
        ((grpc.StatusCode.INTERNAL, "CREDENTIAL_UNREADABLE"), 502),
        ((grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"), 502),
        ((grpc.StatusCode.FAILED_PRECONDITION, "NO_MASTER_KEYS"), 503),
    ],
)
async def test_failure_behind_is_never_taken_for_an_absent_key(
    pipeline: FakePipeline, certificate: bytes, refusal: tuple[grpc.StatusCode, str], status: int
) -> None:
    pipeline.refusal = refusal

    assert (await ask(pipeline, KEYS, certificate=certificate)).status_code == status


async def test_use_of_a_key_is_noted_for_the_three_vendors_alone(pipeline: FakePipeline, certificate: bytes) -> None:
    used = "/internal/users/42/llm-keys/{}/last-used"

    noted = await ask(pipeline, used.format("openai"), certificate=certificate, method="POST")
    other = await ask(pipeline, used.format("heygen"), certificate=certificate, method="POST")

    assert (noted.status_code, noted.json(), other.status_code) == (200, {"status": "ok"}, 404)
    assert pipeline.touched == [("users/42", "openai")]


async def test_oauth_token_comes_with_its_end_and_none_is_404(pipeline: FakePipeline, certificate: bytes) -> None:
    pipeline.values["users/42", "oauth-google"] = "ya29"
    pipeline.expire_time = datetime(2030, 1, 1, tzinfo=UTC)

    found = await ask(pipeline, "/internal/users/42/oauth/google/token", certificate=certificate)
    none = await ask(pipeline, "/internal/users/42/oauth/github/token", certificate=certificate)

    assert found.json() == {"token": "ya29", "expires_at": "2030-01-01T00:00:00+00:00"}
    assert none.status_code == 404


@pytest.mark.parametrize("uid", ["..", "a%2Fb", "%00", "x" * 200])
async def test_what_is_no_user_is_not_found(pipeline: FakePipeline, certificate: bytes, uid: str) -> None:
    assert (await ask(pipeline, f"/internal/users/{uid}/llm-keys", certificate=certificate)).status_code == 404


async def test_capability_goes_to_the_pipeline_service_in_place_of_token_and_certificate(
    pipeline: FakePipeline,
) -> None:
    path = f"/spi/node_render_data/{NODE}"
    answer = await ask(pipeline, f"{path}?cap=abc", certificate=None, headers={})
    bearer = await ask(pipeline, path, certificate=None, headers={"Authorization": "Bearer xyz"})

    assert answer.json()["config"] == {"width": 1280}
    assert answer.json()["inputs"][0]["output"]["s3Key"] == "voice.mp3"
    assert answer.json()["inputs"][0]["url"] == "https://store.test/voice.mp3"
    assert bearer.status_code == 200
    assert pipeline.shown == ["abc", "xyz"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ((grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID"), 401),
        ((grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED"), 410),
        ((grpc.StatusCode.NOT_FOUND, "NODE_NOT_FOUND"), 404),
    ],
)
async def test_refused_capability_is_answered_as_by_the_other_gateway(
    pipeline: FakePipeline, refusal: tuple[grpc.StatusCode, str], status: int
) -> None:
    pipeline.refusal = refusal

    answer = await ask(pipeline, f"/spi/node_render_data/{NODE}?cap=abc", certificate=None, headers={})

    assert answer.status_code == status


@pytest.mark.parametrize("query", ["?cap=", "?cap=a&cap=b", "?other=1"])
async def test_query_without_one_capability_is_unauthorized(pipeline: FakePipeline, query: str) -> None:
    answer = await ask(pipeline, f"/spi/node_render_data/{NODE}{query}", certificate=None, headers={})

    assert answer.status_code == 401


async def test_capability_opens_no_secret(pipeline: FakePipeline) -> None:
    answer = await ask(pipeline, f"{KEYS}?cap=abc", certificate=None, headers={"Authorization": "Bearer abc"})

    assert answer.status_code == 401


async def test_patterns_of_a_node_type_are_told_in_seconds_and_shares(
    pipeline: FakePipeline, certificate: bytes
) -> None:
    answer = await ask(pipeline, "/spi/analytics/node_type_patterns/noop", certificate=certificate)

    assert answer.json() == {
        "node_type": "noop",
        "executions": {"total": 3, "succeeded": 0, "failed": 0},
        "duration_s": {"p50": 1.5, "p95": None, "p99": None},
        "failures": [{"error_type": "timeout", "count": 1, "rate": 0.5}],
        "cost_micros": 0,
        "providers": [],
    }


@pytest.mark.parametrize(("lines", "fault"), [(["x" * 31], "at least 32"), ([OLD, NEW, "z" * 32], "at most 2")])
def test_short_tokens_and_a_third_one_stop_the_start_unquoted(tmp_path: Path, lines: list[str], fault: str) -> None:
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines))

    with pytest.raises(ConfigError, match=fault) as refused:
        open_tokens(path, on_reload=lambda _succeeded: None)
    assert not [line for line in lines if line in str(refused.value)]
