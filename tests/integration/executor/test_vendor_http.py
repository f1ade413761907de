"""Calls to a vendor's API whose server does what it should not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from executor_service.integrations.vendor_errors import Away
from executor_service.integrations.vendor_http import Call, VendorHttp

Page = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers every request with `page`, and keeps what it was sent."""

    page: Page
    port: int = 0
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            await self.page(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def says(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> Page:
    async def page(writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body)

    return page


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server(says(b"{}"))
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


@pytest.fixture
async def http(server: Server) -> AsyncIterator[VendorHttp]:
    made = VendorHttp("Acme", f"http://127.0.0.1:{server.port}", headers={"X-Api-Key": "canary"})
    yield made
    await made.close()


def a_call(**changed: object) -> Call:
    return Call(**{"method": "GET", "path": "/v1/x", "within_s": 5.0, **changed})  # type: ignore[arg-type]


async def test_answer_of_any_status_is_handed_on_whole(server: Server, http: VendorHttp) -> None:
    server.page = says(b'{"a": 1}', status="422 X", headers="Retry-After: 3\r\n")

    answer = await http.ask(a_call())

    assert (answer.status, answer.is_success, answer.json()) == (422, False, {"a": 1})
    wait = answer.retry_after()
    assert wait is not None
    assert wait.total_seconds() == 3


async def test_success_goes_into_a_file_and_an_error_does_not(server: Server, http: VendorHttp, tmp_path: Path) -> None:
    server.page = says(b"sound")
    await http.ask(a_call(into=tmp_path / "sound"))
    server.page = says(b"no", status="429 X")

    refused = await http.ask(a_call(into=tmp_path / "none"))

    assert (tmp_path / "sound").read_bytes() == b"sound"
    assert refused.body == b"no"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("page", "within_s", "words"),
    [
        (drips, 0.3, "within 0.3 s"),
        (says(b"short", length=50), 5.0, "RemoteProtocolError"),
        (says(b"x" * 2000), 5.0, "more than 1000 bytes"),
        (says(b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"), 5.0, "compressed"),
    ],
    ids=["drips", "breaks off", "too large", "compressed"],
)
async def test_answer_that_is_none_decides_nothing(
    server: Server, http: VendorHttp, page: Page, within_s: float, words: str
) -> None:
    server.page = page

    with pytest.raises(Away, match=words):
        await http.ask(a_call(within_s=within_s, max_bytes=1000))


async def test_vendor_that_does_not_listen_is_away(server: Server, http: VendorHttp) -> None:
    nobody = VendorHttp("Acme", "http://127.0.0.1:1", headers={})

    with pytest.raises(Away, match="ConnectError"):
        await nobody.ask(a_call())

    await nobody.close()


async def test_redirect_is_not_followed_so_that_the_key_stays_on_its_host(server: Server, http: VendorHttp) -> None:
    elsewhere = Server(says(b"{}"))
    listening = await asyncio.start_server(elsewhere.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server.page = says(b"", status="307 X", headers=f"Location: http://127.0.0.1:{port}/v1/x\r\n")

    answer = await http.ask(a_call(method="POST", json={}))

    assert answer.status == 307
    assert elsewhere.heads == []
    assert "canary" in server.heads[0]
    listening.close()


@pytest.mark.parametrize("header", ["X-Api-Key", "xi-api-key", "Authorization"])
@pytest.mark.parametrize("given", ["with the account", "with the call"])
async def test_key_that_the_vendor_repeats_is_masked(server: Server, header: str, given: str) -> None:
    headers = {header: "Bearer sk-canary-71c2" if header == "Authorization" else "sk-canary-71c2"}
    server.page = says(b'{"message": "unknown key sk-canary-71c2 of Acme"}', status="401 X")
    http = VendorHttp("Acme", f"http://127.0.0.1:{server.port}", headers=headers if given == "with the account" else {})

    answer = await http.ask(a_call(headers=headers if given == "with the call" else {}))

    assert "sk-canary-71c2" in server.heads[0]
    assert answer.json() == {"message": "unknown key *** of Acme"}
    await http.close()


async def test_nothing_is_taken_from_the_environment(
    server: Server, http: VendorHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    fresh = VendorHttp("Acme", f"http://127.0.0.1:{server.port}", headers={})

    assert (await fresh.ask(a_call())).status == 200

    await fresh.close()
    assert "accept-encoding: identity" in server.heads[0].lower()
