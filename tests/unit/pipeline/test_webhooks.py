"""Deliveries of platforms: what is believed, and what tells one from another."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_service.commands.errors import InvalidField
from pipeline_service.commands.webhooks import DeliveryNotSigned, WebhookEvent, WebhookNotConfigured, Webhooks
from pipeline_service.domain.webhooks import Delivery, NoDelivery, SignatureInvalid, Source, verified

SECRET = "whsec_test_secret"
SENT = datetime.fromtimestamp(1492774577, UTC)
STRIPE = b'{"id":"evt_test_webhook","object":"event"}'


def signed(source: Source, body: bytes, *, secret: str = SECRET, sent: int = 1492774577) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    match source:
        case Source.GITHUB:
            return {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": "d1", "x-github-event": "push"}
        case Source.DISCOURSE:
            names = ("x-discourse-event-signature", "x-discourse-event-id", "x-discourse-event")
            return dict(zip(names, (f"sha256={digest}", "17", "post_created"), strict=True))
        case Source.PAYMENT_PROCESSOR:
            digest = hmac.new(secret.encode(), b"%d." % sent + body, hashlib.sha256).hexdigest()
            return {"stripe-signature": f"t={sent},v0=00,v1={'0' * 64},v1={digest}"}


def read(source: Source, headers: Mapping[str, str], body: bytes, *, now: datetime = SENT) -> Delivery:
    return verified(source, headers, body, secrets=["older one", SECRET], now=now)


@pytest.mark.parametrize(
    ("source", "secret", "headers", "body"),
    [
        (
            Source.GITHUB,
            "It's a Secret to Everybody",
            {
                "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                "x-github-delivery": "d1",
            },
            b"Hello, World!",
        ),
        (
            Source.DISCOURSE,
            "my_lovely_secret_for_web_hook",
            {
                "x-discourse-event-signature": "sha256="
                "162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6",
                "x-discourse-event-id": "1",
            },
            b'{"ping":"OK"}',
        ),
        (
            Source.PAYMENT_PROCESSOR,
            SECRET,
            {
                "stripe-signature": "t=1492774577,"
                "v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a"
            },
            STRIPE,
        ),
    ],
)  # fmt: skip
def test_known_vector_holds(source: Source, secret: str, headers: dict[str, str], body: bytes) -> None:
    assert verified(source, headers, body, secrets=[secret], now=SENT).body == body


@pytest.mark.parametrize(
    ("source", "delivery_id", "event_type"),
    [
        (Source.GITHUB, "d1", "push"),
        (Source.DISCOURSE, "17", "post_created"),
        (Source.PAYMENT_PROCESSOR, "evt_1", "invoice.paid"),
    ],
)
def test_delivery_has_the_id_and_type_that_the_platform_gives_it(
    source: Source, delivery_id: str, event_type: str
) -> None:
    body = b'{"id":"evt_1","type":"invoice.paid"}'

    assert read(source, signed(source, body), body) == Delivery(
        source=source, id=delivery_id, event_type=event_type, body=body
    )


@pytest.mark.parametrize("source", Source)
class TestSignature:
    BODY = b'{"id":"evt_1","type":"invoice.paid"}'

    def test_any_changed_byte_is_refused(self, source: Source) -> None:
        headers = signed(source, self.BODY)
        for place in range(len(self.BODY)):
            changed = self.BODY[:place] + bytes([self.BODY[place] ^ 1]) + self.BODY[place + 1 :]
            with pytest.raises(SignatureInvalid):
                read(source, headers, changed)

    def test_other_secret_is_refused(self, source: Source) -> None:
        with pytest.raises(SignatureInvalid):
            read(source, signed(source, self.BODY, secret="another"), self.BODY)

    @pytest.mark.parametrize("value", ["", "x", "sha256=", "sha256=zz", "sha1=00", "t=,v1=", "é", "t=1,t=2,v1=0"])
    def test_mangled_header_is_refused(self, source: Source, value: str) -> None:
        headers = {name: value if "signature" in name else was for name, was in signed(source, self.BODY).items()}
        with pytest.raises(SignatureInvalid):
            read(source, headers, self.BODY)
        with pytest.raises(SignatureInvalid):
            read(source, {}, self.BODY)

    def test_without_secrets_nobody_is_believed(self, source: Source) -> None:
        with pytest.raises(SignatureInvalid):
            verified(source, signed(source, self.BODY), self.BODY, secrets=[], now=SENT)

    def test_delivery_without_an_id_is_none(self, source: Source) -> None:
        kept = ("x-hub-signature-256", "x-discourse-event-signature", "stripe-signature")
        headers = {name: value for name, value in signed(source, b"{}").items() if name in kept}
        with pytest.raises(NoDelivery):
            read(source, headers, b"{}")


class TestStripe:
    @pytest.mark.parametrize("seconds", [-300, 300])
    def test_at_the_edge_of_the_window_it_is_believed(self, seconds: int) -> None:
        source = Source.PAYMENT_PROCESSOR

        assert read(source, signed(source, STRIPE), STRIPE, now=SENT + timedelta(seconds=seconds)).id

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_outside_the_window_it_is_refused(self, seconds: int) -> None:
        source = Source.PAYMENT_PROCESSOR
        with pytest.raises(SignatureInvalid):
            read(source, signed(source, STRIPE), STRIPE, now=SENT + timedelta(seconds=seconds))

    def test_time_is_signed_so_that_a_later_one_does_not_help(self) -> None:
        late = SENT + timedelta(hours=1)
        header = signed(Source.PAYMENT_PROCESSOR, STRIPE)["stripe-signature"]
        renewed = header.replace("t=1492774577", f"t={int(late.timestamp())}")
        with pytest.raises(SignatureInvalid):
            read(Source.PAYMENT_PROCESSOR, {"stripe-signature": renewed}, STRIPE, now=late)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b'{"id": 5}', b'{"id": ""}', b"\xff"])
    def test_signed_nonsense_is_no_delivery(self, body: bytes) -> None:
        source = Source.PAYMENT_PROCESSOR
        with pytest.raises(NoDelivery):
            read(source, signed(source, body), body)


@given(
    st.dictionaries(st.sampled_from(["x-hub-signature-256", "x-github-delivery", "stripe-signature"]), st.text()),
    st.binary(),
)
def test_whatever_comes_unsigned_is_refused(headers: dict[str, str], body: bytes) -> None:
    for source in Source:
        with pytest.raises(SignatureInvalid):
            read(source, headers, body)


class Untouched:
    """A database that must not be asked."""

    async def keep(self, delivery: Delivery) -> bool:
        raise AssertionError(f"asked to keep {delivery.id}")

    async def page(self, source: Source | None, *, before: int | None, limit: int) -> Sequence[WebhookEvent]:
        raise AssertionError("asked for a page")


class TestIngest:
    webhooks = Webhooks(events=Untouched(), secrets={Source.GITHUB: lambda: [SECRET]}, now=lambda: SENT)

    @pytest.mark.parametrize("source", ["discourse", "gitlab", ""])
    async def test_source_without_a_secret_is_not_taken(self, source: str) -> None:
        with pytest.raises(WebhookNotConfigured):
            await self.webhooks.ingest(source, signed(Source.DISCOURSE, b"{}"), b"{}")

    async def test_forgery_costs_the_database_nothing(self) -> None:
        with pytest.raises(DeliveryNotSigned):
            await self.webhooks.ingest("github", signed(Source.GITHUB, b"{}", secret="another"), b"{}")

    async def test_signed_delivery_without_an_id_is_an_invalid_body(self) -> None:
        headers = signed(Source.GITHUB, b"{}") | {"x-github-delivery": ""}
        with pytest.raises(InvalidField, match="body: expected the id of the delivery"):
            await self.webhooks.ingest("github", headers, b"{}")
