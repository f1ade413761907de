"""Deliveries of platforms in a real database, and how they are shown."""

from datetime import UTC, datetime

import asyncpg
import pytest
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import webhook_service_pb2 as api
from montage.v1 import webhook_service_pb2_grpc

from devstack.stack import Stack
from pipeline_service.commands.webhooks import Webhooks
from pipeline_service.domain.webhooks import Source
from pipeline_service.store.pool import Pools
from pipeline_service.store.webhooks import PostgresWebhookEvents
from tests.integration.pipeline.grpc_client import Client, open_channel, refusal
from tests.unit.pipeline.test_webhooks import SECRET, SENT, STRIPE, signed


@pytest.fixture
def webhooks(pools: Pools) -> Webhooks:
    return Webhooks(
        events=PostgresWebhookEvents(pools.engine), secrets={one: lambda: [SECRET] for one in Source}, now=lambda: SENT
    )


async def kept(webhooks: Webhooks, source: Source | None = None) -> list[tuple[str, str, str]]:
    page = await webhooks.page(source, before=None, limit=100)
    return [(one.source, one.delivery_id, one.event_type) for one in page]


async def test_delivery_is_kept_once_whatever_is_sent_again(webhooks: Webhooks) -> None:
    body = b'{"ref": "main"}'
    headers = signed(Source.GITHUB, body)

    first = await webhooks.ingest("github", headers, body)
    again = await webhooks.ingest("github", headers, body)
    # GitHub signs the body alone: whoever has seen a delivery may send it under another id.
    under_another_id = await webhooks.ingest("github", headers | {"x-github-delivery": "d2"}, body)
    of_another_source = await webhooks.ingest("discourse", signed(Source.DISCOURSE, body), body)

    assert (first, again, under_another_id, of_another_source) == (True, False, False, True)
    assert await kept(webhooks) == [("discourse", "17", "post_created"), ("github", "d1", "push")]


async def test_event_is_shown_with_what_identifies_it(webhooks: Webhooks) -> None:
    await webhooks.ingest("payment_processor", signed(Source.PAYMENT_PROCESSOR, STRIPE), STRIPE)

    (event,) = await webhooks.page(None, before=None, limit=10)

    assert (event.delivery_id, event.event_type, event.size_bytes) == ("evt_test_webhook", "", len(STRIPE))
    assert abs((datetime.now(UTC) - event.receive_time).total_seconds()) < 60


async def test_pages_go_from_the_newest_to_the_oldest_and_by_source(webhooks: Webhooks) -> None:
    for number in range(3):
        body = b"{%d}" % number
        await webhooks.ingest("github", signed(Source.GITHUB, body) | {"x-github-delivery": str(number)}, body)
    await webhooks.ingest("discourse", signed(Source.DISCOURSE, b"{}"), b"{}")

    first = await webhooks.page(Source.GITHUB, before=None, limit=2)
    second = await webhooks.page(Source.GITHUB, before=first[-1].number, limit=2)

    assert [one.delivery_id for one in (*first, *second)] == ["2", "1", "0"]


@pytest.mark.parametrize("role", ["engine", "edit"])
@pytest.mark.parametrize("statement", ["UPDATE webhook_events SET body = ''", "DELETE FROM webhook_events"])
async def test_no_role_of_the_service_changes_what_was_kept(pools: Pools, role: str, statement: str) -> None:
    pool = pools.engine if role == "engine" else pools.edit
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


class TestService:
    async def test_platform_without_a_secret_is_not_taken(self, stack: Stack) -> None:
        async with open_channel(stack, "callback-gateway") as channel:
            request = callbacks.IngestWebhookRequest(source="github", headers={"x-github-delivery": "d1"}, body=b"{}")
            _, reason, _ = await refusal(Client(channel).callbacks.IngestWebhook(request))

        assert reason == "WEBHOOK_NOT_CONFIGURED"

    async def test_clients_see_pages_and_others_nothing(self, stack: Stack) -> None:
        async with open_channel(stack, "client-dev") as channel:
            service = webhook_service_pb2_grpc.WebhookServiceStub(channel)
            shown = await service.ListWebhookEvents(api.ListWebhookEventsRequest(page_size=5))
            _, unknown, fields = await refusal(service.ListWebhookEvents(api.ListWebhookEventsRequest(source="gitlab")))
            damaged = api.ListWebhookEventsRequest(page_token="WyJnaXRodWIiLCAxXQ==")
            _, token, _ = await refusal(service.ListWebhookEvents(damaged))
        async with open_channel(stack, "callback-gateway") as channel:
            stranger = webhook_service_pb2_grpc.WebhookServiceStub(channel)
            _, reason, _ = await refusal(stranger.ListWebhookEvents(api.ListWebhookEventsRequest()))

        assert list(shown.webhook_events) == []
        assert (unknown, list(fields), token) == ("INVALID_FIELD", ["source"], "INVALID_PAGE_TOKEN")
        assert reason == "CALLER_NOT_ALLOWED"
