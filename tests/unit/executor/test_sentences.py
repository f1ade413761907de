"""Long texts are cut where a speaker would take breath, and nothing gets lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor_service.executors.sentences import parts


def test_short_text_is_one_part() -> None:
    assert parts(" Good morning. How are you? ", limit=100) == ["Good morning. How are you?"]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("One two. Three four. Five.", 12, ["One two.", "Three four.", "Five."]),
        ("One two. Three four. Five.", 20, ["One two. Three four.", "Five."]),
        ("First part.\n\nSecond, longer part.", 30, ["First part.", "Second, longer part."]),
        ("He said “Go!” Then he went away.", 18, ["He said “Go!”", "Then he went away."]),
        ("one, two three four five", 12, ["one,", "two three", "four five"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("", 10, []),
    ],
)
def test_text_is_cut_at_the_best_place(text: str, limit: int, expected: list[str]) -> None:
    assert parts(text, limit=limit) == expected


@given(st.text(alphabet="ab .!?,\n", max_size=300), st.integers(min_value=5, max_value=60))
def test_no_word_is_lost_and_no_part_is_too_long(text: str, limit: int) -> None:
    found = parts(text, limit=limit)

    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(part) <= limit for part in found)
