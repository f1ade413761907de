"""GET /spi/node_render_data/… and /spi/analytics/…: what renderers render from, and how executions went."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from google.protobuf.json_format import MessageToDict
from montage.v1 import analytics_service_pb2 as pb
from montage.v1 import resources_pb2
from starlette.requests import Request
from starlette.routing import Route

from callback_gateway.internal.endpoints import Endpoints
from callback_gateway.internal.pipeline import PipelineCalls


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A capability sees its own node, pipeline and owner; the pipeline service looks after that."""

    calls: PipelineCalls

    def routes(self, endpoints: Endpoints) -> list[Route]:
        return [
            endpoints.readable("/spi/node_render_data/{node}", self.render_data),
            endpoints.readable("/spi/analytics/pipeline_metrics/{pipeline}", self.pipeline_metrics),
            endpoints.readable("/spi/analytics/node_type_patterns/{type}", self.node_type_patterns),
        ]

    async def render_data(self, request: Request, capability: str) -> dict[str, Any]:
        found = await self.calls.render_data(request.path_params["node"], capability)
        return {
            "node_uuid": found.node_uid,
            "node": found.node,
            "type": found.type,
            "title": found.title,
            "config": MessageToDict(found.config),
            "inputs": [_input(one) for one in found.inputs],
            "expires_at": found.expire_time.ToDatetime(UTC).isoformat(),
        }

    async def pipeline_metrics(self, request: Request, capability: str) -> dict[str, Any]:
        found = await self.calls.pipeline_metrics(request.path_params["pipeline"], capability)
        states = {resources_pb2.NodeState.Name(one.state): one.count for one in found.node_counts}
        return {
            "pipeline": found.pipeline,
            "nodes": {name.removeprefix("NODE_STATE_").lower(): count for name, count in states.items()},
            **_metrics(found.executions),
            "node_types": [{"node_type": one.node_type, **_metrics(one.executions)} for one in found.node_types],
        }

    async def node_type_patterns(self, request: Request, capability: str) -> dict[str, Any]:
        found = await self.calls.node_type_metrics(request.path_params["type"], capability)
        return {
            "node_type": found.metrics.node_type,
            **_metrics(found.metrics.executions),
            "providers": [{"provider": one.provider, **_metrics(one.executions)} for one in found.providers],
        }


def _input(one: pb.RenderInput) -> dict[str, Any]:
    output = None
    if one.HasField("output"):
        output = {
            "type": resources_pb2.MediaType.Name(one.output.type).removeprefix("MEDIA_TYPE_").lower(),
            "s3Key": one.output.s3_key or None,
            "size": one.output.size_bytes,
            "contentType": one.output.content_type,
            "duration": one.output.duration.ToTimedelta().total_seconds() if one.output.HasField("duration") else None,
            "content": one.output.content or None,
        }
    return {
        "slot": one.slot,
        "node_uuid": one.node_uid,
        "node": one.node_id,
        "output": output,
        "url": one.url or None,
    }


def _metrics(one: pb.ExecutionMetrics) -> dict[str, Any]:
    return {
        "executions": {"total": one.total, "succeeded": one.succeeded, "failed": one.failed},
        "duration_s": {
            name: getattr(one, name).ToTimedelta().total_seconds() if one.HasField(name) else None
            for name in ("p50", "p95", "p99")
        },
        "failures": [{"error_type": each.error_type, "count": each.count, "rate": each.rate} for each in one.failures],
        "cost_micros": one.cost_micros,
    }
