"""The simulated Runway keeps the contract of its tasks: plain HTTP, from the vendor's documents."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.vendors.process import KEY, Simulator

VENDOR = "runway"
HEADERS = {"Authorization": f"Bearer {KEY}", "X-Runway-Version": "2024-11-06"}
PICTURE = "data:image/png;base64,iVBORw0KGgo="
TURBO = {"model": "gen4_turbo", "ratio": "1280:720", "promptImage": PICTURE, "duration": 2}
WORDS = {"model": "gen4.5", "ratio": "720:1280", "promptText": "A lighthouse", "duration": 2}
pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="http")
async def _http(vendor: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=vendor.address, headers=HEADERS, trust_env=False) as client:
        yield client


async def begun(http: httpx.AsyncClient, path: str = "/v1/text_to_video", **body: object) -> str:
    answer = await http.post(path, json={**WORDS, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def looked_at(http: httpx.AsyncClient, task: str) -> Json:
    found: Json = (await http.get(f"/v1/tasks/{task}")).json()
    return found


@pytest.mark.parametrize(
    ("path", "body", "price"), [("/v1/image_to_video", TURBO, 10), ("/v1/text_to_video", WORDS, 24)]
)
async def test_accepted_task_has_an_estimate_and_a_line_on_the_bill(
    http: httpx.AsyncClient, vendor: Simulator, path: str, body: Json, price: int
) -> None:
    answer = await http.post(path, json=body)

    assert answer.json()["estimatedCost"] == {"credits": price}
    assert [line["credits"] for line in vendor.bill(job=answer.json()["id"])] == [price]


async def test_succeeded_task_has_its_cost_and_a_film_that_needs_no_key(http: httpx.AsyncClient) -> None:
    task = await looked_at(http, await begun(http))

    assert (task["status"], task["cost"]) == ("SUCCEEDED", {"credits": 24})
    async with httpx.AsyncClient(trust_env=False) as anybody:
        film = await anybody.get(task["output"][0])
    assert (film.headers["content-type"], film.content[4:8]) == ("video/mp4", b"ftyp")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/text_to_video", {**WORDS, "model": "gen4_turbo"}),
        ("/v1/text_to_video", {**WORDS, "ratio": "960:960"}),
        ("/v1/text_to_video", {**WORDS, "ratio": "16:9"}),
        ("/v1/text_to_video", {**WORDS, "duration": 11}),
        ("/v1/text_to_video", {**WORDS, "model": "veo3.1", "duration": 5}),
        ("/v1/text_to_video", {**WORDS, "promptText": "x" * 1001}),
        ("/v1/text_to_video", {**WORDS, "negative": "x"}),
        ("/v1/text_to_video", {"model": "gen4.5", "ratio": "1280:720", "promptText": "x"}),
        ("/v1/image_to_video", {"model": "gen4_turbo", "ratio": "1280:720"}),
        ("/v1/image_to_video", {**TURBO, "model": "gen4.5"}),
        ("/v1/image_to_video", {**TURBO, "promptImage": "runway:" + "x" * 20}),
        ("/v1/image_to_video", {**TURBO, "promptImage": "data:image/png;base64," + "A" * 5_242_880}),
    ],
)
async def test_body_that_the_schema_does_not_have_is_refused_and_not_billed(
    http: httpx.AsyncClient, vendor: Simulator, path: str, body: Json
) -> None:
    before = len(vendor.bill())

    answer = await http.post(path, json=body)

    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert len(vendor.bill()) == before


async def test_version_is_a_header_that_must_be_there(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/tasks/x", headers={"X-Runway-Version": ""})).status_code == 400


async def test_key_of_another_vendor_is_not_admitted(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/text_to_video", json=WORDS, headers={"Authorization": "Bearer other"})

    assert answer.status_code == 401


async def test_address_that_does_not_answer_head_fails_the_task_later(
    http: httpx.AsyncClient, vendor: Simulator
) -> None:
    task = await begun(http, "/v1/image_to_video", **{**TURBO, "promptImage": f"{vendor.address}/v1/tasks/x.png"})

    found = await looked_at(http, task)

    assert (found["status"], found["failureCode"], found["cost"]) == ("FAILED", "ASSET.INVALID", {"credits": 0})


async def test_address_that_redirects_is_an_invalid_asset(http: httpx.AsyncClient, vendor: Simulator) -> None:
    task = await begun(http, "/v1/image_to_video", **{**TURBO, "promptImage": f"{vendor.address}/moved/a.png"})

    assert (await looked_at(http, task))["failureCode"] == "ASSET.INVALID"
    moved = [line["method"] for line in await vendor.log() if line["path"] == "/moved/a.png"]
    assert (moved, [line for line in await vendor.log() if line["path"] == "/pictures/a.png"]) == (["HEAD"], [])


async def test_too_many_tasks_wait_as_throttled(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(throttled=2)
    task = await begun(http)

    assert [(await looked_at(http, task))["status"] for _ in range(3)] == ["THROTTLED", "THROTTLED", "SUCCEEDED"]


async def test_running_task_tells_its_progress(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(render_s=60)
    task = await begun(http)

    assert (await looked_at(http, task))["progress"] == 0.4


@pytest.mark.parametrize(
    ("code", "charged", "cost"), [("SAFETY.INPUT.TEXT", True, 24), ("SAFETY.OUTPUT.VIDEO", False, 0)]
)
async def test_failed_task_says_why_and_what_is_charged(
    http: httpx.AsyncClient, vendor: Simulator, code: str, charged: bool, cost: int
) -> None:
    await vendor.switch(failure={"code": code, "text": "refused", "charged": charged})

    found = await looked_at(http, await begun(http))

    assert (found["failureCode"], found["failure"], found["cost"]) == (code, "refused", {"credits": cost})


async def test_output_expires_and_each_look_gives_a_new_address(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(address_life_s=60)
    task = await begun(http)
    old = (await looked_at(http, task))["output"][0]
    await vendor.advance(61)

    new = (await looked_at(http, task))["output"][0]

    assert ((await http.get(old)).status_code, (await http.get(new)).status_code) == (403, 200)


async def test_daily_cap_is_a_429_and_shed_load_a_503(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(capped=1, sheds_load=1, poor=1)

    answers = [await http.post("/v1/text_to_video", json=WORDS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 503, 400]
    assert "credits" in answers[2].json()["error"]


async def test_deleted_task_is_not_found_any_more(http: httpx.AsyncClient) -> None:
    task = await begun(http)

    assert (await http.delete(f"/v1/tasks/{task}")).status_code == 204
    assert (await http.get(f"/v1/tasks/{task}")).status_code == 404


async def test_repeat_is_another_task_and_another_line(http: httpx.AsyncClient, vendor: Simulator) -> None:
    for _ in range(2):
        await http.post("/v1/text_to_video", json={**WORDS, "promptText": "Twice"}, headers={"Idempotency-Key": "k"})

    assert len(vendor.bill(prompt="Twice")) == 2


async def test_upload_takes_a_form_without_the_key_and_is_then_a_picture(http: httpx.AsyncClient) -> None:
    place = (await http.post("/v1/uploads", json={"filename": "a.png", "type": "ephemeral"})).json()
    too_early = await http.post("/v1/image_to_video", json={**TURBO, "promptImage": place["runwayUri"]})

    async with httpx.AsyncClient(trust_env=False) as anybody:
        file = {"file": ("a.png", b"picture", "image/png")}
        without_fields = await anybody.post(place["uploadUrl"], files=file)
        uploaded = await anybody.post(place["uploadUrl"], data=place["fields"], files=file)
    accepted = await http.post("/v1/image_to_video", json={**TURBO, "promptImage": place["runwayUri"]})

    statuses = (too_early.status_code, without_fields.status_code, uploaded.status_code, accepted.status_code)
    assert statuses == (400, 403, 204, 200)


@pytest.mark.parametrize("body", [{"filename": "a.png"}, {"filename": "noending", "type": "ephemeral"}])
async def test_upload_without_a_type_or_an_ending_is_refused(http: httpx.AsyncClient, body: Json) -> None:
    assert (await http.post("/v1/uploads", json=body)).status_code == 400
