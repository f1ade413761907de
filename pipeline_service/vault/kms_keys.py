"""Master keys of AWS KMS, which never leave it: each data key is wrapped and unwrapped by a call.

The encryption context says where a data key belongs. KMS binds it, and writes it into its own log; it is no secret.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import structlog
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_service.commands.errors import CredentialUnreadable, NoMasterKeys, PipelineError, Unavailable
from pipeline_service.vault.key_arns import region_of
from servicekit.config import ConfigError, read_secret

_CONTEXT = "montage"
_CONNECT_S, _ANSWER_S = 2.0, 3.0
_CHANGED = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html: those that a repeat may get past.
_AWAY = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "ThrottlingException",
    }
)


@dataclass(frozen=True, kw_only=True)
class KmsAddress:
    """Where the key manager is, and as whom we ask."""

    keys: Sequence[str]
    """ARNs of one region; the first wraps, every one unwraps."""
    endpoint: str | None = None
    """None is AWS itself."""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    """Both or none; none is AWS's own chain (the role of a pod or an instance)."""


class KmsKeys:
    """One per process; its client is shared between threads."""

    def __init__(self, address: KmsAddress) -> None:
        """Opens no connection. Raises ConfigError for key files that cannot be used."""
        self._keys = tuple(address.keys)
        self._client = _new_client(address)
        self._log = structlog.get_logger("pipeline_service.vault")

    @property
    def active_key_id(self) -> str:
        return self._keys[0]

    def knows(self, key_id: str) -> bool:
        # Whoever may write rows must not have us ask for a key of theirs.
        return key_id in self._keys

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[str, bytes]:
        try:
            answer = await asyncio.to_thread(
                self._client.encrypt,
                KeyId=self.active_key_id,
                Plaintext=data_key,
                EncryptionContext={_CONTEXT: bound_to.decode()},
            )
        except (ClientError, BotoCoreError) as error:
            self._tell(error, self.active_key_id)
            raise _away(error) or NoMasterKeys(f"KMS refuses '{self.active_key_id}': {_code(error)}") from error
        return self.active_key_id, answer["CiphertextBlob"]

    async def unwrap(self, key_id: str, wrapped: bytes, *, bound_to: bytes) -> bytes:
        try:
            answer: Mapping[str, bytes] = await asyncio.to_thread(
                self._client.decrypt,
                KeyId=key_id,
                CiphertextBlob=wrapped,
                EncryptionContext={_CONTEXT: bound_to.decode()},
            )
        except (ClientError, BotoCoreError) as error:
            self._tell(error, key_id)
            raise _away(error) or _unreadable(error, key_id) from error
        return answer["Plaintext"]

    def _tell(self, error: ClientError | BotoCoreError, key_id: str) -> None:
        """To operators: callers hear no more than that it did not work."""
        self._log.warning("kms_failed", key=key_id, code=_code(error))


def _new_client(address: KmsAddress) -> Any:
    if (address.access_key_file is None) != (address.secret_key_file is None):
        raise ConfigError("an access key file needs a secret key file, and the other way round")
    keys: dict[str, Any] = {}
    if address.access_key_file is not None and address.secret_key_file is not None:
        keys = {
            "aws_access_key_id": read_secret(address.access_key_file),
            "aws_secret_access_key": read_secret(address.secret_key_file),
        }
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_ANSWER_S,
        # Within the deadline of whoever needs the secret.
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={},
    )
    session = boto3.session.Session(region_name=region_of(address.keys), **keys)
    return session.client("kms", endpoint_url=address.endpoint, config=config)


def _away(error: ClientError | BotoCoreError) -> PipelineError | None:
    """What to raise when the key manager has not decided."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status < 500 and _code(error) not in _AWAY:
            return None
    return Unavailable(f"KMS does not answer: {_code(error)}")


def _unreadable(error: ClientError | BotoCoreError, key_id: str) -> CredentialUnreadable:
    if _code(error) in _CHANGED:
        return CredentialUnreadable("it was changed, or belongs elsewhere")
    return CredentialUnreadable(f"KMS refuses '{key_id}': {_code(error)}")


def _code(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "?"))
    return type(error).__name__
