"""Positions stay where they are when others come and go."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_service.domain.positions import STEP, positions


def test_new_nodes_stand_a_step_apart() -> None:
    assert positions([None, None, None]) == [0, STEP, 2 * STEP]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([0, None, STEP], [0, STEP // 2, STEP]),
        ([None, 0], [-STEP, 0]),
        ([0, None], [0, STEP]),
        ([0, 2 * STEP], [0, 2 * STEP]),
        ([], []),
    ],
)
def test_nodes_that_stay_keep_their_positions(before: list[int | None], expected: list[int]) -> None:
    assert positions(before) == expected


def test_node_that_moves_is_the_only_one_with_another_position() -> None:
    assert positions([3 * STEP, 0, STEP, 2 * STEP]) == [-STEP, 0, STEP, 2 * STEP]


@pytest.mark.parametrize("before", [[0, None, 1], [2**31 - 1, None], [None, -(2**31)]])
def test_all_are_placed_anew_when_there_is_no_room(before: list[int | None]) -> None:
    assert positions(before) == [number * STEP for number in range(len(before))]


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=40))
def test_positions_ascend_and_fit_the_column(before: list[int | None]) -> None:
    found = positions(before)

    assert len(found) == len(before)
    assert all(one < other for one, other in pairwise(found))
    assert all(-(2**31) <= position < 2**31 for position in found)


@given(st.lists(st.sampled_from(["keep", "drop", "before", "after"]), max_size=30))
def test_insertions_and_deletions_move_nobody(edits: list[str]) -> None:
    before: list[int | None] = []
    for number, edit in enumerate(edits):
        place = number * STEP
        before += {"keep": [place], "drop": [], "before": [None, place], "after": [place, None]}[edit]

    found = positions(before)

    assert all(was is None or was == now for was, now in zip(before, found, strict=True))
