"""The simulated HeyGen tells of ends as v3 does: looked at first, signed, once, twice, too early, or not at all."""

import asyncio
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from tests.contract.vendors.test_heygen import begun, ended, uploaded
from tests.fakes.vendors.media import a_sound
from tests.fakes.vendors.process import KEY, Simulator
from tests.patience import PATIENCE_S

VENDOR = "heygen"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Receiver:
    """An address of ours, and what came there: method, headers, body."""

    url: str = ""
    is_silent: bool = False
    came: asyncio.Queue[tuple[str, dict[str, str], bytes]] = field(default_factory=asyncio.Queue)
    kept: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): (.*)\r$", head, re.MULTILINE)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.came.put_nowait((head.partition(" ")[0], headers, body))
        if self.is_silent:
            self.kept.append(writer)
        else:
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

    async def next(self) -> tuple[str, dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.came.get()

    async def events_to_the_end_of(self, video: str) -> list[tuple[str, str]]:
        """What is told until that video's end is: the event, and which video it is about."""
        events: list[tuple[str, str]] = []
        while ("avatar_video.success", video) not in events:
            told = json.loads((await self.next())[2])
            events.append((told["event_type"], told["event_data"]["video_id"]))
        return events


@asynccontextmanager
async def a_receiver(*, is_silent: bool = False) -> AsyncIterator[Receiver]:
    receiver = Receiver(is_silent=is_silent)
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/spi/webhooks/heygen"
        yield receiver
        for writer in receiver.kept:
            writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="http")
async def _http(vendor: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=vendor.address, headers={"X-Api-Key": KEY}, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="sound")
async def _sound(vendor: Simulator, tmp_path_factory: pytest.TempPathFactory) -> str:
    return await uploaded(vendor, a_sound(tmp_path_factory.mktemp("sound") / "a.mp3"), "audio/mpeg")


async def registered(http: httpx.AsyncClient, receiver: Receiver) -> str:
    """The secret of an address. What came there when it was looked at is left out."""
    answer = await http.post("/v3/webhooks/endpoints", json={"url": receiver.url, "events": None})
    assert answer.status_code == 200, answer.text
    while not receiver.came.empty():
        receiver.came.get_nowait()
    return str(answer.json()["data"]["secret"])


async def last(http: httpx.AsyncClient, vendor: Simulator, sound: str) -> str:
    """A video whose end is told once, whatever was told of those before."""
    await vendor.switch()
    return await begun(http, sound)


async def test_address_is_looked_at_before_its_secret_is_told(http: httpx.AsyncClient) -> None:
    async with a_receiver() as receiver:
        answer = await http.post("/v3/webhooks/endpoints", json={"url": receiver.url, "events": None})

        assert receiver.came.qsize() == 1
        assert (await receiver.next())[0] == "OPTIONS"
    assert answer.json()["data"]["secret"].startswith("whsec_")


async def test_address_that_does_not_answer_within_a_second_is_not_taken(http: httpx.AsyncClient) -> None:
    async with a_receiver(is_silent=True) as receiver:
        answer = await http.post("/v3/webhooks/endpoints", json={"url": receiver.url})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "url")


async def test_end_is_told_signed_by_the_secret_as_it_stands(http: httpx.AsyncClient, sound: str) -> None:
    async with a_receiver() as receiver:
        secret = await registered(http, receiver)
        video = await begun(http, sound)
        method, headers, body = await receiver.next()

    assert method == "POST"
    assert headers["heygen-signature"] == hmac.digest(secret.encode(), body, "sha256").hex()
    assert (headers["heygen-timestamp"].isdecimal(), len(headers["heygen-event-id"])) == (True, 32)
    assert json.loads(body) == {"event_type": "avatar_video.success", "event_data": {"video_id": video}}


async def test_end_may_be_told_before_the_submission_is_answered(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(telling="early", render_s=3600)
    async with a_receiver() as receiver:
        await registered(http, receiver)
        video = await begun(http, sound)

        assert receiver.came.qsize() == 1
        assert await receiver.events_to_the_end_of(video) == [("avatar_video.success", video)]


async def test_end_may_be_told_twice(http: httpx.AsyncClient, vendor: Simulator, sound: str) -> None:
    await vendor.switch(telling="twice")
    async with a_receiver() as receiver:
        await registered(http, receiver)
        video = await begun(http, sound)
        told = await receiver.events_to_the_end_of(video)
        told += await receiver.events_to_the_end_of(await last(http, vendor, sound))

    assert told[:-1] == [("avatar_video.success", video)] * 2


async def test_end_may_never_be_told(http: httpx.AsyncClient, vendor: Simulator, sound: str) -> None:
    await vendor.switch(telling="never")
    async with a_receiver() as receiver:
        await registered(http, receiver)
        await ended(http, await begun(http, sound))
        after = await last(http, vendor, sound)

        assert await receiver.events_to_the_end_of(after) == [("avatar_video.success", after)]


async def test_picture_that_nobody_asked_for_may_be_told_of(
    http: httpx.AsyncClient, vendor: Simulator, sound: str
) -> None:
    await vendor.switch(telling="with_gif")
    async with a_receiver() as receiver:
        await registered(http, receiver)
        video = await begun(http, sound)
        told = await receiver.events_to_the_end_of(video)

    assert told == [("avatar_video_gif.success", video), ("avatar_video.success", video)]
