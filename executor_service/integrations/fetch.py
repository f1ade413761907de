"""Downloads what a user's URL names: https only, from public addresses only, within a size and a time.

Every hop is resolved once, every address of it is checked, and the connection goes to a checked address with the
name kept for TLS and `Host`, so that a resolver that answers differently the second time changes nothing.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from executor_service.integrations.addresses import IpAddress, is_public
from executor_service.task import ErrorType, GiveUp

Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses as text. Raises OSError."""
ProgressListener: TypeAlias = Callable[[float | None], None]

HTTPS_PORTS = frozenset({443})
_CONNECT_S = 10.0
_READ_S = 30.0
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """What a download may cost."""

    max_bytes: int
    deadline: timedelta
    """For all hops and the whole body: a server that drips a byte at a time gets no more than this."""
    max_redirects: int = 3
    ports: frozenset[int] = HTTPS_PORTS


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A whole file, as its server described it."""

    size_bytes: int
    content_type: str
    """Without parameters, lower case; empty if the server named none."""


@dataclass(frozen=True, kw_only=True)
class _Target:
    url: httpx.URL
    address: IpAddress


class BadStatus(GiveUp):
    """The server answered something else than the file."""


class Fetcher:
    """Fetches without proxies, cookies or credentials, so that a redirect has nothing to carry away."""

    def __init__(
        self,
        *,
        resolve: Resolver | None = None,
        is_allowed: Callable[[IpAddress], bool] = is_public,
        trust: ssl.SSLContext | None = None,
        sandbox: str | None = None,
    ) -> None:
        """`trust` None is the system's. `sandbox` is the address of a simulated vendor on this machine: what it hands
        out below the same scheme, host and port is fetched as it is, and nothing else is."""
        self._resolve = resolve or resolve_with_system
        self._is_allowed = is_allowed
        self._trust = trust or ssl.create_default_context()
        self._sandbox = _origin(httpx.URL(sandbox)) if sandbox else None

    async def fetch(
        self, url: str, path: Path, *, limits: FetchLimits, on_progress: ProgressListener | None = None
    ) -> Fetched:
        """Write the body to `path`. Raises GiveUp; its words show the host only, since a query may be a secret."""
        async with _within(limits.deadline, "download"):
            return await self._follow(url, path, limits, on_progress)

    async def post_file(
        self, url: str, fields: Mapping[str, str], file: tuple[Path, str], *, deadline: timedelta
    ) -> None:
        """Send a form with a file and its content type; `url` is held against the same rules. Raises GiveUp."""
        path, content_type = file
        async with _within(deadline, "upload"), self._client() as client:
            target = await self._checked(self._parsed(url, FetchLimits(max_bytes=0, deadline=deadline)))
            with path.open("rb") as content:
                form = {"data": dict(fields), "files": {"file": (path.name, content, content_type)}}
                async with self._asked(client, "POST", target, form) as answer:
                    if answer.status_code not in (200, 201, 204):
                        _raise_for_status(answer.status_code, target.url.host)

    async def _follow(self, url: str, path: Path, limits: FetchLimits, on_progress: ProgressListener | None) -> Fetched:
        async with self._client() as client:
            location = self._parsed(url, limits)
            for _ in range(limits.max_redirects + 1):
                target = await self._checked(location)
                async with self._asked(client, "GET", target, {}) as answer:
                    if answer.status_code not in _REDIRECTS:
                        return await _save(answer, path, limits=limits, host=location.host, on_progress=on_progress)
                    location = self._parsed(_next_hop(location, answer), limits)
        raise _refused(f"{location.host} redirects more than {limits.max_redirects} times")

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=self._trust, http2=False, trust_env=False)
        timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
        return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)

    def _asked(
        self, client: httpx.AsyncClient, method: str, target: _Target, body: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return client.stream(
            method,
            target.url.copy_with(host=str(target.address)),
            headers={"Host": _host_header(target.url), "Accept-Encoding": "identity"},
            extensions={"sni_hostname": target.url.raw_host.decode("ascii").strip("[]")},
            **body,
        )

    def _parsed(self, url: str, limits: FetchLimits) -> httpx.URL:
        return httpx.URL(url) if self._is_sandbox(url) else parse_address(url, ports=limits.ports)

    def _is_sandbox(self, url: str) -> bool:
        try:
            return self._sandbox is not None and _origin(httpx.URL(url)) == self._sandbox
        except (httpx.InvalidURL, ValueError):
            return False

    async def _checked(self, url: httpx.URL) -> _Target:
        """Resolve once; one address that is not public spoils the name."""
        host = url.raw_host.decode("ascii").strip("[]")
        try:
            answers = await self._resolve(host, url.port or 443)
        except OSError as err:
            raise GiveUp(ErrorType.PROVIDER_UNAVAILABLE, f"the name {url.host} cannot be resolved") from err
        addresses = [ipaddress.ip_address(answer) for answer in answers]
        is_fit = self._is_sandbox(str(url)) or all(self._is_allowed(address) for address in addresses)
        if not addresses or not is_fit:
            raise _refused(f"{url.host} is not at a public address")
        return _Target(url=url, address=addresses[0])


@asynccontextmanager
async def _within(deadline: timedelta, what: str) -> AsyncIterator[None]:
    """An absolute end, and the one table from what the network does to our errors."""
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            yield
    except TimeoutError as err:
        raise GiveUp(ErrorType.TIMEOUT, f"the {what} took longer than {deadline.total_seconds():g} s") from err
    except httpx.TimeoutException as err:
        raise GiveUp(ErrorType.TIMEOUT, f"the server did not answer in time: {type(err).__name__}") from err
    except httpx.TransportError as err:
        raise GiveUp(ErrorType.PROVIDER_UNAVAILABLE, f"the {what} failed on its way: {type(err).__name__}") from err


def parse_address(url: str, *, ports: frozenset[int] = HTTPS_PORTS) -> httpx.URL:
    """Accept a plain https URL. Raises GiveUp without repeating it."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as err:
        raise _refused("the source is not a URL") from err
    if parsed.scheme != "https" or not parsed.host:
        raise _refused(f"expected an https URL with a host, found scheme {parsed.scheme!r}")
    if parsed.userinfo or "@" in parsed.netloc.decode("ascii", "replace") or "\\" in url:
        raise _refused("a URL with a user name or a backslash is not fetched")
    if not _HOST.fullmatch(parsed.raw_host.decode("ascii", "replace")):
        raise _refused("the host of the source is not a name")
    if (parsed.port or 443) not in ports:
        raise _refused(f"port {parsed.port} is not fetched from")
    return parsed


async def resolve_with_system(host: str, port: int) -> list[str]:
    """What the system's resolver says; odd spellings of addresses (0x7f.1, 127.1) come out as the address they mean."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _save(
    answer: httpx.Response,
    path: Path,
    *,
    limits: FetchLimits,
    host: str,
    on_progress: ProgressListener | None,
) -> Fetched:
    _raise_for_status(answer.status_code, host)
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise _refused(f"{host} answers compressed although it was asked not to")
    stated = answer.headers.get("content-length", "")
    expected = int(stated) if stated.isascii() and stated.isdigit() else None
    if expected is not None and expected > limits.max_bytes:
        raise _refused(f"{host} offers {expected} bytes, more than {limits.max_bytes}")
    received = 0
    with path.open("wb") as file:
        async for chunk in answer.aiter_raw():
            received += len(chunk)
            if received > limits.max_bytes:
                raise _refused(f"{host} sends more than {limits.max_bytes} bytes")
            file.write(chunk)
            if on_progress is not None:
                on_progress(received / expected if expected else None)
    return Fetched(
        size_bytes=received, content_type=answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    )


def _raise_for_status(status: int, host: str) -> None:
    if status in _BUSY:
        raise BadStatus(ErrorType.RATE_LIMITED, f"{host} answers {status}")
    if status >= 500:
        raise BadStatus(ErrorType.PROVIDER_UNAVAILABLE, f"{host} answers {status}")
    if status != 200:
        raise BadStatus(ErrorType.INVALID_INPUT, f"{host} answers {status}")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _next_hop(here: httpx.URL, answer: httpx.Response) -> str:
    location = answer.headers.get("location", "")
    try:
        there = here.join(location) if location else None
    except (httpx.InvalidURL, ValueError) as err:
        raise _refused(f"{here.host} redirects to something that is not a URL") from err
    if there is None:
        raise _refused(f"{here.host} redirects without saying where")
    return str(there)


def _host_header(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")


def _refused(message: str) -> GiveUp:
    return GiveUp(ErrorType.INVALID_INPUT, message)
