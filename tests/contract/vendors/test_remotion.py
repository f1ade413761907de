"""The simulated Remotion Lambda keeps the contract of function, bucket and webhook: plain HTTP, from the documents."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.vendors.process import KEY, Simulator
from tests.fakes.vendors.remotion import BUCKET, COMPOSITION, FUNCTION, SITE, VERSION, signature
from tests.patience import PATIENCE_S

VENDOR = "remotion"
SIGNED = f"AWS4-HMAC-SHA256 Credential={KEY}/20261121/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
INVOKE = f"/2015-03-31/functions/{FUNCTION}/invocations"
START = {
    "type": "start",
    "version": VERSION,
    "serveUrl": SITE,
    "composition": COMPOSITION,
    "inputProps": {"type": "payload", "payload": json.dumps({"code": "x = 1"})},
    "codec": "h264",
    "privacy": "private",
    "forceWidth": 320,
    "forceHeight": 180,
}
pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="http")
async def _http(vendor: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": SIGNED}
    async with httpx.AsyncClient(base_url=vendor.address, headers=headers, trust_env=False) as client:
        yield client


async def begun(http: httpx.AsyncClient, **body: object) -> str:
    answer = (await http.post(INVOKE, json={**START, **body})).json()
    assert answer["type"] == "success", answer
    return str(answer["renderId"])


async def progress(http: httpx.AsyncClient, render: str) -> httpx.Response:
    return await http.get(f"/{BUCKET}/renders/{render}/progress.json")


async def test_begun_render_is_on_the_bill_and_says_its_bucket(http: httpx.AsyncClient, vendor: Simulator) -> None:
    answer = (await http.post(INVOKE, json=START)).json()

    assert answer["bucketName"] == BUCKET
    assert len(vendor.bill(job=answer["renderId"])) == 1


async def test_finished_render_tells_where_its_film_is_and_what_it_cost(http: httpx.AsyncClient) -> None:
    render = await begun(http)

    found = (await progress(http, render)).json()

    assert (found["done"], found["overallProgress"], found["costs"]["currency"]) == (True, 1, "USD")
    film = await http.get(f"/{found['outBucket']}/{found['outKey']}")
    assert (film.headers["content-type"], film.content[4:8]) == ("video/mp4", b"ftyp")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"version": "4.0.1"}, "Version mismatch"),
        ({"composition": "Other"}, "No composition"),
        ({"serveUrl": "https://example.com"}, "No composition"),
        ({"inputProps": {"type": "payload", "payload": "x" * 200_001}}, "too large"),
    ],
)
async def test_start_that_the_function_cannot_do_is_an_error_and_not_billed(
    http: httpx.AsyncClient, vendor: Simulator, body: Json, words: str
) -> None:
    before = len(vendor.bill())

    answer = (await http.post(INVOKE, json={**START, **body})).json()

    assert (answer["type"], words in answer["message"]) == ("error", True)
    assert len(vendor.bill()) == before


async def test_keys_of_somebody_else_are_not_admitted(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.post(INVOKE, json=START, headers={"Authorization": SIGNED.replace(KEY, "other")}),
        await http.get(f"/{BUCKET}/renders/x/progress.json", headers={"Authorization": ""}),
    ):
        assert answer.status_code == 403


async def test_render_goes_on_until_its_time_has_come(http: httpx.AsyncClient, vendor: Simulator) -> None:
    await vendor.switch(render_s=60)
    render = await begun(http)

    running = (await progress(http, render)).json()
    await vendor.advance(60)
    done = (await progress(http, render)).json()

    assert (running["done"], running["outKey"], done["done"]) == (False, None, True)


@pytest.mark.parametrize(
    ("switches", "status"), [({"no_progress": 1}, 404), ({"forget": True}, 404), ({"unavailable": 1}, 503)]
)
async def test_progress_may_be_missing_and_the_bucket_away(
    http: httpx.AsyncClient, vendor: Simulator, switches: Json, status: int
) -> None:
    render = await begun(http)
    await vendor.switch(**switches)

    assert (await progress(http, render)).status_code == status


async def test_end_of_a_render_is_told_signed_over_the_raw_body(http: httpx.AsyncClient) -> None:
    told: asyncio.Future[tuple[str, bytes]] = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        told.set_result((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/spi/webhooks/remotion"
        render = await begun(http, webhook={"url": url, "secret": "s3cret", "customData": None})
        async with asyncio.timeout(PATIENCE_S):
            head, body = await told

    expected = hmac.new(b"s3cret", body, hashlib.sha512).hexdigest()
    assert f"x-remotion-signature: sha512={expected}" in head
    assert (json.loads(body)["type"], json.loads(body)["renderId"]) == ("success", render)


async def test_signature_is_that_of_the_documents() -> None:
    body = b'{"type":"timeout","renderId":"abc","expectedBucketOwner":"1","bucketName":"b","customData":null}'

    assert signature(body, "mysecret") == (
        "sha512=a7440a97e5cf01025ccc89c9de43a91460687af427bfbef76b097985ac78fb7f"
        "7a4496b0ddca96b4fb85eb8536799929afae5d7bbe91dbd73bdc4834d7304100"
    )
