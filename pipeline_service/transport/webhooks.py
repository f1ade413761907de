"""WebhookService, for clients and ops."""

import base64
import json

from montage.v1 import webhook_service_pb2 as pb
from montage.v1 import webhook_service_pb2_grpc

from pipeline_service.commands.webhooks import WebhookEvent, Webhooks, source_of
from pipeline_service.transport.paging import DEFAULT_PAGE_SIZE, InvalidPageToken
from pipeline_service.wire.values import Incomplete, timestamp
from servicekit.grpc_handlers import Context


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
        limit = request.page_size or DEFAULT_PAGE_SIZE
        found = await self._webhooks.page(source, before=_place(request), limit=limit + 1)
        shown = found[:limit]
        token = _token(request.source, shown[-1].number) if len(found) > limit else ""
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


def _token(source: str, number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([source, number]).encode()).decode()


def _place(request: pb.ListWebhookEventsRequest) -> int | None:
    """Before which number the page begins. Raises InvalidPageToken."""
    if not request.page_token:
        return None
    try:
        source, number = json.loads(base64.b64decode(request.page_token, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidPageToken from error
    if source != request.source or not isinstance(number, int) or not 0 < number < 2**63:
        raise InvalidPageToken
    return number
