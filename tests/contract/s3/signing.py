"""A second, independent hand at Signature Version 4: signs anything, at any time, as no client library would."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.contract.s3.servers import ACCESS_KEY, REGION, SECRET_KEY


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def presign(
    method: str,
    url: str,
    *,
    at: datetime,
    expires_s: int = 300,
    headers: Mapping[str, str] | None = None,
    service: str = "s3",
) -> str:
    """A presigned URL as it would have been made at `at`."""
    signed = {"host": urlsplit(url).netloc, **(headers or {})}
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ACCESS_KEY}/{at:%Y%m%d}/{REGION}/{service}/aws4_request",
        "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": ";".join(sorted(signed)),
    }
    separator = "&" if urlsplit(url).query else "?"
    unsigned = url + separator + "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    signature = sign(_canonical(method, unsigned, signed, "UNSIGNED-PAYLOAD"), at=at)
    return f"{unsigned}&X-Amz-Signature={signature}"


def signed_headers(
    method: str, url: str, *, at: datetime, payload_hash: str, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The headers of a request signed in its Authorization header."""
    signed = {
        "host": urlsplit(url).netloc,
        "x-amz-date": f"{at:%Y%m%dT%H%M%SZ}",
        "x-amz-content-sha256": payload_hash,
        **(headers or {}),
    }
    signature = sign(_canonical(method, url, signed, payload_hash), at=at)
    credential = f"{ACCESS_KEY}/{scope(at)}"
    names = ";".join(sorted(signed))
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "authorization": authorization}


def sign(canonical: str, *, at: datetime) -> str:
    """The signature of a canonical request."""
    return sign_text("AWS4-HMAC-SHA256", hashlib.sha256(canonical.encode()).hexdigest(), at=at)


def sign_text(algorithm: str, *parts: str, at: datetime) -> str:
    """The signature of a string to sign."""
    key = b"AWS4" + SECRET_KEY.encode()
    for part in scope(at).split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join([algorithm, f"{at:%Y%m%dT%H%M%SZ}", scope(at), *parts])
    return hmac.digest(key, text.encode(), "sha256").hex()


def scope(at: datetime) -> str:
    """The scope of a key of that day."""
    return f"{at:%Y%m%d}/{REGION}/s3/aws4_request"


def _canonical(method: str, url: str, headers: Mapping[str, str], payload_hash: str) -> str:
    parts = urlsplit(url)
    query = sorted(
        (quote(name, safe=""), quote(value, safe="")) for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    names = sorted(headers)
    lines = [
        method,
        quote(unquote(parts.path), safe="/~"),
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{headers[name].strip()}" for name in names),
        "",
        ";".join(names),
        payload_hash,
    ]
    return "\n".join(lines)
