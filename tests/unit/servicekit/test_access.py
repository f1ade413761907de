"""Rules as values; enforcement is tested over a real server in tests/integration."""

import pytest

from servicekit.access import Allow, MissingRule, allow, check_every_method_has_a_rule
from servicekit.identity import InvalidIdentity, SpiffeId

COOK = SpiffeId("spiffe://house/cook")
ANNA = SpiffeId("spiffe://house/guest/anna")


def test_empty_rule_admits_nobody() -> None:
    assert not Allow().admits(COOK)
    assert not allow().admits(COOK)


def test_exact_rule_admits_only_the_same_text() -> None:
    rule = allow("spiffe://house/cook")

    assert rule.admits(COOK)
    for other in ("spiffe://house/cook2", "spiffe://house/coo", "spiffe://house/Cook", "spiffe://house/cook/anna"):
        assert not rule.admits(SpiffeId(other))


def test_rule_for_children_admits_exactly_one_more_segment() -> None:
    rule = allow("spiffe://house/guest/*")

    assert rule.admits(ANNA)
    for other in ("spiffe://house/guest", "spiffe://house/guest/anna/x", "spiffe://house/guests/anna", str(COOK)):
        assert not rule.admits(SpiffeId(other))


@pytest.mark.parametrize(
    "pattern", ["*", "spiffe://*", "spiffe://house/*/anna", "spiffe://house/cook/", "cook", "spiffe://House/cook"]
)
def test_pattern_that_could_never_match_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidIdentity):
        allow(pattern)


def test_check_names_everything_without_a_rule() -> None:
    with pytest.raises(MissingRule, match="no access rule for /a/B, /a/C"):
        check_every_method_has_a_rule(["/a/A", "/a/C", "/a/B"], {"/a/A": allow(COOK)})


def test_check_accepts_an_empty_rule_as_a_rule() -> None:
    check_every_method_has_a_rule(["/a/A"], {"/a/A": Allow()})
