"""The simulated Veo keeps the contract of Vertex AI and of Google's tokens: plain HTTP, from the vendor's documents."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from tests.fakes.vendors.google_account import a_service_account, an_assertion
from tests.fakes.vendors.process import Simulator, open_simulator

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MODELS = "/v1/projects/films/locations/us-central1/publishers/google/models"
MODEL = f"{MODELS}/veo-3.1-generate-001"
pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="account")
async def _account(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return a_service_account(tmp_path_factory.mktemp("account"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(account: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("veo", tmp_path_factory.mktemp("vendor"), key=str(account[1])) as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="module", name="http")
async def _http(vendor: Simulator, account: tuple[Path, Path]) -> AsyncIterator[httpx.AsyncClient]:
    token = (await ask_for_token(vendor, account[0])).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=vendor.address, headers=headers, trust_env=False) as client:
        yield client


async def ask_for_token(vendor: Simulator, account: Path, *, audience: str = "") -> httpx.Response:
    address = f"{vendor.address}/token"
    form = {"grant_type": GRANT, "assertion": an_assertion(account, audience=audience or address)}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(address, data=form)


def a_clip(**parameters: object) -> Json:
    return {
        "instances": [{"prompt": "A lighthouse"}],
        "parameters": {"aspectRatio": "16:9", "durationSeconds": 4, "generateAudio": True, **parameters},
    }


async def begun(http: httpx.AsyncClient) -> str:
    answer = await http.post(f"{MODEL}:predictLongRunning", json=a_clip())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["name"])


async def looked_at(http: httpx.AsyncClient, name: str) -> Json:
    answer: Json = (await http.post(f"{MODEL}:fetchPredictOperation", json={"operationName": name})).json()
    return answer


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["status"]


async def test_accepted_clip_is_an_operation_of_its_model_and_on_the_bill(
    http: httpx.AsyncClient, vendor: Simulator
) -> None:
    name = await begun(http)

    assert name.startswith("projects/films/locations/us-central1/publishers/google/models/veo-3.1-generate-001/oper")
    assert len(vendor.bill(job=name)) == 1


async def test_operation_that_goes_on_says_nothing_of_done(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(render_s=60)
    name = await begun(http)

    assert await looked_at(http, name) == {"name": name}
    await vendor.advance(60)
    assert (await looked_at(http, name))["done"] is True


async def test_film_comes_inside_the_answer(http: httpx.AsyncClient) -> None:
    found = await looked_at(http, await begun(http))

    (video,) = found["response"]["videos"]
    assert base64.b64decode(video["bytesBase64Encoded"])[4:8] == b"ftyp"


async def test_answer_of_twenty_megabytes_comes_whole(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(padding_mib=20)

    found = await looked_at(http, await begun(http))

    assert len(found["response"]["videos"][0]["bytesBase64Encoded"]) > 20 * 1024**2 * 4 / 3


async def test_question_is_a_post(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/v1/{await begun(http)}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        a_clip(durationSeconds=5),
        a_clip(durationSeconds=6, resolution="1080p"),
        a_clip(aspectRatio="1:1"),
        a_clip(personGeneration="allow_all"),
        a_clip(audio=True),
        {"instances": [{"prompt": "x"}], "parameters": {"durationSeconds": 4}},
        {"instances": [{}], "parameters": {"generateAudio": True}},
        {"instances": [{"prompt": "x"}, {"prompt": "y"}], "parameters": {"generateAudio": True}},
        {
            "instances": [{"image": {"bytesBase64Encoded": "AA==", "mimeType": "image/gif"}}],
            "parameters": {"generateAudio": True},
        },
    ],
)
async def test_clip_that_the_schema_does_not_have_is_refused_and_not_billed(
    http: httpx.AsyncClient, vendor: Simulator, body: Json
) -> None:
    before = len(vendor.bill())

    assert said(await http.post(f"{MODEL}:predictLongRunning", json=body)) == (400, "INVALID_ARGUMENT")
    assert len(vendor.bill()) == before


@pytest.mark.parametrize("model", ["veo-3.0-generate-001", "veo-3.0-generate-preview", "veo-3.1-generate-preview"])
async def test_retired_model_is_not_found(http: httpx.AsyncClient, model: str) -> None:
    answer = await http.post(f"{MODELS}/{model}:predictLongRunning", json=a_clip())

    assert said(answer) == (404, "NOT_FOUND")
    assert "is no longer available" in answer.json()["error"]["message"]


async def test_token_holds_an_hour(vendor: Simulator, account: tuple[Path, Path]) -> None:
    answer = await ask_for_token(vendor, account[0])

    assert (answer.json()["expires_in"], answer.json()["token_type"]) == (3600, "Bearer")


async def test_assertion_of_another_key_or_for_another_place_gets_no_token(
    vendor: Simulator, account: tuple[Path, Path], tmp_path: Path
) -> None:
    stranger, _ = a_service_account(tmp_path)

    answers = [
        await ask_for_token(vendor, stranger),
        await ask_for_token(vendor, account[0], audience="https://elsewhere.test/token"),
    ]

    assert [(one.status_code, one.json()["error"]) for one in answers] == [(400, "invalid_grant")] * 2


async def test_token_is_needed_and_ends(http: httpx.AsyncClient, vendor: Simulator) -> None:
    nobody = await http.post(f"{MODEL}:predictLongRunning", json=a_clip(), headers={"Authorization": "Bearer sk_other"})
    await vendor.advance(3601)
    late = await http.post(f"{MODEL}:predictLongRunning", json=a_clip())

    assert said(nobody) == said(late) == (401, "UNAUTHENTICATED")


async def test_withheld_film_is_done_without_videos(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(filtered=True)

    response = (await looked_at(http, await begun(http)))["response"]

    assert "videos" not in response
    assert response["raiMediaFilteredCount"] == 1
    assert "Support codes: 42237218" in response["raiMediaFilteredReasons"][0]


async def test_film_beside_one_that_was_withheld_is_there(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(filtered_in_part=True)

    response = (await looked_at(http, await begun(http)))["response"]

    assert (len(response["videos"]), response["raiMediaFilteredCount"]) == (1, 1)


async def test_failed_operation_carries_a_status(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(failure={"code": 3, "message": "The image is too small"})

    found = await looked_at(http, await begun(http))

    assert (found["done"], found["error"]["code"]) == (True, 3)


@pytest.mark.parametrize("busy", ["retry_info", "words", "bare"])
async def test_busy_vendor_says_when_in_details_in_words_or_not_at_all(
    http: httpx.AsyncClient, vendor: Simulator, busy: str
) -> None:
    await vendor.switch(busy=busy)

    answer = await http.post(f"{MODEL}:predictLongRunning", json=a_clip())

    assert said(answer) == (429, "RESOURCE_EXHAUSTED")
    assert ("details" in answer.json()["error"]) == (busy == "retry_info")


async def test_error_may_lie_in_a_list_of_one(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(busy="listed")

    answer = await http.post(f"{MODEL}:predictLongRunning", json=a_clip())

    assert answer.json()[0]["error"]["code"] == 429


async def test_repeat_is_another_operation_and_another_line(http: httpx.AsyncClient, vendor: Simulator) -> None:
    before = len(vendor.bill())

    assert await begun(http) != await begun(http)

    assert len(vendor.bill()) == before + 2


async def test_clip_for_a_bucket_lies_there_and_is_read_with_the_token(http: httpx.AsyncClient) -> None:
    accepted = await http.post(f"{MODEL}:predictLongRunning", json=a_clip(storageUri="gs://films/made"))
    (video,) = (await looked_at(http, accepted.json()["name"]))["response"]["videos"]
    bucket, _, name = video["gcsUri"].removeprefix("gs://").partition("/")

    place = f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
    film = await http.get(place, params={"alt": "media"})
    stranger = await http.get(place, params={"alt": "media"}, headers={"Authorization": "Bearer other"})

    assert "bytesBase64Encoded" not in video
    assert (film.status_code, film.content[4:8]) == (200, b"ftyp")
    assert said(stranger) == (401, "UNAUTHENTICATED")
