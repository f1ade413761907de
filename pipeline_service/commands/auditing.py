"""Holds what was recorded against its seals."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_service.commands.sealing import Seals
from pipeline_service.domain.audit import AuditAction, AuditRecord, KeptRecord
from pipeline_service.domain.seals import NO_SEAL, Fault, FaultKind, broken_chain, first_fault

ENOUGH_ROWS = 1_000
"""For one look; a seal is looked at whole."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What one look found."""

    number: int
    sha256: bytes
    """Of the last seal that is good."""
    rows: int
    fault: Fault | None
    is_end: bool
    unsealed_rows: int


class Auditor:
    """Raises Unavailable."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    async def verify(self, number: int, sha256: bytes, *, actor: str) -> Verified:
        """Look at the next seals behind a place; `sha256` is the hash of that place as it was seen."""
        if number == 0:
            record = AuditRecord(actor=actor, action=AuditAction.SEALS_VERIFIED, subject="seals")
            await self._seals.record(record)
        known = await self._seals.get(number) if number else None
        if number and (known is None or known.sha256 != sha256):
            return self._over(number, sha256, _lost(number), rows=0)
        end = known.to_transaction if known else 0
        sha256, rows = sha256 if number else NO_SEAL, 0
        while rows < ENOUGH_ROWS:
            seal = await self._seals.after(number)
            if seal is None:
                unsealed = await self._seals.count_rows(end)
                return Verified(
                    number=number, sha256=sha256, rows=rows, fault=None, is_end=True, unsealed_rows=unsealed
                )
            fault = broken_chain(seal, number=number, sha256=sha256, to_transaction=end)
            if fault is None:
                found = await self._seals.rows(seal.from_transaction, seal.to_transaction)
                fault = first_fault(seal, found)
            if fault is not None:
                return self._over(number, sha256, fault, rows=rows)
            number, sha256, end, rows = seal.number, seal.sha256, seal.to_transaction, rows + seal.rows
        return Verified(number=number, sha256=sha256, rows=rows, fault=None, is_end=False, unsealed_rows=0)

    async def records(self, *, before: int | None, limit: int, actor: str) -> Sequence[KeptRecord]:
        """Records before a number, newest first. The first page is on record itself, behind what it shows."""
        found = await self._seals.records(before=before, limit=limit)
        if before is None:
            await self._seals.record(
                AuditRecord(actor=actor, action=AuditAction.RECORDS_LISTED, subject="auditRecords")
            )
        return found

    def _over(self, number: int, sha256: bytes, fault: Fault, *, rows: int) -> Verified:
        return Verified(number=number, sha256=sha256, rows=rows, fault=fault, is_end=True, unsealed_rows=0)


def _lost(number: int) -> Fault:
    return Fault(
        kind=FaultKind.SEAL_BROKEN,
        row=f"seals/{number}",
        seal=number,
        description="it was there, with another hash or at all, when it was looked at before",
    )
