"""Forged capabilities at their issuer: all are refused alike, and nothing else is looked at."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from montage.v1 import callback_service_pb2 as api
from montage.v1 import resources_pb2

from pipeline_service.capabilities import Capabilities
from pipeline_service.domain.engine.reports import Complete, ExecutionReport, Progressed
from pipeline_service.transport.callbacks import CallbackServicer
from pipeline_service.transport.errors import CapabilityExpired, CapabilityRefused
from servicekit.tracing import Tracer
from tests.unit.gateway.capabilities import CLAIM, EXECUTION, KeyPair, just_expired

PAIR = KeyPair.make("k1")
CAPABILITIES = Capabilities(PAIR.issuer(), gateway_url="https://gateway")
TEXT = resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_TEXT, content="x")


class Untouched:
    """Whatever stands before the database. Whoever asks it for anything has not checked the signature first."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for '{name}' before the signature held")


def a_servicer_without_database() -> CallbackServicer:
    untouched: Any = Untouched()
    return CallbackServicer(
        reporter=untouched,
        signals=untouched,
        webhooks=untouched,
        capabilities=CAPABILITIES,
        validator=untouched,
        count=lambda _kind, _answer: None,
        tracer=Tracer(),
    )


async def read(token: str, **report: Any) -> ExecutionReport:
    request = api.ReportExternalRequest(capability=token, **report or {"output": TEXT})
    return await a_servicer_without_database()._report(request, who="gateway")


def flipped(token: str) -> list[str]:
    """The token with each of its bits flipped."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = (raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :] for at in range(len(raw)) for bit in range(8))
    return [base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in changed]


async def test_good_capability_is_for_its_execution_and_claim() -> None:
    report = await read(PAIR.issue())

    assert isinstance(report, Complete)
    assert (str(report.execution_id), str(report.claim)) == (EXECUTION, CLAIM)


async def test_every_flipped_bit_that_the_issuer_seals_is_refused() -> None:
    token = PAIR.issue()
    raw_bits = len(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))) * 8
    # The Ed25519 signature is the gateway's to check: the issuer's own seal is the HMAC behind it.
    signature = range(raw_bits - (64 + 32) * 8, raw_bits - 32 * 8)
    for bit, forged in enumerate(flipped(token)):
        if bit not in signature:
            with pytest.raises(CapabilityRefused):
                await read(forged)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(KeyPair.make("k1").issuer().issue(b"{}"), id="another Ed25519 key, nonsense"),
        pytest.param(KeyPair(id="k1", private=PAIR.private, hmac=b"x" * 32).issue(), id="right Ed25519, wrong HMAC"),
        pytest.param(KeyPair.make("k9").issue(), id="unknown key id"),
        pytest.param(PAIR.issue(audience="read"), id="to read"),
        pytest.param(PAIR.issue(audience="progress"), id="for progress alone"),
        pytest.param("", id="none"),
        pytest.param("garbage", id="garbage"),
        pytest.param("é", id="not ASCII"),
    ],
)
async def test_forgery_and_misuse_are_refused(token: str) -> None:
    with pytest.raises(CapabilityRefused):
        await read(token)


async def test_expired_one_is_said_only_when_its_seal_held() -> None:
    expired = just_expired()
    with pytest.raises(CapabilityExpired):
        await read(PAIR.issue(exp=expired))
    with pytest.raises(CapabilityRefused):
        await read(KeyPair(id="k1", private=PAIR.private, hmac=b"x" * 32).issue(exp=expired))


async def test_capability_for_progress_tells_progress() -> None:
    report = await read(PAIR.issue(audience="progress"), progress=resources_pb2.Progress(stage="x"))

    assert isinstance(report, Progressed)


async def test_capability_is_good_until_it_expires() -> None:
    soon = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())

    assert isinstance(await read(PAIR.issue(exp=soon)), Complete)
