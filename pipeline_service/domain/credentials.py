"""Secrets of owners at vendors, closed."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from pipeline_service.domain.ids import Owner


@dataclass(frozen=True, kw_only=True)
class CredentialKey:
    """Which secret."""

    owner: Owner
    vendor: str
    """Of executors' vendors the provider of their nodes."""

    @property
    def name(self) -> str:
        """As audit records call it."""
        return f"credentials/{self.owner}/{self.vendor}"


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A closed value, and the closed key to it."""

    master_key_id: str
    wrapped_key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One value of a secret, as it is kept."""

    key: CredentialKey
    version: int
    """Never used twice, also not after the secret was deleted."""
    sealed: Sealed
    expire_time: datetime | None = None
    create_time: datetime
    last_use_time: datetime | None = None


def bound_to(key: CredentialKey, version: int) -> bytes:
    """What closed values are bound to: in another row they do not open."""
    return json.dumps(["montage/credential", key.owner, key.vendor, version], ensure_ascii=False).encode()
