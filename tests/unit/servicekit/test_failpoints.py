"""Failpoints: nothing unless armed, and exactly then. The two signals are tested in tests/integration."""

import pytest

from servicekit.failpoints import FailpointError, Failpoints, InvalidFailpoints


async def test_unarmed_failpoint_does_nothing() -> None:
    await Failpoints().hit("before_commit")
    await Failpoints.parse("").hit("before_commit")
    await Failpoints.parse("other=raise").hit("before_commit")


async def test_armed_failpoint_acts_at_every_hit() -> None:
    failpoints = Failpoints.parse("before_commit=raise")

    for _ in range(2):
        with pytest.raises(FailpointError, match="before_commit"):
            await failpoints.hit("before_commit")


async def test_failpoint_with_a_number_acts_at_that_hit_only() -> None:
    failpoints = Failpoints.parse(" x.y=sleep:0.0 , before_commit=raise@2")

    await failpoints.hit("x.y")
    await failpoints.hit("before_commit")
    with pytest.raises(FailpointError):
        await failpoints.hit("before_commit")
    await failpoints.hit("before_commit")


@pytest.mark.parametrize(
    "text", ["x", "x=", "x=explode", "x=kill@0", "x=kill@", "x=sleep:soon", "x=sleep", "=kill", "x=kill;y=kill"]
)
def test_text_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidFailpoints):
        Failpoints.parse(text)


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(InvalidFailpoints, match="twice"):
        Failpoints.parse("x=kill,x=stop")
