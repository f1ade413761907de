"""The internal process' calls to the pipeline service, and what its refusals mean here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import grpc
from montage.v1 import analytics_service_pb2 as analytics
from montage.v1 import credential_service_pb2 as credentials

from callback_gateway.internal.guard import NotConfigured, Unauthorized
from callback_gateway.tokens import CapabilityExpired
from servicekit import grpc_retry

Answer = TypeVar("Answer")


class NothingThere(Exception):
    """There is none of that name, or the caller may not know."""


class DownstreamFailed(Exception):
    """The pipeline service did not answer, or with a failure; the message is a word of the contract."""


@dataclass(frozen=True, kw_only=True)
class PipelineCalls:
    """Every method raises NothingThere, Unauthorized, CapabilityExpired, NotConfigured, DownstreamFailed."""

    credentials: Any
    """Stub of CredentialService."""
    analytics: Any
    """Stub of AnalyticsService."""
    retry: grpc_retry.RetryPolicy

    async def secret(self, owner: str, vendor: str) -> credentials.AccessCredentialResponse:
        request = credentials.AccessCredentialRequest(owner=owner, vendor=vendor)
        answer: credentials.AccessCredentialResponse = await self._call(self.credentials.AccessCredential, request)
        return answer

    async def secret_or_none(self, owner: str, vendor: str) -> str | None:
        try:
            found = await self.secret(owner, vendor)
        except NothingThere:
            return None
        value: str = found.value
        return value

    async def touch(self, owner: str, vendor: str) -> None:
        await self._call(
            self.credentials.TouchCredential, credentials.TouchCredentialRequest(owner=owner, vendor=vendor)
        )

    async def render_data(self, node_uid: str, capability: str) -> analytics.GetNodeRenderDataResponse:
        request = analytics.GetNodeRenderDataRequest(node_uid=node_uid, capability=capability)
        answer: analytics.GetNodeRenderDataResponse = await self._call(self.analytics.GetNodeRenderData, request)
        return answer

    async def pipeline_metrics(self, pipeline_uid: str, capability: str) -> analytics.GetPipelineMetricsResponse:
        request = analytics.GetPipelineMetricsRequest(pipeline_uid=pipeline_uid, capability=capability)
        answer: analytics.GetPipelineMetricsResponse = await self._call(self.analytics.GetPipelineMetrics, request)
        return answer

    async def node_type_metrics(self, node_type: str, capability: str) -> analytics.GetNodeTypeMetricsResponse:
        request = analytics.GetNodeTypeMetricsRequest(node_type=node_type, capability=capability)
        answer: analytics.GetNodeTypeMetricsResponse = await self._call(self.analytics.GetNodeTypeMetrics, request)
        return answer

    async def _call(self, method: Callable[..., Awaitable[Answer]], request: object) -> Answer:
        try:
            return await grpc_retry.call(partial(method, request), policy=self.retry)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None


def _translated(error: grpc.aio.AioRpcError) -> Exception:
    match error.code(), grpc_retry.error_reason(error) or "":
        case ((grpc.StatusCode.NOT_FOUND | grpc.StatusCode.INVALID_ARGUMENT), _):
            # What breaks a rule of names is nobody's name.
            return NothingThere()
        case grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID":
            return Unauthorized()
        case grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED":
            return CapabilityExpired("capability has expired")
        case grpc.StatusCode.FAILED_PRECONDITION, "NO_MASTER_KEYS":
            return NotConfigured("the pipeline service has no master keys")
        case code, reason:
            return DownstreamFailed(reason or code.name)
