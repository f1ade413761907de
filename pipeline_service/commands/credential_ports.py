"""What credentials need of the outside; `store` and `vault` provide it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline_service.domain.audit import AuditRecord
from pipeline_service.domain.credentials import Credential, CredentialKey, Sealed
from pipeline_service.domain.ids import Claim, ExecutionId, Owner


@dataclass(frozen=True, kw_only=True)
class HeldWork:
    """What a worker holds: for whom, by which vendor, and whose key pays."""

    owner: Owner
    provider: str
    credential: str | None
    """Of its purchase; None where there is none, or where that does not say."""


class Vault(Protocol):
    """Closes and opens values. What was closed for one place opens nowhere else."""

    @property
    def active_key_id(self) -> str:
        """The master key that wraps now."""

    async def seal(self, value: bytes, *, bound_to: bytes) -> Sealed:
        """Raises NoMasterKeys, Unavailable."""

    async def open(self, sealed: Sealed, *, bound_to: bytes) -> bytes:
        """Raises CredentialUnreadable, Unavailable."""

    async def rewrap(self, sealed: Sealed, *, bound_to: bytes) -> Sealed:
        """Raises CredentialUnreadable, NoMasterKeys, Unavailable."""


class CredentialStore(Protocol):
    """Closed secrets. Every method raises Unavailable; what takes a record writes it in the same commit, or nothing."""

    async def next_version(self) -> int:
        """A number that no value had."""

    async def put(
        self, key: CredentialKey, version: int, sealed: Sealed, *, expire_time: datetime | None, record: AuditRecord
    ) -> Credential:
        """Keep a value and forget the older ones."""

    async def delete(self, key: CredentialKey, *, record: AuditRecord) -> bool:
        """Whether there was one."""

    async def page(
        self, owner: Owner | None, *, after: CredentialKey | None, limit: int, record: AuditRecord | None = None
    ) -> Sequence[Credential]:
        """In the order of owner and vendor, the newest value of each."""

    async def find(self, key: CredentialKey) -> Credential | None:
        """The newest value."""

    async def note_use(self, credential: Credential, *, record: AuditRecord) -> bool:
        """That it is used now. Whether it is still there."""

    async def held_work(self, execution: ExecutionId, claim: Claim) -> HeldWork | None:
        """What the claim holds at this moment: the execution, or its purchase."""

    async def replace_key(self, credential: Credential, sealed: Sealed, *, record: AuditRecord) -> bool:
        """Put another wrapped key in place of that one. Whether that one was still there."""
