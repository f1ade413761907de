"""Seals: a chain of hashes over what was recorded, so that a later change of the record shows."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

DIGEST_BYTES = 16
"""Of each row. Half a SHA-256: nobody finds another row to fit, and the history is not doubled."""
NO_SEAL = bytes(32)
"""What the first seal follows."""


@dataclass(frozen=True, kw_only=True)
class SealedRow:
    """A row as it is found."""

    name: str
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Seal:
    """The rows of a range of transactions, in their order, behind all seals before."""

    number: int
    previous_sha256: bytes = field(repr=False)
    from_transaction: int
    to_transaction: int
    """The first one that is not in it."""
    digests: bytes = field(repr=False)
    """One behind the other."""
    sha256: bytes

    @property
    def rows(self) -> int:
        return len(self.digests) // DIGEST_BYTES


class FaultKind(StrEnum):
    ALTERED = "ALTERED"
    MISSING = "MISSING"
    REORDERED = "REORDERED"
    ADDED = "ADDED"
    SEAL_BROKEN = "SEAL_BROKEN"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The first thing that is not as it was sealed."""

    kind: FaultKind
    row: str
    seal: int
    description: str


def make_seal(head: Seal | None, *, to_transaction: int, digests: bytes) -> Seal:
    """The seal that follows `head`."""
    number = head.number + 1 if head else 1
    previous = head.sha256 if head else NO_SEAL
    begin = head.to_transaction if head else 0
    return Seal(
        number=number,
        previous_sha256=previous,
        from_transaction=begin,
        to_transaction=to_transaction,
        digests=digests,
        sha256=seal_hash(number, previous, begin, to_transaction, digests),
    )


def seal_hash(number: int, previous: bytes, begin: int, end: int, digests: bytes) -> bytes:
    """What a seal's hash must be."""
    said = json.dumps(["montage/seal", number, begin, end, len(digests) // DIGEST_BYTES]).encode()
    return hashlib.sha256(previous + said + b"\n" + digests).digest()


def broken_chain(seal: Seal, *, number: int, sha256: bytes, to_transaction: int) -> Fault | None:
    """Hold a seal against the one before it, of which these are known."""
    expected = seal_hash(seal.number, sha256, seal.from_transaction, seal.to_transaction, seal.digests)
    if seal.number != number + 1:
        return _broken(seal, f"expected seal {number + 1} behind seal {number}, found seal {seal.number}")
    if seal.previous_sha256 != sha256 or seal.from_transaction != to_transaction:
        return _broken(seal, "it does not follow the seal before it")
    if seal.sha256 != expected:
        return _broken(seal, "its hash is not that of what it says")
    return None


def first_fault(seal: Seal, rows: Sequence[SealedRow]) -> Fault | None:
    """Hold rows, in their order, against their seal."""
    sealed = [seal.digests[place : place + DIGEST_BYTES] for place in range(0, len(seal.digests), DIGEST_BYTES)]
    found = [row.digest for row in rows]
    if found == sealed:
        return None
    place = next(
        (place for place, (a, b) in enumerate(zip(found, sealed, strict=False)) if a != b), min(len(found), len(sealed))
    )
    kind = _kind(found[place:], sealed[place:])
    before = rows[place - 1].name if place else f"seals/{seal.number}"
    counted = f"row {place + 1} of {len(sealed)} in seal {seal.number}"
    if kind is FaultKind.MISSING:
        return Fault(kind=kind, row=before, seal=seal.number, description=f"{counted}, behind this one, is gone")
    words = {
        FaultKind.ALTERED: f"it is {counted}, and says something else than then",
        FaultKind.REORDERED: f"it stands as {counted}, and stood elsewhere",
        FaultKind.ADDED: f"it stands behind {before}, and was not there when these rows were sealed",
    }
    return Fault(kind=kind, row=rows[place].name, seal=seal.number, description=words[kind])


def _kind(found: Sequence[bytes], sealed: Sequence[bytes]) -> FaultKind:
    """What became of the first place where the two differ."""
    if not found:
        return FaultKind.MISSING
    if not sealed:
        return FaultKind.ADDED
    is_known, is_there = found[0] in sealed, sealed[0] in found
    if is_known:
        return FaultKind.REORDERED if is_there else FaultKind.MISSING
    return FaultKind.ADDED if is_there else FaultKind.ALTERED


def _broken(seal: Seal, description: str) -> Fault:
    return Fault(kind=FaultKind.SEAL_BROKEN, row=f"seals/{seal.number}", seal=seal.number, description=description)
