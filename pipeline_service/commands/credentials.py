"""Keeps secrets of owners and hands them out, one use at a time; every call leaves a record."""

from collections.abc import Sequence
from datetime import datetime

from pipeline_service.commands.credential_ports import CredentialStore, Vault
from pipeline_service.commands.errors import ClaimNotLive, CredentialGone, NoMasterKeys, NotAllowed, NotFound
from pipeline_service.domain.audit import AuditAction, AuditRecord
from pipeline_service.domain.credentials import Credential, CredentialKey, bound_to
from pipeline_service.domain.ids import Claim, ExecutionId, Owner
from pipeline_service.domain.vendor_limit import SHARED

_REWRAP_PAGE = 100


class Credentials:
    """The commands. Every method raises NoMasterKeys where there is no vault, and Unavailable."""

    def __init__(self, *, store: CredentialStore, vault: Vault | None) -> None:
        self._store = store
        self._vault_or_none = vault

    async def put(self, key: CredentialKey, value: str, *, expire_time: datetime | None, actor: str) -> Credential:
        """Keep a value in place of the one before."""
        version = await self._store.next_version()
        sealed = await self._vault.seal(value.encode(), bound_to=bound_to(key, version))
        record = AuditRecord(
            actor=actor, action=AuditAction.CREDENTIAL_PUT, subject=key.name, details={"version": str(version)}
        )
        return await self._store.put(key, version, sealed, expire_time=expire_time, record=record)

    async def delete(self, key: CredentialKey, *, actor: str) -> None:
        """Forget it. Raises NotFound."""
        record = AuditRecord(actor=actor, action=AuditAction.CREDENTIAL_DELETED, subject=key.name)
        if not await self._store.delete(key, record=record):
            raise _not_found(key)

    async def list(
        self, owner: Owner | None, *, after: CredentialKey | None, limit: int, actor: str
    ) -> Sequence[Credential]:
        """Those behind a place, without their values."""
        record = AuditRecord(actor=actor, action=AuditAction.CREDENTIALS_LISTED, subject=f"credentials/{owner or '-'}")
        return await self._store.page(owner, after=after, limit=limit, record=record)

    async def access_for_work(
        self, execution: ExecutionId, claim: Claim, *, vendor: str, actor: str
    ) -> tuple[Credential, str]:
        """The value that a worker needs for what it holds.

        What was begun with the key that everybody shares is asked about with that: NotFound, whatever the owner has by
        now. Raises ClaimNotLive, NotAllowed, CredentialGone.
        """
        held = await self._store.held_work(execution, claim)
        if held is None:
            raise ClaimNotLive(f"this claim does not hold execution '{execution}'")
        if held.provider != vendor:
            raise NotAllowed(f"execution '{execution}' is work of '{held.provider}', not of '{vendor}'")
        key = CredentialKey(owner=held.owner, vendor=vendor)
        if held.credential == SHARED:
            raise _not_found(key)
        try:
            return await self._hand_out(key, actor=actor, details={"execution": str(execution), "claim": str(claim)})
        except (NotFound, NoMasterKeys) as error:
            if held.credential is None:
                raise
            raise CredentialGone(f"{key.name} pays for this work, and is not kept any more") from error

    async def access(self, key: CredentialKey, *, actor: str) -> tuple[Credential, str]:
        """The value on behalf of its owner. Raises NotFound."""
        return await self._hand_out(key, actor=actor, details={})

    async def touch(self, key: CredentialKey, *, actor: str) -> None:
        """Note a use. Raises NotFound."""
        found = await self._find(key)
        record = AuditRecord(actor=actor, action=AuditAction.CREDENTIAL_TOUCHED, subject=key.name)
        if not await self._store.note_use(found, record=record):
            raise _not_found(key)

    async def rewrap_all(self, *, actor: str) -> int:
        """Put every data key under the active master key; the values stay. Answers how many were moved.

        Safe to repeat and beside a service that works. Raises CredentialUnreadable for the first that does not open.
        """
        moved, after = 0, None
        while page := await self._store.page(None, after=after, limit=_REWRAP_PAGE):
            for one in page:
                moved += await self._rewrap(one, actor=actor)
            after = page[-1].key
        return moved

    @property
    def _vault(self) -> Vault:
        if self._vault_or_none is None:
            raise NoMasterKeys("no master keys are set")
        return self._vault_or_none

    async def _hand_out(self, key: CredentialKey, *, actor: str, details: dict[str, str]) -> tuple[Credential, str]:
        found = await self._find(key)
        value = (await self._vault.open(found.sealed, bound_to=bound_to(key, found.version))).decode()
        record = AuditRecord(
            actor=actor,
            action=AuditAction.CREDENTIAL_ACCESSED,
            subject=key.name,
            details=details | {"version": str(found.version)},
        )
        # The record is committed before the value leaves: nobody has one that nobody knows of.
        if not await self._store.note_use(found, record=record):
            raise _not_found(key)
        return found, value

    async def _find(self, key: CredentialKey) -> Credential:
        if self._vault_or_none is None:
            raise NoMasterKeys("no master keys are set")
        found = await self._store.find(key)
        if found is None:
            raise _not_found(key)
        return found

    async def _rewrap(self, one: Credential, *, actor: str) -> bool:
        before, after = one.sealed.master_key_id, self._vault.active_key_id
        if before == after:
            return False
        sealed = await self._vault.rewrap(one.sealed, bound_to=bound_to(one.key, one.version))
        record = AuditRecord(
            actor=actor,
            action=AuditAction.CREDENTIAL_REWRAPPED,
            subject=one.key.name,
            details={"version": str(one.version), "from": before, "to": sealed.master_key_id},
        )
        return await self._store.replace_key(one, sealed, record=record)


def _not_found(key: CredentialKey) -> NotFound:
    return NotFound("credential", key.name)
