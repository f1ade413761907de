"""Reads a request's body in constant memory and holds it against everything that was promised about it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import ClientDisconnect, Request

from devstack.s3.checksums import (
    Algorithm,
    Digests,
    check_md5,
    check_md5_spelling,
    check_promised,
    check_spelling,
    parse_algorithm,
)
from devstack.s3.chunked import ChunkedDecoder, ChunkVerifier
from devstack.s3.errors import ErrorCode, S3Error
from devstack.s3.files import CHUNK_BYTES, Draft
from devstack.s3.sigv4 import UNSIGNED_PAYLOAD, Authenticated

MAX_OBJECT_BYTES: Final = 5 * 1024**3
MAX_DOCUMENT_BYTES: Final = 2 * 1024**2
IDLE_TIMEOUT_S: Final = 60.0
_CHECKSUM_PREFIX: Final = "x-amz-checksum-"
_NOT_A_CHECKSUM: Final = frozenset({"algorithm", "mode", "type"})
_SIGNED_CHUNKS: Final = frozenset({"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"})
_UNSIGNED_CHUNKS: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


class Sink(Protocol):
    """Where body bytes go; `append` blocks."""

    digests: Digests

    def append(self, data: bytes) -> None:
        """Take the next bytes."""


class Document:
    """A small body kept in memory: the XML of a request."""

    def __init__(self, digests: Digests) -> None:
        self.digests = digests
        self.content = bytearray()

    def append(self, data: bytes) -> None:
        """Take the next bytes."""
        self.digests.update(data)
        self.content += data


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What the head of a request promises about its body."""

    size_bytes: int
    """Length of the decoded body."""
    sha256_hex: str | None
    """The signed hash of the body, when the signature covers it."""
    md5: str | None
    checksums: Mapping[Algorithm, str]
    trailing: Algorithm | None
    """The checksum that follows the body of an aws-chunked request."""
    decoder: ChunkedDecoder | None

    @property
    def algorithms(self) -> set[Algorithm]:
        """The digests that must be computed while the body is read."""
        wanted = set(self.checksums)
        if self.trailing:
            wanted.add(self.trailing)
        if self.sha256_hex:
            wanted.add(Algorithm.SHA256)
        return wanted

    @property
    def kept(self) -> list[Algorithm]:
        """The checksums that are stored with the object."""
        return [*self.checksums, *([self.trailing] if self.trailing else [])]


def expect_payload(
    request: Request, auth: Authenticated, *, max_bytes: int, are_checksums_of_body: bool = True
) -> Payload:
    """Read the promises of a request, refusing what can be refused before a byte of the body is read."""
    headers = request.headers
    decoder = _decoder(auth)
    size_bytes = _size(headers, is_chunked=decoder is not None)
    if size_bytes > max_bytes:
        details = {"ProposedSize": str(size_bytes), "MaxSizeAllowed": str(max_bytes)}
        raise S3Error(ErrorCode.ENTITY_TOO_LARGE, "Your proposed upload exceeds the allowed size", details=details)
    if (md5 := headers.get("content-md5")) is not None:
        check_md5_spelling(md5)
    return Payload(
        size_bytes=size_bytes,
        sha256_hex=_signed_hash(auth.payload_hash) if decoder is None else None,
        md5=md5,
        checksums=read_checksums(headers) if are_checksums_of_body else {},
        trailing=_trailing(headers) if decoder else None,
        decoder=decoder,
    )


async def receive(request: Request, payload: Payload, sink: Sink) -> None:
    """Hand the body to the sink in pieces of about 1 MiB, then hold it against every promise. Raises S3Error."""
    buffer = bytearray()
    received = 0
    async for data in _decoded(request, payload.decoder):
        received += len(data)
        if received > payload.size_bytes:
            raise S3Error(ErrorCode.INCOMPLETE_BODY, f"Expected {payload.size_bytes} bytes, received more.")
        buffer += data
        if len(buffer) >= CHUNK_BYTES:
            await asyncio.to_thread(sink.append, bytes(buffer))
            buffer.clear()
    await asyncio.to_thread(sink.append, bytes(buffer))
    if received != payload.size_bytes:
        raise S3Error(ErrorCode.INCOMPLETE_BODY, f"Expected {payload.size_bytes} bytes, received {received}.")
    _check(payload, sink.digests)


async def receive_document(payload: Payload, request: Request) -> bytes:
    """Read a small body whole."""
    document = Document(Digests(payload.algorithms))
    await receive(request, payload, document)
    return bytes(document.content)


async def receive_object(request: Request, payload: Payload, draft: Draft) -> dict[Algorithm, str]:
    """Read an object's bytes into a draft; answers the checksums to keep with it."""
    await receive(request, payload, draft)
    return {algorithm: draft.digests.checksum(algorithm) for algorithm in payload.kept}


def read_checksums(headers: Mapping[str, str]) -> dict[Algorithm, str]:
    """The `x-amz-checksum-…` headers. Raises for an algorithm that is not known and for a value that cannot be one."""
    found = {}
    for name, value in headers.items():
        tail = name.removeprefix(_CHECKSUM_PREFIX)
        if tail != name and tail not in _NOT_A_CHECKSUM:
            algorithm = parse_algorithm(tail)
            check_spelling(algorithm, value)
            found[algorithm] = value
    return found


async def _decoded(request: Request, decoder: ChunkedDecoder | None) -> AsyncIterator[bytes]:
    async for data in _raw(request):
        yield decoder.feed(data) if decoder else data
    if decoder:
        decoder.finish()


async def _raw(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            # uvicorn sets no limit of its own on the time a body may take to arrive.
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                data = await anext(stream, None)
        except TimeoutError as err:
            raise S3Error(ErrorCode.REQUEST_TIMEOUT, f"No byte was received for {IDLE_TIMEOUT_S:.0f} s.") from err
        except ClientDisconnect as err:
            raise S3Error(ErrorCode.INCOMPLETE_BODY, "The client went away before the body was complete.") from err
        if data is None:
            return
        yield data


def _check(payload: Payload, digests: Digests) -> None:
    promised = dict(payload.checksums)
    if payload.decoder and payload.trailing:
        value = payload.decoder.trailers.get(f"{_CHECKSUM_PREFIX}{payload.trailing}")
        if value is None:
            raise S3Error(ErrorCode.MALFORMED_TRAILER, f"The trailer lacks {_CHECKSUM_PREFIX}{payload.trailing}.")
        promised[payload.trailing] = value
    if payload.sha256_hex and digests.sha256_hex != payload.sha256_hex:
        details = {"ClientComputedContentSHA256": payload.sha256_hex, "S3ComputedContentSHA256": digests.sha256_hex}
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise S3Error(ErrorCode.CONTENT_SHA256_MISMATCH, message, details=details)
    if payload.md5:
        check_md5(payload.md5, digests.etag)
    check_promised(promised, digests)


def _decoder(auth: Authenticated) -> ChunkedDecoder | None:
    if auth.payload_hash == _UNSIGNED_CHUNKS:
        return ChunkedDecoder(verifier=None)
    if auth.payload_hash in _SIGNED_CHUNKS:
        return ChunkedDecoder(verifier=ChunkVerifier(auth.signer, auth.signature))
    return None


def _signed_hash(payload_hash: str) -> str | None:
    if payload_hash == UNSIGNED_PAYLOAD:
        return None
    if not re.fullmatch(r"[0-9a-f]{64}", payload_hash):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-… word that is known, or a hex SHA-256."
        raise S3Error(ErrorCode.INVALID_ARGUMENT, message, details={"ArgumentName": "x-amz-content-sha256"})
    return payload_hash


def _size(headers: Mapping[str, str], *, is_chunked: bool) -> int:
    name = "x-amz-decoded-content-length" if is_chunked else "content-length"
    text = headers.get(name)
    if text is None:
        raise S3Error(ErrorCode.MISSING_CONTENT_LENGTH, f"You must provide the {name} HTTP header.")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise S3Error(ErrorCode.INVALID_ARGUMENT, f"{name} must be a number; found {text!r}.")
    return int(text)


def _trailing(headers: Mapping[str, str]) -> Algorithm | None:
    name = headers.get("x-amz-trailer")
    if name is None:
        return None
    if not name.startswith(_CHECKSUM_PREFIX):
        raise S3Error(ErrorCode.MALFORMED_TRAILER, f"Only a checksum may follow the body; found {name!r}.")
    return parse_algorithm(name.removeprefix(_CHECKSUM_PREFIX))
