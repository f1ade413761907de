"""Calls to one vendor's API: its credential stays on its host, every call has an absolute end, no answer is too large.

Redirects are not followed, compressed answers are not unpacked, nothing is taken from the environment.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from executor_service.integrations.retry_after import retry_after
from executor_service.integrations.vendor_errors import Away

_CONNECT_S = 10.0
_MAX_MESSAGE_CHARS = 300
_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key", "xi-api-key"})
_MIN_CREDENTIAL_CHARS = 8


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Empty when it went into a file. Where the vendor repeats our credential, `***` stands for it."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def retry_after(self) -> timedelta | None:
        return retry_after(self.headers, now=datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request; `within_s` is for all of it, from the connection to the last byte."""

    method: str
    path: str
    """Below the vendor's base address."""
    within_s: float
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    """Fields of a form, instead of JSON."""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    file: tuple[Path, str] | None = None
    """Sent as the form field `file`, with its content type."""
    into: Path | None = None
    """Where the body of a success goes."""
    max_bytes: int = 1024 * 1024
    """Of the answer's body."""


class VendorHttp:
    """One vendor behind one address, with one credential."""

    def __init__(self, vendor: str, base_url: str, *, headers: Mapping[str, str]) -> None:
        """`headers` carry the credential; they go to `base_url` and nowhere else."""
        self._vendor = vendor
        self._headers = dict(headers)
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, call: Call) -> Answer:
        """Raises Away when there is no whole answer: too late, broken off, compressed or too large."""
        try:
            async with asyncio.timeout(call.within_s):
                return await self._ask(call)
        except TimeoutError as error:
            raise Away(f"{self._vendor} did not answer within {call.within_s:g} s") from error
        except httpx.HTTPError as error:
            raise Away(f"{self._vendor} cannot be reached: {type(error).__name__}") from error

    async def _ask(self, call: Call) -> Answer:
        if call.form is not None:
            return await self._exchange(call, {"data": dict(call.form)})
        if call.file is None:
            return await self._exchange(call, {"json": None if call.json is None else dict(call.json)})
        path, content_type = call.file
        with path.open("rb") as content:
            return await self._exchange(call, {"files": {"file": (path.name, content, content_type)}})

    async def _exchange(self, call: Call, body: Mapping[str, Any]) -> Answer:
        async with self._client.stream(
            call.method, call.path, params=dict(call.params), headers=dict(call.headers), **body
        ) as answer:
            if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
                raise Away(f"{self._vendor} answers compressed although it was asked not to")
            into = call.into if answer.is_success else None
            content = await self._receive(answer, into, call.max_bytes)
        # Vendors quote the key that they refuse, and their words are kept, logged and shown.
        for secret in _credentials({**self._headers, **call.headers}):
            content = content.replace(secret, b"***")
        return Answer(status=answer.status_code, headers=_lower(answer.headers), body=content)

    async def _receive(self, answer: httpx.Response, into: Path | None, max_bytes: int) -> bytes:
        received = 0
        kept = bytearray()
        file = into.open("wb") if into is not None else None
        try:
            async for chunk in answer.aiter_raw():
                received += len(chunk)
                if received > max_bytes:
                    raise Away(f"{self._vendor} answers with more than {max_bytes} bytes")
                if file is None:
                    kept += chunk
                else:
                    file.write(chunk)
        finally:
            if file is not None:
                file.close()
        return bytes(kept)


def shown(text: object) -> str:
    """A vendor's own words, for a person: one line, not too long."""
    return " ".join(str(text).split())[:_MAX_MESSAGE_CHARS]


def _credentials(headers: Mapping[str, str]) -> list[bytes]:
    """What of these is secret, without the scheme before it."""
    values = [value.rpartition(" ")[2] for name, value in headers.items() if name.lower() in _CREDENTIAL_HEADERS]
    return [value.encode() for value in values if len(value) >= _MIN_CREDENTIAL_CHARS]


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
