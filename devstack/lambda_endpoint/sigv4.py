"""Who sent a request: verifies Signature Version 4 in the Authorization header, for the service `lambda`.

S3 has rules of its own (paths escaped once, bodies that need not be signed), hence another verifier in devstack.s3.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote

from devstack.lambda_endpoint.errors import ErrorCode, InvokeError
from devstack.s3.credentials import AccessKey, Credential

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_MAX_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came over the wire."""

    method: str
    path: str
    """Escaped, as sent."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What the Authorization header says."""

    access_key: AccessKey
    date: str
    region: str
    signed_headers: tuple[str, ...]
    signature: str


def authenticate(request: Request, credentials: Mapping[AccessKey, Credential], *, now: datetime) -> Credential:
    """Answer who signed `request`. Raises InvokeError."""
    claim = _claim(request.headers.get("authorization"))
    credential = credentials.get(claim.access_key)
    if credential is None or "x-amz-security-token" in request.headers:
        raise InvokeError(ErrorCode.UNRECOGNIZED_CLIENT, "The security token included in the request is invalid.")
    timestamp = request.headers.get("x-amz-date", "")
    expected = _signature(request, claim, secret_key=credential.secret_key, timestamp=timestamp)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise InvokeError(
            ErrorCode.INVALID_SIGNATURE,
            "The request signature we calculated does not match the signature you provided.",
        )
    _check_headers(request, claim)
    _check_time(timestamp, date=claim.date, now=now)
    return credential


def _claim(authorization: str | None) -> _Claim:
    if authorization is None:
        raise InvokeError(ErrorCode.MISSING_TOKEN, "Missing Authentication Token")
    algorithm, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != _ALGORITHM or fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise InvokeError(
            ErrorCode.INCOMPLETE_SIGNATURE, f"Expected '{_ALGORITHM} Credential=…, SignedHeaders=…, Signature=…'."
        )
    match fields["Credential"].split("/"):
        case [access_key, date, region, "lambda", "aws4_request"]:
            return _Claim(
                access_key=AccessKey(access_key),
                date=date,
                region=region,
                signed_headers=tuple(fields["SignedHeaders"].split(";")),
                signature=fields["Signature"],
            )
    raise InvokeError(ErrorCode.INVALID_SIGNATURE, "Credential should be scoped to the service: 'lambda'.")


def _signature(request: Request, claim: _Claim, *, secret_key: str, timestamp: str) -> str:
    canonical = "\n".join(
        (
            request.method,
            quote(request.path, safe="/~"),
            _canonical_query(request.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = (claim.date, claim.region, "lambda", "aws4_request")
    text = "\n".join((_ALGORITHM, timestamp, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs))


def _check_headers(request: Request, claim: _Claim) -> None:
    """Refuse headers that decide what happens but are not covered by the signature."""
    deciding = {name for name in request.headers if name.startswith("x-amz-")} | {"host", "x-amz-date"}
    if missing := deciding - set(claim.signed_headers):
        raise InvokeError(ErrorCode.INVALID_SIGNATURE, f"Headers must be signed: {', '.join(sorted(missing))}.")


def _check_time(timestamp: str, *, date: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvokeError(ErrorCode.INCOMPLETE_SIGNATURE, "X-Amz-Date is no date.") from error
    if not timestamp.startswith(date) or abs(now - signed_at) > _MAX_SKEW:
        raise InvokeError(ErrorCode.INVALID_SIGNATURE, f"Signature expired: {timestamp} is not within 5 min of now.")
