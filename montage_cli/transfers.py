"""Bytes between files and the store, through presigned URLs."""

import asyncio
import contextlib
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

import httpx
from montage.v1.node_service_pb2 import GetNodeOutputUrlResponse
from montage.v1.pipeline_service_pb2 import CreateAssetResponse
from montage.v1.resources_pb2 import Output

from montage_cli.assets import AssetFile
from montage_cli.errors import MontageError, Status

OnBytes: TypeAlias = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); starts over when a transfer is repeated."""

Result = TypeVar("Result")

_CHUNK_BYTES = 256 * 1024
_TRIES = 4
_FIRST_WAIT_S = 0.2
_CONNECT_S = 5.0
_SILENCE_S = 30.0
_PRECONDITION_FAILED = 412
# 403 is what an expired URL answers; each try asks for a fresh one.
_HEALING = frozenset({403, 408, 425, 429})
_LEAST_DEADLINE_S = 60
_LEAST_BYTES_PER_S = 100_000
_MAX_SHEET_BYTES = 4 * 1024 * 1024
"""Of a contact sheet; they have some 100 KB."""


class _TryAgain(Exception):
    """This try failed, another may not; the message never holds the URL, which is a secret."""


class Transfers:
    """Uploads and downloads with one HTTP client, made when it is first needed."""

    def __init__(self, *, ca_cert: Path) -> None:
        """`ca_cert` is trusted besides the system's authorities, because a store of bin/dev belongs to its own CA."""
        self._ca_cert = ca_cert
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def upload(
        self,
        file: AssetFile,
        *,
        target: Callable[[AssetFile], Awaitable[CreateAssetResponse]],
        on_bytes: OnBytes | None = None,
    ) -> CreateAssetResponse:
        """PUT `file` where `target` says, asking anew before each try: URLs expire, and bytes may have come."""

        async def attempt() -> CreateAssetResponse:
            answer = await target(file)
            if not answer.already_exists:
                await self._put(file, answer, on_bytes)
            return answer

        return await _repeated(attempt, what=f"upload of {file.path.name}", size_bytes=file.size_bytes)

    async def download(
        self,
        node: str,
        path: Path,
        *,
        source: Callable[[str], Awaitable[GetNodeOutputUrlResponse]],
        on_bytes: OnBytes | None = None,
    ) -> Path:
        """GET the output of `node` from where `source` says into `path`, all or nothing."""
        first = await source(node)
        urls = [first.url]

        async def attempt() -> Path:
            if first.output.content:
                return await asyncio.to_thread(_write, path, first.output.content.encode())
            url = urls.pop() if urls else (await source(node)).url
            await self._get(url, first.output, path, on_bytes)
            return path

        return await _repeated(attempt, what=f"download of {node}", size_bytes=first.output.size_bytes)

    async def download_sheet(
        self, node: str, path: Path, *, source: Callable[[str], Awaitable[GetNodeOutputUrlResponse]]
    ) -> Path:
        """GET a contact sheet. Nothing but its transport says whether it is whole: it is a picture to look at."""

        async def attempt() -> Path:
            await self._get((await source(node)).url, None, path, None)
            return path

        return await _repeated(attempt, what=f"download of the contact sheet of {node}", size_bytes=_MAX_SHEET_BYTES)

    async def _put(self, file: AssetFile, answer: CreateAssetResponse, on_bytes: OnBytes | None) -> None:
        headers = dict(answer.upload_headers)
        if not any(name.lower() == "content-length" for name in headers):
            headers["Content-Length"] = str(file.size_bytes)
        try:
            with file.path.open("rb") as content:
                body = _chunks_of(content, file.size_bytes, on_bytes)
                response = await self._http().put(answer.upload_url, headers=headers, content=body)
        except httpx.HTTPError as err:
            raise _TryAgain(_words(err)) from None
        except OSError as err:
            raise _file_trouble(f"cannot read {file.path}", err) from err
        if response.status_code == _PRECONDITION_FAILED:
            # Somebody else was faster; the next CreateAsset says that the bytes are there.
            raise _TryAgain("the store has the object already")
        _check_status(response, what=f"upload of {file.path.name}")

    async def _get(self, url: str, output: Output | None, path: Path, on_bytes: OnBytes | None) -> None:
        # Beside `path`, so that the rename stays inside one file system.
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                async with self._http().stream("GET", url) as response:
                    _check_status(response, what=f"download of {path.name}")
                    if output is None:
                        await _save_sheet(response, file)
                    else:
                        await _save(response, file, output, on_bytes)
            part.replace(path)
        except httpx.HTTPError as err:
            raise _TryAgain(_words(err)) from None
        except OSError as err:
            raise _file_trouble(f"cannot write {path}", err) from err
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            trust = ssl.create_default_context()
            trust.load_verify_locations(self._ca_cert)
            timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S)
            # Without `trust_env`: proxies and certificates of the environment are not ours to follow.
            self._client = httpx.AsyncClient(verify=trust, timeout=timeout, trust_env=False, follow_redirects=False)
        return self._client


def _write(path: Path, content: bytes) -> Path:
    """Put a small output that came with its answer at `path`, all or nothing."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        return part.replace(path)
    except OSError as err:
        raise _file_trouble(f"cannot write {path}", err) from err
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


async def _repeated(attempt: Callable[[], Awaitable[Result]], *, what: str, size_bytes: int) -> Result:
    """Try a few times within a deadline that grows with the size; raise MontageError after the last."""
    deadline_s = _LEAST_DEADLINE_S + size_bytes / _LEAST_BYTES_PER_S
    problem = ""
    try:
        async with asyncio.timeout(deadline_s):
            for number in range(_TRIES):
                try:
                    return await attempt()
                except _TryAgain as err:
                    problem = str(err)
                await asyncio.sleep(_FIRST_WAIT_S * 2**number)
    except TimeoutError:
        problem = f"not done within {deadline_s:.0f} s"
    raise MontageError(f"{what} failed: {problem}", status=Status.UNAVAILABLE, reason="TRANSFER_FAILED")


async def _chunks_of(file: BinaryIO, size_bytes: int, on_bytes: OnBytes | None) -> AsyncIterator[bytes]:
    """Exactly `size_bytes`, also when the file has grown since it was read; the store refuses other bytes."""
    done = 0
    while done < size_bytes:
        chunk = await asyncio.to_thread(file.read, min(_CHUNK_BYTES, size_bytes - done))
        if not chunk:
            message = f"{file.name} changed while it was uploaded: expected {size_bytes} bytes, found {done}"
            raise MontageError(message, status=Status.FAILED_PRECONDITION, reason="FILE_TROUBLE")
        yield chunk
        done += len(chunk)
        if on_bytes:
            on_bytes(done, size_bytes)


async def _save(response: httpx.Response, file: BinaryIO, output: Output, on_bytes: OnBytes | None) -> None:
    """Write the body and check it against `output`."""
    digest = hashlib.sha256()
    done = 0
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        done += len(chunk)
        if done > output.size_bytes:
            raise _TryAgain(f"expected {output.size_bytes} bytes, found more")
        digest.update(chunk)
        await asyncio.to_thread(file.write, chunk)
        if on_bytes:
            on_bytes(done, output.size_bytes)
    if done != output.size_bytes:
        raise _TryAgain(f"expected {output.size_bytes} bytes, found {done}")
    if output.sha256 and digest.hexdigest() != output.sha256:
        raise _TryAgain(f"expected the checksum {output.sha256}, found {digest.hexdigest()}")


async def _save_sheet(response: httpx.Response, file: BinaryIO) -> None:
    done = 0
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        done += len(chunk)
        if done > _MAX_SHEET_BYTES:
            raise _TryAgain(f"expected at most {_MAX_SHEET_BYTES} bytes, found more")
        await asyncio.to_thread(file.write, chunk)


def _check_status(response: httpx.Response, *, what: str) -> None:
    """Pass 2xx; repeat what may heal by itself or by a fresh URL; refuse the rest."""
    code = response.status_code
    if 200 <= code < 300:
        return
    if code in _HEALING or code >= 500:
        raise _TryAgain(f"the store answered {code}")
    raise MontageError(f"{what} failed: the store answered {code}", status=Status.UNAVAILABLE, reason="TRANSFER_FAILED")


def _file_trouble(what: str, error: OSError) -> MontageError:
    words = f"{what}: {error.strerror or error}"
    return MontageError(words, status=Status.FAILED_PRECONDITION, reason="FILE_TROUBLE")


def _words(error: httpx.HTTPError) -> str:
    """What happened, without the URL: its signature is a secret."""
    return f"{type(error).__name__} while talking to the store"
