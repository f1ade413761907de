"""The canonical form of a request and its signature, as Signature Version 4 defines them."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote_to_bytes

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
SIGNATURE_PARAMETER: Final = b"X-Amz-Signature"


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """A request as it came over the wire: nothing decoded, header names in lower case."""

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def header(self, name: bytes) -> str | None:
        """The value of a header (several lines joined by a comma), None when it is absent."""
        values = [value for found, value in self.headers if found == name]
        return b",".join(values).decode("latin-1") if values else None

    def query(self) -> list[tuple[bytes, bytes]]:
        """The decoded query parameters in their order. A plus is a plus: SigV4 writes a space as %20."""
        pairs = (item.partition(b"=") for item in self.raw_query.split(b"&") if item)
        return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where and when a signing key is valid."""

    date: str
    region: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs for one credential, scope and time."""

    secret_key: str = field(repr=False)
    scope: Scope
    timestamp: str

    def sign_request(self, canonical: bytes) -> str:
        """The signature of a whole request."""
        return self._sign(ALGORITHM, hashlib.sha256(canonical).hexdigest())

    def sign_chunk(self, chunk_sha256: str, *, previous: str) -> str:
        """The signature of one chunk of an aws-chunked body, bound to the one before it."""
        return self._sign(f"{ALGORITHM}-PAYLOAD", previous, EMPTY_SHA256, chunk_sha256)

    def sign_trailer(self, trailer: bytes, *, previous: str) -> str:
        """The signature of the headers that follow the last chunk."""
        return self._sign(f"{ALGORITHM}-TRAILER", previous, hashlib.sha256(trailer).hexdigest())

    def _sign(self, algorithm: str, *parts: str) -> str:
        text = "\n".join((algorithm, self.timestamp, str(self.scope), *parts))
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for part in (self.scope.date, self.scope.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def canonical_request(request: SignedRequest, *, signed_headers: tuple[str, ...], payload_hash: str) -> bytes:
    """The bytes both sides hash. The path is decoded and encoded again, since clients escape differently."""
    return b"\n".join(
        (
            request.method.encode(),
            _escape(unquote_to_bytes(request.raw_path), safe="/"),
            _canonical_query(request),
            *(_canonical_header(request, name.encode()) for name in signed_headers),
            b"",
            ";".join(signed_headers).encode(),
            payload_hash.encode(),
        )
    )


def _canonical_query(request: SignedRequest) -> bytes:
    pairs = ((_escape(name), _escape(value)) for name, value in request.query() if name != SIGNATURE_PARAMETER)
    return b"&".join(name + b"=" + value for name, value in sorted(pairs))


def _canonical_header(request: SignedRequest, name: bytes) -> bytes:
    values = (b" ".join(value.split()) for found, value in request.headers if found == name)
    return name + b":" + b",".join(values)


def _escape(raw: bytes, *, safe: str = "") -> bytes:
    return quote(raw, safe=f"{safe}-_.~").encode()
