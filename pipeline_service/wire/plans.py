"""Plans, as the contract shows them."""

from datetime import timedelta

from google.protobuf import duration_pb2
from montage.v1 import pipeline_service_pb2 as pb

from pipeline_service.commands.runs import Forecast
from pipeline_service.domain.ids import PipelineId
from pipeline_service.wire.names import node_name


def plan_message(forecast: Forecast, pipeline: PipelineId) -> pb.Plan:
    return pb.Plan(
        nodes=[
            pb.PlanNode(
                node=node_name(pipeline, node.spec.id),
                action=f"PLAN_ACTION_{node.action}",
                reason=node.reason,
                expected_duration=_duration(forecast.durations.get(node.kind) if node.action.may_execute else None),
            )
            for node in forecast.plan.nodes
        ],
        digest=forecast.plan.digest,
        expected_duration=_duration(forecast.expected_duration),
    )


def _duration(value: timedelta | None) -> duration_pb2.Duration | None:
    if value is None:
        return None
    message = duration_pb2.Duration()
    message.FromTimedelta(value)
    return message
