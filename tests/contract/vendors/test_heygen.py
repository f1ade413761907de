"""The simulated HeyGen keeps the contract of HeyGen v3: spoken to with plain HTTP, from the vendor's documents."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.vendors.media import a_picture, a_sound
from tests.fakes.vendors.process import KEY, Simulator

VENDOR = "heygen"
pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="http")
async def _http(vendor: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=vendor.address, headers={"X-Api-Key": KEY}, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="sound")
async def _sound(vendor: Simulator, tmp_path_factory: pytest.TempPathFactory) -> str:
    return await uploaded(vendor, a_sound(tmp_path_factory.mktemp("sound") / "a.mp3"), "audio/mpeg")


async def uploaded(vendor: Simulator, path: Path, content_type: str) -> str:
    content = await asyncio.to_thread(path.read_bytes)
    async with httpx.AsyncClient(base_url=vendor.address, headers={"X-Api-Key": KEY}, trust_env=False) as client:
        answer = await client.post("/v3/assets", files={"file": (path.name, content, content_type)})
    assert answer.status_code == 200
    return str(answer.json()["data"]["asset_id"])


def a_video(sound: str, **fields: object) -> Json:
    return {
        "type": "avatar",
        "avatar_id": "Anna_public",
        "audio_asset_id": sound,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        **fields,
    }


async def looked_at(http: httpx.AsyncClient, video: str) -> Json:
    data: Json = (await http.get(f"/v3/videos/{video}")).json()["data"]
    return data


async def ended(http: httpx.AsyncClient, video: str) -> Json:
    async with asyncio.timeout(30):
        while True:
            data = await looked_at(http, video)
            if data["status"] in ("completed", "failed"):
                return data
            await asyncio.sleep(0.05)


async def begun(http: httpx.AsyncClient, sound: str, *, key: str = "", **fields: object) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await http.post("/v3/videos", json=a_video(sound, **fields), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["video_id"])


def code_of(answer: httpx.Response) -> tuple[int, object]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_accepted_video_says_waiting_and_is_on_the_bill(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    answer = await http.post("/v3/videos", json=a_video(sound, title="A lesson"))

    data = answer.json()["data"]
    assert (data["status"], data["output_format"]) == ("waiting", "mp4")
    assert [line["title"] for line in vendor.bill(job=data["video_id"])] == ["A lesson"]


async def test_completed_video_has_an_address_its_length_and_real_bytes(http: httpx.AsyncClient, sound: str) -> None:
    video = await ended(http, await begun(http, sound))

    assert (video["status"], round(video["duration"], 1)) == ("completed", 1.0)
    film = await http.get(video["video_url"], headers={"X-Api-Key": ""})
    assert film.headers["content-type"] == "video/mp4"
    assert film.content[4:8] == b"ftyp"


async def test_same_key_replays_the_first_answer_whatever_the_body_says(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    first = await begun(http, sound, key="key-1")

    again = await begun(http, sound, key="key-1", avatar_id="another")

    assert again == first
    assert len(vendor.bill(key="key-1")) == 1


async def test_key_whose_first_call_goes_on_is_in_progress(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(hold_s=1.0)
    headers = {"Idempotency-Key": "key-busy"}

    answers = await asyncio.gather(*(http.post("/v3/videos", json=a_video(sound), headers=headers) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert code_of(next(answer for answer in answers if answer.status_code == 409))[1] == "request_in_progress"
    assert len(vendor.bill(key="key-busy")) == 1


async def test_key_is_forgotten_after_a_day(http: httpx.AsyncClient, vendor: Simulator, sound: str) -> None:
    first = await begun(http, sound, key="key-2")
    await vendor.advance(24 * 3600 + 1)

    again = await begun(http, sound, key="key-2")

    assert again != first
    assert len(vendor.bill(key="key-2")) == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"dimension": {"width": 1280}}, "dimension"),
        ({"scenes": []}, "scenes"),
        ({"script": "both"}, "audio_url"),
        ({"aspect_ratio": "4:3"}, "aspect_ratio"),
        ({"resolution": "480p"}, "resolution"),
        ({"type": "studio"}, "type"),
        ({"background": {"type": "video", "url": "https://x/y.mp4"}}, "background"),
        ({"output_format": "webm", "background": {"type": "color", "value": "#ffffff"}}, "background"),
        ({"avatar_id": ""}, "avatar_id"),
    ],
)
async def test_video_that_the_schema_does_not_have_is_refused_and_not_billed(
    http: httpx.AsyncClient, vendor: Simulator, sound: str, fields: Json, param: str
) -> None:
    before = len(vendor.bill())

    answer = await http.post("/v3/videos", json=a_video(sound, **fields))

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert len(vendor.bill()) == before


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:9/speech.m4a?X-Amz-Signature=a.mp3", "invalid_parameter"),
        ("http://127.0.0.1:9/speech.mp3", "download_failed"),
    ],
)
async def test_input_that_ends_wrongly_or_cannot_be_fetched_is_refused(
    http: httpx.AsyncClient, sound: str, url: str, code: str
) -> None:
    video = a_video(sound, audio_url=url)
    del video["audio_asset_id"]

    assert code_of(await http.post("/v3/videos", json=video)) == (400, code)


async def test_picture_is_taken_as_background_and_a_sound_is_not(
    http: httpx.AsyncClient, vendor: Simulator, sound: str, tmp_path: Path
) -> None:
    picture = await uploaded(vendor, a_picture(tmp_path / "a.png"), "image/png")

    await begun(http, sound, background={"type": "image", "asset_id": picture})
    answer = await http.post("/v3/videos", json=a_video(sound, background={"type": "image", "asset_id": sound}))

    assert code_of(answer) == (400, "asset_not_available")


@pytest.mark.parametrize("headers", [{"X-Api-Key": "sk_of_another_vendor"}, {"X-Api-Key": ""}])
async def test_key_of_another_vendor_is_not_admitted(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v3/videos"), ("GET", "/v3/videos/x"), ("POST", "/v3/assets")):
        assert code_of(await http.request(method, path, headers=headers)) == (401, "unauthorized")


async def test_unknown_video_is_not_found(http: httpx.AsyncClient) -> None:
    assert code_of(await http.get("/v3/videos/nobody")) == (404, "video_not_found")


@pytest.mark.parametrize("path", ["/v2/video/generate", "/v1/video.generate"])
async def test_versions_before_are_retired(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.post(path, json={})).status_code == 410


async def test_versions_before_may_be_gone_without_a_word(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(old_versions=404)

    assert (await http.post("/v2/video/generate", json={})).status_code == 404


async def test_status_of_the_post_may_come_first_and_states_may_be_skipped(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(first_status="waiting", render_s=3600)
    video = await begun(http, sound)

    words = [(await looked_at(http, video))["status"] for _ in range(2)]
    await vendor.advance(3600)

    assert words == ["waiting", "processing"]
    assert (await ended(http, video))["status"] == "completed"


async def test_busy_vendor_says_when_and_a_trial_cap_does_not(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(busy=1, trial_cap=1)

    busy = await http.post("/v3/videos", json=a_video(sound))
    capped = await http.post("/v3/videos", json=a_video(sound))

    assert (*code_of(busy), busy.headers["retry-after"]) == (429, "rate_limit_exceeded", "1")
    assert (*code_of(capped), capped.headers.get("retry-after")) == (429, "trial_video_limit_exceeded", None)


async def test_eleventh_video_at_a_time_is_turned_away(http: httpx.AsyncClient, vendor: Simulator, sound: str) -> None:
    await vendor.advance(24 * 3600)
    await vendor.switch(render_s=600)

    answers = [await http.post("/v3/videos", json=a_video(sound)) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    await vendor.advance(600)


async def test_error_may_come_in_a_200_and_its_code_as_a_number(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(error_in_200=1, code_as_number=True)

    answer = await http.post("/v3/videos", json=a_video(sound))

    assert code_of(answer) == (200, 400144)
    assert answer.json()["data"] is None


async def test_failed_video_is_a_200_with_code_and_words(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(failure={"code": "40119", "message": "video too long"})

    video = await ended(http, await begun(http, sound))

    assert (video["status"], video["failure_code"], video["failure_message"]) == ("failed", "40119", "video too long")


async def test_lost_answer_is_billed_and_found_again_under_its_key(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(lose_answers=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await begun(http, sound, key="key-lost")

    video = await begun(http, sound, key="key-lost")

    assert [line["job"] for line in vendor.bill(key="key-lost")] == [video]


async def test_address_expires_and_each_look_gives_a_new_one(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(address_life_s=60)
    video = await begun(http, sound)
    old = (await ended(http, video))["video_url"]
    await vendor.advance(61)

    new = (await looked_at(http, video))["video_url"]

    assert old != new
    assert ((await http.get(old)).status_code, (await http.get(new)).status_code) == (403, 200)


async def test_result_is_not_readable_in_its_first_moments(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(unreadable_downloads=3)
    url = (await ended(http, await begun(http, sound)))["video_url"]

    assert [(await http.get(url)).status_code for _ in range(4)] == [403, 403, 403, 200]
