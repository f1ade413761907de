"""Webhooks over real HTTPS in and real gRPC out."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest

from tests.integration.gateway.rig import Refusal, Rig, running
from tests.unit.gateway.capabilities import success

SECRET = "whsec_demo"
BODY = b'{"event_type":"avatar_video.success","event_data":{"video_id":"v1"}}'


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that takes webhooks of HeyGen, and of no other vendor."""
    path = tmp_path / "heygen"
    path.write_text(f"older one\n{SECRET}\n")
    path.chmod(0o600)
    async with running(tmp_path, GATEWAY_WEBHOOK_HEYGEN_SECRET_FILE=str(path)) as rig:
        yield rig


async def heygen(rig: Rig, body: bytes = BODY, *, secret: str = SECRET) -> httpx.Response:
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return await rig.client.post("/spi/webhooks/heygen", content=body, headers={"heygen-signature": signature})


class TestVendors:
    async def test_signed_delivery_has_the_vendor_asked_once_however_often_it_comes(self, rig: Rig) -> None:
        answers = [await heygen(rig) for _ in range(3)]

        assert {(one.status_code, one.text) for one in answers} == {(200, '{"status":"ok"}')}
        assert rig.service.signals == [("heygen", "v1")]
        assert 'disposition="DUPLICATE",route="webhook_heygen",status="200"} 2.0' in await rig.metrics()

    async def test_delivery_that_was_not_dealt_with_is_no_duplicate(self, rig: Rig) -> None:
        rig.service.refusals.append(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"))

        first, second = await heygen(rig), await heygen(rig)

        assert (first.status_code, second.status_code) == (503, 200)
        assert "retry-after" in first.headers
        assert len(rig.service.signals) == 2

    async def test_forgeries_read_the_same_and_ask_nobody(self, rig: Rig) -> None:
        unsigned = await rig.client.post("/spi/webhooks/heygen", content=BODY)
        answers = [unsigned, await heygen(rig, secret="another"), await heygen(rig, b"not json", secret="another")]

        assert {(one.status_code, one.text) for one in answers} == {(401, '{"error":"invalid signature"}')}
        assert rig.service.signals == []

    async def test_signed_nonsense_is_400_and_an_event_about_no_job_is_200(self, rig: Rig) -> None:
        assert (await heygen(rig, b"not json")).status_code == 400
        assert (await heygen(rig, b'{"event_type":"unknown.event"}')).status_code == 200
        assert rig.service.signals == []

    @pytest.mark.parametrize("source", ["standard", "remotion", "gitlab", "heygen/"])
    async def test_vendor_without_a_secret_has_no_route(self, rig: Rig, source: str) -> None:
        response = await rig.client.post(f"/spi/webhooks/{source}", content=BODY)

        assert (response.status_code, response.json()) == (404, {"error": "no such route"})

    async def test_heygen_may_look_whether_the_address_answers(self, rig: Rig) -> None:
        assert (await rig.client.options("/spi/webhooks/heygen")).status_code == 204

    async def test_secret_that_is_replaced_counts_at_once(self, rig: Rig) -> None:
        path = rig.settings.webhook_heygen_secret_file
        assert path is not None
        fresh = path.with_suffix(".new")
        fresh.write_text("newer one")
        fresh.chmod(0o600)
        fresh.replace(path)

        assert (await heygen(rig)).status_code == 401
        assert (await heygen(rig, secret="newer one")).status_code == 200

    async def test_large_body_is_413_and_needs_no_signature(self, rig: Rig) -> None:
        assert (await heygen(rig, b"x" * (1024 * 1024 + 1))).status_code == 413


@pytest.mark.parametrize("source", ["github", "discourse", "payment_processor"])
class TestPlatforms:
    async def test_delivery_goes_on_raw_with_the_headers_of_the_platform(self, rig: Rig, source: str) -> None:
        body = b'{"\xc3\xa9": 1}  '
        headers = {
            "X-GitHub-Delivery": "d1",
            "X-Hub-Signature-256": "sha256=00",
            "X-Discourse-Event-Id": "17",
            "Stripe-Signature": "t=1,v1=00",
            "Authorization": "Bearer of-somebody",
            "X-Forwarded-For": "1.2.3.4",
        }

        response = await rig.client.post(f"/spi/webhooks/{source}", content=body, headers=headers)

        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        (delivery,) = rig.service.deliveries
        assert (delivery.source, delivery.body) == (source, body)
        assert dict(delivery.headers) == {
            "x-github-delivery": "d1",
            "x-hub-signature-256": "sha256=00",
            "x-discourse-event-id": "17",
            "stripe-signature": "t=1,v1=00",
        }


@pytest.mark.parametrize(
    ("code", "reason", "status", "words"),
    [
        (grpc.StatusCode.NOT_FOUND, "WEBHOOK_NOT_CONFIGURED", 404, "no such route"),
        (grpc.StatusCode.UNAUTHENTICATED, "SIGNATURE_INVALID", 401, "invalid signature"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", 400, "no delivery of this platform"),
        (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED", 503, "cannot record the report now"),
    ],
)
async def test_word_of_the_service_about_a_platform_has_its_answer(
    rig: Rig, code: grpc.StatusCode, reason: str, status: int, words: str
) -> None:
    rig.service.refusals.append(Refusal(code, reason))

    response = await rig.client.post("/spi/webhooks/github", content=b"{}")

    assert (response.status_code, response.json()) == (status, {"error": words})


async def test_webhooks_have_slots_of_their_own(tmp_path: Path) -> None:
    async with running(tmp_path, GATEWAY_CALLBACK_SLOTS="1") as rig:
        rig.service.may_answer.clear()
        callback = asyncio.create_task(rig.post(success()))
        await rig.service.arrived.wait()

        assert (await rig.post(success())).status_code == 503
        assert (await rig.client.post("/spi/webhooks/github", content=b"{}")).status_code == 200
        rig.service.may_answer.set()
        assert (await callback).status_code == 200
