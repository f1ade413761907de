"""Access tokens of a Google service account: a signed assertion for a token that holds an hour."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from executor_service.integrations.vendor_errors import Away, InvalidCredentials, Refused
from executor_service.integrations.vendor_http import Call, VendorHttp, shown
from executor_service.task import ErrorType

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_S = 3600
_RENEW_BEFORE_S = 120.0
"""A token is never used in its last moments: a call with it may take as long."""
_ASK_S = 20.0


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """Who asks; read from the JSON file that Google hands out."""

    email: str
    project: str
    key_id: str
    key: rsa.RSAPrivateKey

    @classmethod
    def parse(cls, text: str) -> "ServiceAccount":
        """Raises InvalidCredentials, which never shows what it found."""
        try:
            content = json.loads(text)
            key = load_pem_private_key(content["private_key"].encode(), password=None)
            email, project = content["client_email"], content["project_id"]
            key_id = content.get("private_key_id", "")
        except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
            raise InvalidCredentials(
                "expected the JSON of a service account, with client_email, project_id and private_key"
            ) from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise InvalidCredentials("expected an RSA key in private_key")
        return cls(email=str(email), project=str(project), key_id=str(key_id), key=key)


class GoogleToken:
    """One account's token, asked for when it is needed and kept while it holds."""

    def __init__(self, account: ServiceAccount, *, token_url: str = TOKEN_URL) -> None:
        self._account = account
        self._token_url = token_url
        parts = urlsplit(token_url)
        self._path = parts.path
        self._http = VendorHttp("Google's token service", f"{parts.scheme}://{parts.netloc}", headers={})
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def close(self) -> None:
        await self._http.close()

    async def get(self) -> str:
        """Raises Refused, Away."""
        async with self._asking:
            if time.monotonic() >= self._until - _RENEW_BEFORE_S:
                self._token, holds_s = await self._ask()
                self._until = time.monotonic() + holds_s
            return self._token

    async def _ask(self) -> tuple[str, float]:
        form = {"grant_type": _GRANT, "assertion": self._assertion(int(time.time()))}
        answer = await self._http.ask(Call(method="POST", path=self._path, form=form, within_s=_ASK_S))
        body = answer.json()
        if answer.status in (400, 401, 403):
            why = shown(body.get("error_description") or body.get("error")) if isinstance(body, dict) else ""
            raise Refused(ErrorType.CREDENTIAL, f"Google does not admit the service account: {why}")
        token = body.get("access_token") if isinstance(body, dict) else None
        if not answer.is_success or not isinstance(token, str):
            raise Away(f"Google's token service answers {answer.status}", retry_after=answer.retry_after())
        holds_s = body.get("expires_in")
        return token, float(holds_s) if isinstance(holds_s, int | float) else 0.0

    def _assertion(self, now: int) -> str:
        account = self._account
        head = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
        claims = {
            "iss": account.email,
            "scope": _SCOPE,
            "aud": self._token_url,
            "iat": now,
            "exp": now + _ASSERTION_S,
        }
        signed = f"{_encoded(head)}.{_encoded(claims)}"
        signature = account.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


def _encoded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
