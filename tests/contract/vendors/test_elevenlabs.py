"""The simulated ElevenLabs keeps the contract of text to speech: plain HTTP, from the vendor's documents."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.vendors.process import KEY, Simulator

VENDOR = "elevenlabs"
SPEECH = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="http")
async def _http(vendor: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=vendor.address, headers={"xi-api-key": KEY}, trust_env=False) as client:
        yield client


def detail(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["detail"]


async def test_speech_is_sound_with_its_id_and_cost_in_the_headers(http: httpx.AsyncClient, vendor: Simulator) -> None:
    answer = await http.post(SPEECH, json={"text": "Good morning.", "model_id": "eleven_v3"})

    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["character-cost"] == "13"
    assert answer.headers["request-id"]
    assert answer.content[:3] in (b"ID3", b"\xff\xfb\x90")
    assert [line["characters"] for line in vendor.bill(text="Good morning.")] == [13]


async def test_repeat_is_another_sound_and_paid_again(http: httpx.AsyncClient, vendor: Simulator) -> None:
    for _ in range(2):
        await http.post(SPEECH, json={"text": "Twice."}, headers={"Idempotency-Key": "same"})

    assert len(vendor.bill(text="Twice.")) == 2


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ["body", "text"]),
        ({"text": "x", "voice": "y"}, ["body", "voice"]),
        ({"text": "x", "voice_settings": {"stability": 2}}, ["body", "voice_settings", "stability"]),
    ],
)
@pytest.mark.parametrize("key", [KEY, "sk_of_another_vendor"])
async def test_bad_body_is_a_list_of_faults_whatever_the_key(
    http: httpx.AsyncClient, body: dict[str, Any], place: list[str], key: str
) -> None:
    status, faults = detail(await http.post(SPEECH, json=body, headers={"xi-api-key": key}))

    assert (status, faults[0]["loc"]) == (422, place)


async def test_format_counts_in_the_query_and_is_ignored_in_the_body(http: httpx.AsyncClient) -> None:
    in_body = await http.post(SPEECH, json={"text": "x", "output_format": "nonsense"})
    in_query = await http.post(SPEECH, json={"text": "x"}, params={"output_format": "nonsense"})

    assert (in_body.status_code, in_query.status_code) == (200, 422)


async def test_key_of_another_vendor_is_not_admitted_in_either_shape(
    http: httpx.AsyncClient, vendor: Simulator
) -> None:
    current = detail(await http.post(SPEECH, json={"text": "x"}, headers={"xi-api-key": "other"}))
    await vendor.switch(shape="legacy")
    legacy = detail(await http.post(SPEECH, json={"text": "x"}, headers={"xi-api-key": "other"}))

    assert (current[0], current[1]["code"], current[1]["status"]) == (401, "unauthorized", "invalid_api_key")
    assert legacy == (401, {"status": "invalid_api_key", "message": "Invalid API key"})


@pytest.mark.parametrize(("status", "word"), [(401, "quota_exceeded"), (402, "insufficient_credits")])
async def test_empty_purse_is_told_in_two_ways(
    http: httpx.AsyncClient, vendor: Simulator, status: int, word: str
) -> None:
    await vendor.switch(quota=status)

    found, told = detail(await http.post(SPEECH, json={"text": "x"}))

    assert (found, told["code"]) == (status, word)


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/v1/text-to-speech/unknown", {"text": "x"}, 404, "voice_not_found"),
        (SPEECH, {"text": "x", "model_id": "eleven_v1"}, 404, "model_not_found"),
        (SPEECH, {"text": " "}, 400, "empty_text"),
        (SPEECH, {"text": "x" * 5_001, "model_id": "eleven_v3"}, 400, "text_too_long"),
        (SPEECH, {"text": "x" * 10_001}, 400, "text_too_long"),
    ],
)
async def test_what_it_does_not_have_is_refused_and_not_billed(
    http: httpx.AsyncClient, vendor: Simulator, path: str, body: dict[str, Any], status: int, word: str
) -> None:
    before = len(vendor.bill())

    found, told = detail(await http.post(path, json=body))

    assert (found, told["code"]) == (status, word)
    assert len(vendor.bill()) == before


async def test_requests_in_flight_are_counted(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(most_at_once=2, hold_s=1.0)

    answers = await asyncio.gather(*(http.post(SPEECH, json={"text": "x"}) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["detail"]["code"] == "too_many_concurrent_requests"
    assert "retry-after" not in refused.headers


async def test_busy_system_is_a_429_of_its_own(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(system_busy=1)

    status, told = detail(await http.post(SPEECH, json={"text": "x"}))

    assert (status, told["code"]) == (429, "system_busy")


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_answer_that_does_not_arrive_is_billed_all_the_same(
    http: httpx.AsyncClient, vendor: Simulator, switch: str
) -> None:
    await vendor.switch(**{switch: 1})

    try:
        status = (await http.post(SPEECH, json={"text": f"Lost by {switch}."})).status_code
    except httpx.RemoteProtocolError:
        status = 0

    assert status in (0, 500)
    assert len(vendor.bill(text=f"Lost by {switch}.")) == 1


async def test_sound_may_break_off_before_its_length(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(result="truncated")

    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(SPEECH, json={"text": "x"})


async def test_models_say_how_long_a_text_may_be(http: httpx.AsyncClient) -> None:
    models = {model["model_id"]: model for model in (await http.get("/v1/models")).json()}

    assert models["eleven_v3"]["maximum_text_length_per_request"] == 5_000
    assert models["eleven_multilingual_v2"]["maximum_text_length_per_request"] == 10_000


async def test_timestamps_come_as_json_without_alignment(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{SPEECH}/with-timestamps", json={"text": "x"})

    assert answer.json()["alignment"] is None


async def test_there_is_no_status_to_ask_for(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/text-to-speech/status/some-id")).status_code == 404
