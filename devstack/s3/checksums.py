"""The digests of a body: computed while it streams past, compared with what the client promised."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NewType

from devstack.s3.errors import ErrorCode, S3Error

ETag = NewType("ETag", str)
"""A hex MD5, or one over the parts' MD5s with `-<number of parts>` behind it; without quotes."""


class Algorithm(StrEnum):
    """The checksums a client may ask for; the value is the tail of `x-amz-checksum-…`."""

    CRC32 = "crc32"
    SHA256 = "sha256"


_LENGTH_BYTES: Final[Mapping[Algorithm, int]] = {Algorithm.CRC32: 4, Algorithm.SHA256: 32}


class Digests:
    """Running digests over one body: MD5 always (it is the ETag), the others on demand."""

    def __init__(self, algorithms: Iterable[Algorithm] = ()) -> None:
        self._wanted = frozenset(algorithms)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._crc32 = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes. hashlib and zlib release the GIL, so this belongs in a worker thread."""
        self._md5.update(data)
        if Algorithm.SHA256 in self._wanted:
            self._sha256.update(data)
        if Algorithm.CRC32 in self._wanted:
            self._crc32 = zlib.crc32(data, self._crc32)

    @property
    def etag(self) -> ETag:
        """The hex MD5 of what was taken so far."""
        return ETag(self._md5.hexdigest())

    @property
    def sha256_hex(self) -> str:
        """As a signed payload hash spells it; only meaningful when SHA256 was asked for."""
        return self._sha256.hexdigest()

    def checksum(self, algorithm: Algorithm) -> str:
        """One checksum as S3 spells it, in base64."""
        if algorithm not in self._wanted:
            raise ValueError(f"{algorithm} was not asked for; asked for {sorted(self._wanted)}")
        raw = self._sha256.digest() if algorithm is Algorithm.SHA256 else self._crc32.to_bytes(4, "big")
        return base64.b64encode(raw).decode()

    def checksums(self) -> dict[Algorithm, str]:
        """Every checksum that was asked for."""
        return {algorithm: self.checksum(algorithm) for algorithm in sorted(self._wanted)}


def parse_algorithm(text: str) -> Algorithm:
    """Read the value of `x-amz-checksum-algorithm`, or the tail of a checksum header."""
    try:
        return Algorithm(text.lower())
    except ValueError as err:
        known = ", ".join(algorithm.upper() for algorithm in Algorithm)
        raise S3Error(ErrorCode.NOT_IMPLEMENTED, f"Checksums are {known}; found {text}.") from err


def check_spelling(algorithm: Algorithm, value: str) -> None:
    """Refuse a checksum that cannot be one, before its body is read."""
    if _decoded_length(value) != _LENGTH_BYTES[algorithm]:
        raise S3Error(ErrorCode.INVALID_REQUEST, f"Value for x-amz-checksum-{algorithm} header is invalid.")


def check_md5(expected: str, found: ETag) -> None:
    """Compare a Content-MD5 header (base64) with the body's digest."""
    if base64.b64encode(bytes.fromhex(found)).decode() != expected:
        raise S3Error(ErrorCode.BAD_DIGEST, "The Content-MD5 you specified did not match what we received.")


def check_md5_spelling(value: str) -> None:
    """Refuse a Content-MD5 that cannot be one, before its body is read."""
    if _decoded_length(value) != hashlib.md5(usedforsecurity=False).digest_size:
        raise S3Error(ErrorCode.INVALID_DIGEST, "The Content-MD5 you specified is not valid.")


def check_promised(promised: Mapping[Algorithm, str], digests: Digests) -> None:
    """Compare the checksums a client sent with those of the body it sent."""
    for algorithm, expected in promised.items():
        if digests.checksum(algorithm) != expected:
            raise S3Error(
                ErrorCode.BAD_DIGEST,
                f"The {algorithm.upper()} you specified did not match the calculated checksum.",
            )


def etag_of_parts(etags: Iterable[ETag]) -> ETag:
    """The ETag S3 gives an object that was put together from parts."""
    raw = [bytes.fromhex(etag) for etag in etags]
    return ETag(f"{hashlib.md5(b''.join(raw), usedforsecurity=False).hexdigest()}-{len(raw)}")


def composite_checksum(algorithm: Algorithm, parts: Iterable[str]) -> str:
    """The checksum over the parts' checksums, with their number behind it."""
    raw = [base64.b64decode(part) for part in parts]
    digests = Digests([algorithm])
    digests.update(b"".join(raw))
    return f"{digests.checksum(algorithm)}-{len(raw)}"


def _decoded_length(value: str) -> int:
    try:
        return len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return -1
