"""The aws-chunked body: chunks behind size lines, signed or not, and headers behind the last one."""

import hashlib
import hmac
import re
from collections.abc import Generator
from typing import Final

from devstack.s3.canonical import Signer
from devstack.s3.errors import ErrorCode, S3Error

_MAX_LINE_BYTES: Final = 8 * 1024
_CHUNK_LINE: Final = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"


class ChunkVerifier:
    """Checks the chain of chunk signatures that starts with the request's own."""

    def __init__(self, signer: Signer, seed: str) -> None:
        self._signer = signer
        self._previous = seed

    def check_chunk(self, sha256: str, signature: str) -> None:
        """Raises SignatureDoesNotMatch."""
        self._check(self._signer.sign_chunk(sha256, previous=self._previous), signature)

    def check_trailer(self, trailer: bytes, signature: str) -> None:
        """Raises SignatureDoesNotMatch."""
        self._check(self._signer.sign_trailer(trailer, previous=self._previous), signature)

    def _check(self, expected: str, found: str) -> None:
        if not hmac.compare_digest(expected.encode(), found.encode("utf-8", "replace")):
            raise S3Error(ErrorCode.SIGNATURE_DOES_NOT_MATCH, "The signature of a chunk does not match its bytes.")
        self._previous = expected


class ChunkedDecoder:
    """Turns an aws-chunked body back into the bytes it carries, however the network cut it.

    Bytes of a signed chunk are handed on before its signature can be checked (it covers the whole chunk), so the
    caller must throw everything away when a later call raises.
    """

    def __init__(self, *, verifier: ChunkVerifier | None) -> None:
        self.trailers: dict[str, str] = {}
        self._verifier = verifier
        self._buffer = bytearray()
        self._payload: list[bytes] = []
        self._has_ended = False
        self._parser = self._parse()
        next(self._parser)

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the wire, answer the payload bytes among them. Raises on anything malformed."""
        self._buffer += data
        if not self._has_ended:
            try:
                next(self._parser)
            except StopIteration:
                self._has_ended = True
        if self._has_ended and self._buffer:
            raise S3Error(ErrorCode.INCOMPLETE_BODY, "The aws-chunked body goes on behind its end.")
        payload = b"".join(self._payload)
        self._payload.clear()
        return payload

    def finish(self) -> None:
        """Say that the wire has ended. Raises IncompleteBody when the last chunk was not seen."""
        if not self._has_ended:
            raise S3Error(ErrorCode.INCOMPLETE_BODY, "The aws-chunked body ends before its last chunk.")

    def _parse(self) -> Generator[None]:
        """Read the whole body; yields whenever the buffer holds too little to go on."""
        yield
        while (yield from self._chunk()) > 0:
            yield from self._expect_line_end()
        while line := (yield from self._line()):
            name, separator, value = line.partition(b":")
            if not separator:
                raise S3Error(ErrorCode.MALFORMED_TRAILER, "A trailing header must be written as name:value.")
            self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
        self._check_trailers()

    def _chunk(self) -> Generator[None, None, int]:
        match = _CHUNK_LINE.fullmatch((yield from self._line()))
        if match is None or (match[2] is None) != (self._verifier is None):
            raise S3Error(ErrorCode.INCOMPLETE_BODY, "The aws-chunked body has a malformed chunk line.")
        left = size_bytes = int(match[1], 16)
        digest = hashlib.sha256()
        while left:
            if not self._buffer:
                yield
            data = bytes(self._buffer[:left])
            del self._buffer[:left]
            left -= len(data)
            self._payload.append(data)
            if self._verifier:
                digest.update(data)
        if self._verifier:
            self._verifier.check_chunk(digest.hexdigest(), match[2].decode())
        return size_bytes

    def _expect_line_end(self) -> Generator[None]:
        if (yield from self._line()):
            raise S3Error(ErrorCode.INCOMPLETE_BODY, "A chunk is longer than its size line says.")

    def _line(self) -> Generator[None, None, bytes]:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise S3Error(ErrorCode.INCOMPLETE_BODY, "The aws-chunked body has a line that never ends.")
            yield
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def _check_trailers(self) -> None:
        signature = self.trailers.pop(_TRAILER_SIGNATURE, "")
        if self._verifier and self.trailers:
            text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._verifier.check_trailer(text.encode("latin-1"), signature)
