"""Whether a result is what is asked for today, and why it is not."""

from uuid import UUID

import pytest

from pipeline_service.domain.freshness import FreshnessFacts, freshness_of
from pipeline_service.domain.ids import NodeId, NodeUid
from pipeline_service.domain.states import Freshness

A, B, C = (NodeUid(UUID(int=number)) for number in (1, 2, 3))


def facts(
    node_id: str,
    *sources: NodeUid,
    is_current: bool = False,
    has_result: bool = True,
    was_changed: bool = False,
    is_valid: bool = True,
) -> FreshnessFacts:
    return FreshnessFacts(
        id=NodeId(node_id),
        is_current=is_current,
        has_result=has_result,
        was_changed=was_changed,
        is_valid=is_valid,
        sources=sources,
    )


CURRENT_A, CHANGED_A = facts("a", is_current=True), facts("a", was_changed=True)
CURRENT_B = facts("b", A, is_current=True)
CASES = {
    "current": (facts("c", B, is_current=True), facts("b", A), CHANGED_A, "CURRENT", ()),
    "never made": (facts("c", B, has_result=False), facts("b", A), CHANGED_A, "MISSING", ()),
    "itself changed": (facts("c", B, was_changed=True), CURRENT_B, CURRENT_A, "STALE", ("it was changed",)),
    "changed far above": (facts("c", B), facts("b", A), CHANGED_A, "STALE", ("'a' was changed",)),
    "changed in two places": (
        facts("c", B, was_changed=True), facts("b", A, was_changed=True), CURRENT_A,
        "STALE", ("it was changed", "'b' was changed"),
    ),
    "a new input": (facts("c", B), facts("b", A, has_result=False), CURRENT_A, "STALE", ("'b' has no result yet",)),
    "its input was made anew": (facts("c", B), CURRENT_B, CURRENT_A, "STALE", ("'b' was made anew since",)),
    "one of two inputs was made anew": (
        facts("c", A, B), facts("b", is_current=True), CURRENT_A, "STALE", ("one of 'a', 'b' was made anew since",),
    ),
    "not valid": (facts("c", B, is_valid=False), CURRENT_B, CURRENT_A, "BLOCKED", ("it is not valid",)),
    "something above is not valid": (
        facts("c", B), facts("b", A), facts("a", is_valid=False, was_changed=True), "BLOCKED", ("'a' is not valid",),
    ),
    "above what is current nothing counts": (
        facts("c", B, was_changed=True), CURRENT_B, facts("a", is_valid=False),
        "STALE", ("it was changed",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_freshness_and_its_reasons(case: str) -> None:
    c, b, a, expected, reasons = CASES[case]

    assert freshness_of(C, {A: a, B: b, C: c}) == (Freshness(expected), reasons)
