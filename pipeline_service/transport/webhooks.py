"""WebhookService, for clients and ops."""

from typing import cast

from montage.v1 import webhook_service_pb2 as pb
from montage.v1 import webhook_service_pb2_grpc

from pipeline_service.commands.webhooks import WebhookEvent, Webhooks, source_of
from pipeline_service.domain.lists import Kind
from pipeline_service.transport.paging import Walk
from pipeline_service.wire.values import Incomplete, timestamp
from servicekit.grpc_handlers import Context

_BY_NUMBER = (Kind.NUMBER,)


class WebhookServicer(webhook_service_pb2_grpc.WebhookServiceServicer):
    """Shows what was kept."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def ListWebhookEvents(
        self, request: pb.ListWebhookEventsRequest, context: Context
    ) -> pb.ListWebhookEventsResponse:
        source = source_of(request.source) if request.source else None
        if request.source and source is None:
            raise Incomplete("source", "expected github, discourse or payment_processor")
        walk = Walk(request, _BY_NUMBER)
        before = cast("int", walk.after[0]) if walk.after else None
        found = await self._webhooks.page(source, before=before, limit=walk.limit + 1)
        shown = found[: walk.limit]
        token = walk.token((shown[-1].number,) if len(found) > walk.limit else None)
        return pb.ListWebhookEventsResponse(webhook_events=map(_message, shown), next_page_token=token)


def _message(event: WebhookEvent) -> pb.WebhookEvent:
    return pb.WebhookEvent(
        name=f"webhookEvents/{event.number}",
        source=event.source,
        delivery_id=event.delivery_id,
        event_type=event.event_type,
        receive_time=timestamp(event.receive_time),
        size_bytes=event.size_bytes,
        sha256=event.sha256,
    )
