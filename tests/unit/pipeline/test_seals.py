"""The chain of seals: whatever was done to the rows or to the chain, the first bad one is named."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_service.domain.seals import (
    DIGEST_BYTES,
    NO_SEAL,
    Fault,
    FaultKind,
    Seal,
    SealedRow,
    broken_chain,
    first_fault,
    make_seal,
)


def rows(names: str) -> list[SealedRow]:
    return [SealedRow(name=name, digest=hashlib.sha256(name.encode()).digest()[:DIGEST_BYTES]) for name in names]


def seal_of(names: str, *, head: Seal | None = None) -> Seal:
    end = (head.to_transaction if head else 0) + 10
    return make_seal(head, to_transaction=end, digests=b"".join(row.digest for row in rows(names)))


def fault_of(found: Sequence[SealedRow], sealed: str = "abcde") -> tuple[FaultKind, str] | None:
    fault = first_fault(seal_of(sealed), found)
    return (fault.kind, fault.row) if fault else None


def test_rows_as_they_were_sealed_have_no_fault() -> None:
    assert fault_of(rows("abcde")) is None
    assert fault_of([], sealed="") is None


@pytest.mark.parametrize(
    ("found", "kind", "row"),
    [
        ("acde", FaultKind.MISSING, "a"),
        ("bcde", FaultKind.MISSING, "seals/1"),
        ("abcd", FaultKind.MISSING, "d"),
        ("", FaultKind.MISSING, "seals/1"),
        ("a", FaultKind.MISSING, "a"),
        ("abdce", FaultKind.REORDERED, "d"),
        ("eabcd", FaultKind.REORDERED, "e"),
        ("abxcde", FaultKind.ADDED, "x"),
        ("abcdex", FaultKind.ADDED, "x"),
        ("abxde", FaultKind.ALTERED, "x"),
        ("xyz", FaultKind.ALTERED, "x"),
    ],
)
def test_first_bad_row_is_named(found: str, kind: FaultKind, row: str) -> None:
    assert fault_of(rows(found)) == (kind, row)


@given(st.text("abcdefgh", max_size=8), st.text("abcdefgh", max_size=8))
def test_rows_have_a_fault_exactly_when_they_differ(sealed: str, found: str) -> None:
    assert (fault_of(rows(found), sealed=sealed) is None) == (sealed == found)


def chain_fault(seal: Seal, head: Seal | None) -> Fault | None:
    if head is None:
        return broken_chain(seal, number=0, sha256=NO_SEAL, to_transaction=0)
    return broken_chain(seal, number=head.number, sha256=head.sha256, to_transaction=head.to_transaction)


def test_chain_that_goes_on_has_no_fault() -> None:
    first = seal_of("ab")
    second = seal_of("cd", head=first)

    assert [chain_fault(first, None), chain_fault(second, first)] == [None, None]


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 3},
        {"previous_sha256": bytes(32)},
        {"from_transaction": 9},
        {"to_transaction": 21},
        {"digests": rows("ce")[0].digest * 2},
        {"sha256": bytes(32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_seal_of_which_anything_was_changed_is_broken(changes: dict[str, object]) -> None:
    first = seal_of("ab")
    second = replace(seal_of("cd", head=first), **changes)  # type: ignore[arg-type] # one of its fields

    fault = chain_fault(second, first)

    assert fault is not None
    assert fault.kind is FaultKind.SEAL_BROKEN


def test_seal_that_was_made_anew_for_altered_rows_breaks_the_one_behind_it() -> None:
    first = seal_of("ab")
    second = seal_of("cd", head=first)
    forged = seal_of("ax")

    assert chain_fault(forged, None) is None
    assert chain_fault(second, forged) is not None
