"""Every place where a service can be made to die has a test in which it dies there."""

from tests.e2e.failpoint_cases import CASES
from tests.failpoints import failpoints_in_source


def test_each_failpoint_of_the_source_is_fired_by_a_kill_test_and_no_other() -> None:
    assert set(CASES) == failpoints_in_source()


def test_there_are_as_many_as_the_way_of_state_needs() -> None:
    assert len(failpoints_in_source()) >= 40
