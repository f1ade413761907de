"""Downloads from a real HTTPS server, with a resolver and addresses of the test's making."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from executor_service.integrations.addresses import IpAddress, is_public
from executor_service.integrations.fetch import Fetcher, FetchLimits, resolve_with_system
from executor_service.task import ErrorType, GiveUp
from tests.fakes.certificates import CertificateAuthority

LOOPBACK = ipaddress.ip_address("127.0.0.1")
Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    headers: dict[str, str]


@dataclass
class Site:
    """An HTTPS server for `media.test`; `pages` says what each path does."""

    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str, *, host: str = "media.test") -> str:
        return f"https://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            request = Request(path=head[0].split(" ")[1], headers=headers)
            self.requests.append(request)
            await self.pages[request.path](request, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def body(content: bytes, *, content_type: str = "text/plain", headers: str = "", length: int | None = None) -> Answer:
    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        size = len(content) if length is None else length
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n{headers}\r\n"
        writer.write(head.encode() + content)

    return answer


def status(code: int, *, headers: str = "") -> Answer:
    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\n{headers}\r\n".encode())

    return answer


def redirect(location: str) -> Answer:
    return status(302, headers=f"Location: {location}\r\n")


async def drip(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
async def site(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[Site]:
    files = authority.write(tmp_path / "tls", "site", authority.issue("media.test", ips=()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    yield site
    server.close()


@dataclass
class Names:
    """A resolver that answers what the test says, one answer after the other."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        del port
        self.asked.append(host)
        answers = self.answers.get(host)
        if answers is None:
            raise OSError("no such host")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def fetcher(authority: CertificateAuthority, names: Names | None = None, *, loopback_is_public: bool = True) -> Fetcher:
    def is_allowed(address: IpAddress) -> bool:
        return (loopback_is_public and address == LOOPBACK) or is_public(address)

    return Fetcher(
        resolve=names or Names({"media.test": [["127.0.0.1"]]}),
        is_allowed=is_allowed,
        trust=ssl.create_default_context(cadata=authority.cert.decode()),
    )


def limits(site: Site, *, max_bytes: int = 100_000, deadline_s: float = 10) -> FetchLimits:
    return FetchLimits(max_bytes=max_bytes, deadline=timedelta(seconds=deadline_s), ports=frozenset({site.port, 443}))


async def refusal(fetching: Awaitable[object]) -> GiveUp:
    with pytest.raises(GiveUp) as caught:
        await fetching
    assert "secret" not in str(caught.value)
    return caught.value


async def test_file_is_written_as_its_server_sends_it(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    site.pages["/a?sig=secret"] = body(b"hello", content_type="Text/Plain; charset=utf-8")
    seen: list[float | None] = []

    fetched = await fetcher(authority).fetch(
        site.url("/a?sig=secret"), tmp_path / "file", limits=limits(site), on_progress=seen.append
    )

    assert (tmp_path / "file").read_bytes() == b"hello"
    assert (fetched.size_bytes, fetched.content_type) == (5, "text/plain")
    assert seen[-1] == 1.0
    assert site.requests[0].headers["host"] == f"media.test:{site.port}"
    assert site.requests[0].headers["accept-encoding"] == "identity"


async def test_redirects_are_followed_up_to_three(site: Site, authority: CertificateAuthority, tmp_path: Path) -> None:
    site.pages |= {"/1": redirect("/2"), "/2": redirect(site.url("/3")), "/3": redirect("/4"), "/4": body(b"there")}
    site.pages["/0"] = redirect("/1")

    await fetcher(authority).fetch(site.url("/1"), tmp_path / "file", limits=limits(site))
    given_up = await refusal(fetcher(authority).fetch(site.url("/0"), tmp_path / "other", limits=limits(site)))

    assert (tmp_path / "file").read_bytes() == b"there"
    assert "more than 3 times" in str(given_up)


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[fd00:ec2::254]/",
        "https://inside.test/",
        "http://media.test/a",
        "file:///etc/passwd",
        "https://media.test:22/",
        "https://user:secret@media.test/",
    ],
)
async def test_redirect_to_a_private_or_other_place_is_not_followed(
    site: Site, authority: CertificateAuthority, tmp_path: Path, location: str
) -> None:
    site.pages["/a"] = redirect(location)
    names = Names(
        {
            "media.test": [["127.0.0.1"]],
            "inside.test": [["10.0.0.7"]],
            "169.254.169.254": [["169.254.169.254"]],
            "::1": [["::1"]],
            "fd00:ec2::254": [["fd00:ec2::254"]],
        }
    )

    given_up = await refusal(fetcher(authority, names).fetch(site.url("/a"), tmp_path / "file", limits=limits(site)))

    assert given_up.failure.error_type is ErrorType.INVALID_INPUT
    assert len(site.requests) == 1


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "①②⑦.⓪.⓪.①", "127.0.0.1", "localhost"])
async def test_odd_spellings_of_loopback_are_refused_after_the_systems_own_resolving(
    site: Site, tmp_path: Path, host: str
) -> None:
    given_up = await refusal(
        Fetcher(resolve=resolve_with_system).fetch(site.url("/a", host=host), tmp_path / "file", limits=limits(site))
    )

    assert given_up.failure.error_type in (ErrorType.INVALID_INPUT, ErrorType.PROVIDER_UNAVAILABLE)
    assert site.requests == []


async def test_one_private_address_among_public_ones_is_refused(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    names = Names({"media.test": [["8.8.8.8", "10.0.0.1"]]})

    given_up = await refusal(fetcher(authority, names).fetch(site.url("/a"), tmp_path / "file", limits=limits(site)))

    assert given_up.failure.error_type is ErrorType.INVALID_INPUT


async def test_resolver_that_changes_its_mind_is_asked_once_a_hop(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    site.pages["/a"] = body(b"hello")
    names = Names({"media.test": [["127.0.0.1"], ["169.254.169.254"]]})

    await fetcher(authority, names).fetch(site.url("/a"), tmp_path / "file", limits=limits(site))

    assert names.asked == ["media.test"]
    assert (tmp_path / "file").read_bytes() == b"hello"


async def test_certificate_of_another_name_is_refused(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    names = Names({"other.test": [["127.0.0.1"]]})

    given_up = await refusal(
        fetcher(authority, names).fetch(site.url("/a", host="other.test"), tmp_path / "file", limits=limits(site))
    )

    assert given_up.failure.error_type is ErrorType.PROVIDER_UNAVAILABLE
    assert site.requests == []


@pytest.mark.parametrize(
    ("page", "error_type"),
    [
        (status(404), ErrorType.INVALID_INPUT),
        (status(403), ErrorType.INVALID_INPUT),
        (status(429), ErrorType.RATE_LIMITED),
        (status(503), ErrorType.PROVIDER_UNAVAILABLE),
        (status(302), ErrorType.INVALID_INPUT),
        (body(b"x" * 200_000), ErrorType.INVALID_INPUT),
        (endless, ErrorType.INVALID_INPUT),
        (body(b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"), ErrorType.INVALID_INPUT),
        (body(b"short", length=50), ErrorType.PROVIDER_UNAVAILABLE),
    ],
)
async def test_bad_answer_gives_up_with_its_class(
    site: Site, authority: CertificateAuthority, tmp_path: Path, page: Answer, error_type: ErrorType
) -> None:
    site.pages["/a?x=secret"] = page

    given_up = await refusal(fetcher(authority).fetch(site.url("/a?x=secret"), tmp_path / "file", limits=limits(site)))

    assert given_up.failure.error_type is error_type


async def test_server_that_drips_is_ended_by_the_deadline(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    site.pages["/a"] = drip

    given_up = await refusal(
        fetcher(authority).fetch(site.url("/a"), tmp_path / "file", limits=limits(site, deadline_s=0.4))
    )

    assert given_up.failure.error_type is ErrorType.TIMEOUT


async def test_name_that_does_not_resolve_can_be_tried_again(
    site: Site, authority: CertificateAuthority, tmp_path: Path
) -> None:
    given_up = await refusal(
        fetcher(authority, Names({})).fetch(site.url("/a"), tmp_path / "file", limits=limits(site))
    )

    assert given_up.failure.error_type is ErrorType.PROVIDER_UNAVAILABLE


class TestSandbox:
    """A simulated vendor on this machine: its own scheme, host and port, and nothing beside them."""

    @pytest.fixture
    async def plain(self) -> AsyncIterator[Site]:
        plain = Site()
        server = await asyncio.start_server(plain.serve, "127.0.0.1", 0)
        plain.port = server.sockets[0].getsockname()[1]
        yield plain
        server.close()

    @staticmethod
    def fetcher(plain: Site) -> Fetcher:
        return Fetcher(sandbox=f"http://127.0.0.1:{plain.port}/base")

    async def test_its_results_are_fetched_over_plain_http(self, plain: Site, tmp_path: Path) -> None:
        plain.pages["/film.mp4"] = body(b"film")

        await self.fetcher(plain).fetch(
            f"http://127.0.0.1:{plain.port}/film.mp4", tmp_path / "file", limits=limits(plain)
        )

        assert (tmp_path / "file").read_bytes() == b"film"

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:{other}/film.mp4",
            "http://localhost:{port}/film.mp4",
            "https://127.0.0.1:{port}/film.mp4",
            "http://169.254.169.254/latest/meta-data/",
            "http://media.test/film.mp4",
        ],
    )
    async def test_nothing_else_is(self, plain: Site, tmp_path: Path, url: str) -> None:
        address = url.format(port=plain.port, other=plain.port + 1)

        given_up = await refusal(self.fetcher(plain).fetch(address, tmp_path / "file", limits=limits(plain)))

        assert given_up.failure.error_type is ErrorType.INVALID_INPUT
        assert plain.requests == []

    async def test_redirect_from_it_is_checked_like_any_other(self, plain: Site, tmp_path: Path) -> None:
        plain.pages["/film.mp4"] = redirect("http://127.0.0.1:9/film.mp4")

        given_up = await refusal(
            self.fetcher(plain).fetch(
                f"http://127.0.0.1:{plain.port}/film.mp4", tmp_path / "file", limits=limits(plain)
            )
        )

        assert "expected an https URL" in str(given_up)

    async def test_it_is_refused_where_it_is_not_named(self, plain: Site, tmp_path: Path) -> None:
        given_up = await refusal(
            Fetcher().fetch(f"http://127.0.0.1:{plain.port}/film.mp4", tmp_path / "file", limits=limits(plain))
        )

        assert given_up.failure.error_type is ErrorType.INVALID_INPUT
