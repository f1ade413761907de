"""Who sent a request: verifies Signature Version 4, in the Authorization header or in a presigned URL."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from devstack.s3.canonical import ALGORITHM, Scope, SignedRequest, Signer, canonical_request
from devstack.s3.credentials import AccessKey, Credential
from devstack.s3.errors import ErrorCode, S3Error

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
MAX_SKEW: Final = timedelta(minutes=15)
MAX_EXPIRES_S: Final = 604_800
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEADER_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_SIGNATURE_V2_QUERY: Final = frozenset({b"AWSAccessKeyId", b"Signature", b"Expires"})


@dataclass(frozen=True, kw_only=True)
class Authenticated:
    """A request whose signature is right."""

    credential: Credential
    payload_hash: str
    """What the signature says about the body: a hex SHA-256, UNSIGNED-PAYLOAD, or a STREAMING-… word."""
    signer: Signer = field(repr=False)
    signature: str = field(repr=False)
    """The seed of the chunk signatures of an aws-chunked body."""


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What a request says about its own signature, before any of it is believed."""

    access_key: AccessKey
    scope: Scope
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    payload_hash: str
    expires_s: int | None
    """Life of a presigned URL; None when the Authorization header was used."""


def authenticate(
    request: SignedRequest, credentials: Mapping[AccessKey, Credential], *, now: datetime
) -> Authenticated:
    """Answer who signed this request. Raises S3Error for anonymous, SigV2, wrong, expired and skewed requests."""
    claim = _claim(request)
    credential = credentials.get(claim.access_key)
    if credential is None:
        raise S3Error(ErrorCode.INVALID_ACCESS_KEY_ID, f"The access key {claim.access_key} does not exist.")
    signer = Signer(secret_key=credential.secret_key, scope=claim.scope, timestamp=claim.timestamp)
    canonical = canonical_request(request, signed_headers=claim.signed_headers, payload_hash=claim.payload_hash)
    if not hmac.compare_digest(signer.sign_request(canonical).encode(), claim.signature.encode()):
        raise S3Error(
            ErrorCode.SIGNATURE_DOES_NOT_MATCH,
            "The signature does not match the request: check the secret key, the method, the query and the headers.",
        )
    _check_headers(request, claim)
    _check_time(claim, now=now)
    return Authenticated(
        credential=credential, payload_hash=claim.payload_hash, signer=signer, signature=claim.signature
    )


def _claim(request: SignedRequest) -> _Claim:
    query = dict(request.query())
    authorization = request.header(b"authorization")
    if b"X-Amz-Security-Token" in query or request.header(b"x-amz-security-token"):
        raise S3Error(ErrorCode.INVALID_TOKEN, "Temporary credentials are not known here: send no security token.")
    if authorization is not None and b"X-Amz-Algorithm" in query:
        raise S3Error(ErrorCode.INVALID_ARGUMENT, "Only one of Authorization header and X-Amz-Algorithm is allowed.")
    if (authorization or "").startswith("AWS ") or query.keys() >= _SIGNATURE_V2_QUERY:
        raise S3Error(
            ErrorCode.INVALID_REQUEST,
            f"Signature Version 2 is not supported. Please use {ALGORITHM} (in boto3: signature_version='s3v4').",
        )
    if authorization is not None:
        return _header_claim(request, authorization)
    if b"X-Amz-Algorithm" in query:
        return _query_claim(request, query)
    raise S3Error(ErrorCode.ACCESS_DENIED, "Anonymous requests are refused: sign with Signature Version 4.")


def _header_claim(request: SignedRequest, authorization: str) -> _Claim:
    algorithm, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != ALGORITHM or fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise S3Error(
            ErrorCode.AUTHORIZATION_HEADER_MALFORMED,
            f"Expected '{ALGORITHM} Credential=…, SignedHeaders=…, Signature=…' in the Authorization header.",
        )
    payload_hash = request.header(b"x-amz-content-sha256")
    if payload_hash is None:
        raise S3Error(ErrorCode.INVALID_REQUEST, "Missing required header for this request: x-amz-content-sha256")
    malformed = ErrorCode.AUTHORIZATION_HEADER_MALFORMED
    timestamp = request.header(b"x-amz-date")
    if timestamp is None:
        raise S3Error(ErrorCode.ACCESS_DENIED, "A signed request needs the x-amz-date header.")
    access_key, scope = _credential_scope(fields["Credential"], timestamp=timestamp, malformed=malformed)
    return _Claim(
        access_key=access_key,
        scope=scope,
        timestamp=timestamp,
        signed_headers=_signed_headers(fields["SignedHeaders"], malformed=malformed),
        signature=fields["Signature"],
        payload_hash=payload_hash,
        expires_s=None,
    )


def _query_claim(request: SignedRequest, query: Mapping[bytes, bytes]) -> _Claim:
    malformed = ErrorCode.AUTHORIZATION_QUERY_PARAMETERS_ERROR
    found = {}
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"):
        value = query.get(f"X-Amz-{name}".encode())
        if value is None:
            raise S3Error(malformed, f"A presigned URL needs X-Amz-{name}.")
        found[name] = value.decode("latin-1")
    if found["Algorithm"] != ALGORITHM:
        raise S3Error(malformed, f"X-Amz-Algorithm only supports {ALGORITHM}.")
    access_key, scope = _credential_scope(found["Credential"], timestamp=found["Date"], malformed=malformed)
    return _Claim(
        access_key=access_key,
        scope=scope,
        timestamp=found["Date"],
        signed_headers=_signed_headers(found["SignedHeaders"], malformed=malformed),
        signature=found["Signature"],
        payload_hash=request.header(b"x-amz-content-sha256") or UNSIGNED_PAYLOAD,
        expires_s=_expires(found["Expires"]),
    )


def _credential_scope(text: str, *, timestamp: str, malformed: ErrorCode) -> tuple[AccessKey, Scope]:
    if not _DATE.fullmatch(timestamp):
        raise S3Error(malformed, "X-Amz-Date must be in the form yyyyMMddTHHmmssZ.")
    match text.split("/"):
        case [access_key, date, region, "s3", "aws4_request"] if date == timestamp[:8] and region:
            return AccessKey(access_key), Scope(date=date, region=region)
    raise S3Error(malformed, "The credential must be <access key>/<day of X-Amz-Date>/<region>/s3/aws4_request.")


def _signed_headers(text: str, *, malformed: ErrorCode) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if "host" not in names or list(names) != sorted(set(names)) or not all(map(_HEADER_NAME.fullmatch, names)):
        raise S3Error(malformed, "SignedHeaders must be sorted names in lower case, each once, with host among them.")
    return names


def _expires(text: str) -> int:
    malformed = ErrorCode.AUTHORIZATION_QUERY_PARAMETERS_ERROR
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise S3Error(malformed, "X-Amz-Expires should be a number.")
    expires_s = int(text)
    if expires_s < 0:
        raise S3Error(malformed, "X-Amz-Expires must be non-negative.")
    if expires_s > MAX_EXPIRES_S:
        raise S3Error(malformed, f"X-Amz-Expires must be at most a week: {MAX_EXPIRES_S} seconds.")
    return expires_s


def _check_headers(request: SignedRequest, claim: _Claim) -> None:
    """Refuse a signed header that is missing, and headers that change S3's behaviour but are not signed."""
    present = {name.decode("latin-1") for name, _ in request.headers}
    if missing := set(claim.signed_headers) - present:
        raise S3Error(ErrorCode.SIGNATURE_DOES_NOT_MATCH, f"Signed headers are missing: {sorted(missing)}")
    if unsigned := {name for name in present if name.startswith("x-amz-")} - set(claim.signed_headers):
        raise S3Error(
            ErrorCode.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
            details={"HeadersNotSigned": ", ".join(sorted(unsigned))},
        )


def _check_time(claim: _Claim, *, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as err:
        raise S3Error(ErrorCode.ACCESS_DENIED, "X-Amz-Date is no date.") from err
    times = {"ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if claim.expires_s is None:
        if abs(now - signed_at) > MAX_SKEW:
            raise S3Error(
                ErrorCode.REQUEST_TIME_TOO_SKEWED,
                "The difference between the request time and the current time is too large.",
                details={**times, "RequestTime": claim.timestamp, "MaxAllowedSkewMilliseconds": "900000"},
            )
        return
    if signed_at - now > MAX_SKEW:
        raise S3Error(ErrorCode.ACCESS_DENIED, "Request is not valid yet", details=times)
    expires_at = signed_at + timedelta(seconds=claim.expires_s)
    if now >= expires_at:
        details = {"X-Amz-Expires": str(claim.expires_s), "Expires": f"{expires_at:%Y-%m-%dT%H:%M:%SZ}", **times}
        raise S3Error(ErrorCode.ACCESS_DENIED, "Request has expired", details=details)
