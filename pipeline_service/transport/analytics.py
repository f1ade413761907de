"""AnalyticsService, for the internal gateway and for operators."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from montage.v1 import analytics_service_pb2 as pb
from montage.v1 import analytics_service_pb2_grpc, resources_pb2

from pipeline_service.capabilities import READ, Capabilities, Capability
from pipeline_service.commands.analytics import ADDRESS_LIFE, Analytics, Metrics, RenderSource
from pipeline_service.commands.errors import NotFound
from pipeline_service.domain.ids import NodeUid, PipelineUid
from pipeline_service.transport.errors import CapabilityExpired, CapabilityRefused
from pipeline_service.wire.names import node_name
from pipeline_service.wire.values import output_message, struct, timestamp
from servicekit.grpc_handlers import Context
from servicekit.tokens import InvalidToken


class AnalyticsServicer(analytics_service_pb2_grpc.AnalyticsServiceServicer):
    """What a capability does not open is NOT_FOUND: whoever guesses learns nothing."""

    def __init__(self, analytics: Analytics, capabilities: Capabilities) -> None:
        self._analytics = analytics
        self._capabilities = capabilities

    async def GetNodeRenderData(
        self, request: pb.GetNodeRenderDataRequest, context: Context
    ) -> pb.GetNodeRenderDataResponse:
        capability = self._verified(request.capability)
        node = NodeUid(UUID(request.node_uid))
        if capability is not None and capability.node_uid != node:
            raise NotFound("node", request.node_uid)
        expire_time = datetime.now(UTC) + ADDRESS_LIFE
        found = await self._analytics.render_data(node)
        return pb.GetNodeRenderDataResponse(
            node_uid=str(found.node_uid),
            node=node_name(found.pipeline_id, found.node_id),
            type=found.node_type,
            title=found.title,
            config=struct(found.config),
            inputs=map(_input, found.sources),
            expire_time=timestamp(expire_time),
        )

    async def GetPipelineMetrics(
        self, request: pb.GetPipelineMetricsRequest, context: Context
    ) -> pb.GetPipelineMetricsResponse:
        capability = self._verified(request.capability)
        uid = PipelineUid(UUID(request.pipeline_uid))
        if capability is not None and (await self._analytics.owner_of(capability.execution))[0] != uid:
            raise NotFound("pipeline", request.pipeline_uid)
        facts, found = await self._analytics.of_pipeline(uid)
        return pb.GetPipelineMetricsResponse(
            pipeline=f"pipelines/{facts.pipeline_id}",
            node_counts=[
                resources_pb2.NodeStateCount(state=f"NODE_STATE_{state}", count=count)
                for state, count in facts.nodes.items()
            ],
            executions=_metrics(found.whole),
            node_types=_by_type(found.groups),
        )

    async def GetNodeTypeMetrics(
        self, request: pb.GetNodeTypeMetricsRequest, context: Context
    ) -> pb.GetNodeTypeMetricsResponse:
        capability = self._verified(request.capability)
        owner = (await self._analytics.owner_of(capability.execution))[1] if capability else None
        found = await self._analytics.of_node_type(request.node_type, owner=owner)
        return pb.GetNodeTypeMetricsResponse(
            metrics=pb.NodeTypeMetrics(node_type=request.node_type, executions=_metrics(found.whole)),
            providers=[
                pb.ProviderMetrics(provider=name, executions=_metrics(one)) for name, one in found.groups.items()
            ],
        )

    def _verified(self, token: str) -> Capability | None:
        """What a caller with a capability may read; None is a caller that needs none."""
        if not token:
            return None
        try:
            capability = self._capabilities.verify(token)
        except InvalidToken as error:
            raise CapabilityRefused from error
        if capability.audience != READ:
            raise CapabilityRefused
        if capability.expires_at <= datetime.now(UTC):
            raise CapabilityExpired
        return capability


def _input(source: RenderSource) -> pb.RenderInput:
    return pb.RenderInput(
        slot=source.slot,
        node_uid=str(source.node_uid),
        node_id=source.node_id,
        output=output_message(source.output),
        url=source.url,
    )


def _by_type(groups: Mapping[str, Metrics]) -> list[pb.NodeTypeMetrics]:
    return [pb.NodeTypeMetrics(node_type=name, executions=_metrics(one)) for name, one in groups.items()]


def _metrics(one: Metrics) -> pb.ExecutionMetrics:
    message = pb.ExecutionMetrics(
        total=one.total, succeeded=one.succeeded, failed=one.failed, cost_micros=one.cost_micros
    )
    for name in ("p50", "p95", "p99"):
        duration = getattr(one, name)
        if duration is not None:
            getattr(message, name).FromTimedelta(duration)
    ended = one.succeeded + one.failed
    for error_type, count in (one.failures or {}).items():
        message.failures.add(error_type=error_type, count=count, rate=count / ended)
    return message
