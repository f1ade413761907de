"""Webhooks of vendors: what a live secret signed, and nothing else, tells of a job."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback_gateway.providers.json_body import MalformedReport
from callback_gateway.providers.webhooks import heygen, remotion, standard
from callback_gateway.providers.webhooks.delivery import Delivery, Signal, SignatureRefused
from callback_gateway.routes.recent import RecentDeliveries
from callback_gateway.routes.webhooks import VENDORS
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
UNIX = int(NOW.timestamp())
HEYGEN = b'{"event_type":"avatar_video.success","event_data":{"video_id":"v1","url":"https://x/y.mp4"}}'
STANDARD = b'{"type":"video.generated","version":"v1","data":{"id":"job-1","output_file_uri":"x"}}'
REMOTION = b'{"type":"success","renderId":"r1","bucketName":"b","customData":null}'


NAMES = st.sampled_from(["event_type", "event_data", "video_id", "data", "id", "type", "renderId"])


def sha256_of(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, "sha256")


def heygen_delivery(body: bytes = HEYGEN, *, sent: str | None = None) -> Delivery:
    headers = {"heygen-signature": sha256_of(b"whsec_demo", body).hex()}
    return Delivery(headers=headers if sent is None else headers | {"heygen-timestamp": sent}, body=body)


def standard_delivery(body: bytes = STANDARD, *, key: bytes = b"k" * 24, sent: int = UNIX) -> Delivery:
    signature = base64.b64encode(sha256_of(key, b"msg_1.%d." % sent + body)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(sent), "webhook-signature": f"v1,AAAA v1,{signature}"}
    return Delivery(headers=headers, body=body)


def remotion_delivery(body: bytes = REMOTION) -> Delivery:
    digest = hmac.new(b"mysecret", body, hashlib.sha512).hexdigest()
    return Delivery(headers={"x-remotion-signature": f"sha512={digest}"}, body=body)


DELIVERIES: Mapping[str, tuple[Delivery, str]] = {
    "heygen": (heygen_delivery(), "whsec_demo"),
    "standard": (standard_delivery(), "whsec_" + base64.b64encode(b"k" * 24).decode()),
    "remotion": (remotion_delivery(), "mysecret"),
}
JOBS = {
    "heygen": Signal(id="avatar_video.success/v1", job_id="v1"),
    "standard": Signal(id="msg_1", job_id="job-1"),
    "remotion": Signal(id="success/r1", job_id="r1"),
}


@pytest.mark.parametrize("source", VENDORS)
class TestEveryVendor:
    def test_signed_delivery_tells_of_its_job(self, source: str) -> None:
        delivery, secret = DELIVERIES[source]

        assert VENDORS[source](delivery, secrets=[secret], now=NOW) == JOBS[source]

    def test_any_live_secret_will_do(self, source: str) -> None:
        delivery, secret = DELIVERIES[source]

        assert VENDORS[source](delivery, secrets=["older one", secret], now=NOW) == JOBS[source]

    @pytest.mark.parametrize("secrets", [[], ["another"]])
    def test_other_secret_is_refused(self, source: str, secrets: list[str]) -> None:
        with pytest.raises(SignatureRefused):
            VENDORS[source](DELIVERIES[source][0], secrets=secrets, now=NOW)

    def test_any_changed_byte_is_refused(self, source: str) -> None:
        delivery, secret = DELIVERIES[source]
        for place in range(len(delivery.body)):
            changed = delivery.body[:place] + bytes([delivery.body[place] ^ 1]) + delivery.body[place + 1 :]

            with pytest.raises(SignatureRefused):
                VENDORS[source](Delivery(headers=delivery.headers, body=changed), secrets=[secret], now=NOW)

    def test_missing_and_mangled_signatures_are_refused(self, source: str) -> None:
        delivery, secret = DELIVERIES[source]
        for mangled in ("", "x", "é", "v1,", "sha512=", "sha512=zz", "sha1=00", "v1,!!!!", "NO_SECRET_PROVIDED"):
            headers = {name: mangled if "signature" in name else value for name, value in delivery.headers.items()}
            with pytest.raises(SignatureRefused):
                VENDORS[source](Delivery(headers=headers, body=delivery.body), secrets=[secret], now=NOW)
        with pytest.raises(SignatureRefused):
            VENDORS[source](Delivery(headers={}, body=delivery.body), secrets=[secret], now=NOW)


# Published by the Standard Webhooks project; the other two made with the published algorithms.
@pytest.mark.parametrize(
    ("read", "secret", "headers", "body"),
    [
        (
            standard.read,
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            {
                "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
            b'{"test": 2432232314}',
        ),
        (
            heygen.read,
            "whsec_demo",
            {"signature": "d685e607fbffd19b82e469b760bce9408e4938a7600755dcc7f349b626af8651"},
            b'{"event_type":"avatar_video.success","event_data":{"video_id":"v1","url":"https://x/y.mp4","callback_id":"cb"}}',
        ),
        (
            remotion.read,
            "mysecret",
            {
                "x-remotion-signature": "sha512=a7440a97e5cf01025ccc89c9de43a91460687af427bfbef76b097985ac78fb7f"
                "7a4496b0ddca96b4fb85eb8536799929afae5d7bbe91dbd73bdc4834d7304100"
            },
            b'{"type":"timeout","renderId":"abc","expectedBucketOwner":"1","bucketName":"b","customData":null}',
        ),
    ],
)
def test_known_vector_holds(read: Any, secret: str, headers: dict[str, str], body: bytes) -> None:
    sent = datetime.fromtimestamp(1614265330, UTC)

    assert isinstance(read(Delivery(headers=headers, body=body), secrets=[secret], now=sent), Signal)


class TestTime:
    @pytest.mark.parametrize("minutes", [-5, 5])
    def test_at_the_edge_of_the_window_it_is_believed(self, minutes: int) -> None:
        now = NOW + timedelta(minutes=minutes)

        assert standard.read(standard_delivery(), secrets=[DELIVERIES["standard"][1]], now=now) == JOBS["standard"]

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_outside_the_window_it_is_refused(self, seconds: int) -> None:
        now = NOW + timedelta(seconds=seconds)
        with pytest.raises(SignatureRefused):
            standard.read(standard_delivery(), secrets=[DELIVERIES["standard"][1]], now=now)

    @pytest.mark.parametrize("told", [str(UNIX - 301), str(UNIX + 301), "soon", "-1", "1" * 20])
    def test_time_that_heygen_tells_counts(self, told: str) -> None:
        delivery = heygen_delivery(sent=told)
        with pytest.raises(SignatureRefused):
            heygen.read(delivery, secrets=["whsec_demo"], now=NOW)

    def test_time_that_heygen_does_not_tell_is_not_missed(self) -> None:
        assert heygen.read(heygen_delivery(), secrets=["whsec_demo"], now=NOW) == JOBS["heygen"]


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "job_id"),
        [
            (b'{"event_type":"avatar_video_gif.success"}', ""),
            (b'{"event_type":"avatar_video.fail","event_data":{"video_id":"v2","msg":"x"}}', "v2"),
        ],
    )
    def test_event_without_a_job_tells_of_none(self, body: bytes, job_id: str) -> None:
        assert heygen.read(heygen_delivery(body), secrets=["whsec_demo"], now=NOW).job_id == job_id

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"event_type": 5}', b"\xff"])
    def test_signed_nonsense_is_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedReport):
            heygen.read(heygen_delivery(body), secrets=["whsec_demo"], now=NOW)

    @settings(max_examples=50)
    @given(
        st.dictionaries(NAMES, st.none() | st.integers() | st.text() | st.dictionaries(NAMES, st.text(), max_size=2))
    )
    def test_any_signed_json_is_a_signal_or_malformed(self, value: Any) -> None:
        body = json.dumps(value).encode()
        for read, delivery, secret in (
            (heygen.read, heygen_delivery(body), "whsec_demo"),
            (remotion.read, remotion_delivery(body), "mysecret"),
            (standard.read, standard_delivery(body), DELIVERIES["standard"][1]),
        ):
            try:
                signal = read(delivery, secrets=[secret], now=NOW)
            except MalformedReport:
                continue
            assert len(signal.job_id) <= 256


class TestRecent:
    def test_delivery_is_known_for_the_window(self) -> None:
        clock = FakeClock()
        recent = RecentDeliveries(clock, window=timedelta(minutes=5))
        recent.add("a")
        clock.advance(timedelta(minutes=4))
        known = "a" in recent
        clock.advance(timedelta(minutes=2))

        assert (known, "a" in recent, "b" in recent) == (True, False, False)
