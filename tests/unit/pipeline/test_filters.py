"""Filters and orders: what they say, and what is told about those that cannot be read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_service.domain.lists import (
    EXECUTIONS,
    NODES,
    PIPELINES,
    RUNS,
    InvalidFilter,
    InvalidOrder,
    Listing,
    Order,
    read_filter,
    read_order,
)
from pipeline_service.domain.lists.values import Comparison, Conjunction, Disjunction, Filter, Negation, Operator


def title(value: str, operator: Operator = Operator.EQUAL) -> Comparison:
    return Comparison(field="title", operator=operator, value=value)


A, B, C = title("a"), title("b"), title("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title = a", A),
        ("title=a", A),
        ("  title  =  'a'  ", A),
        ("title = a AND title = b AND title = c", Conjunction((A, B, C))),
        # As in AIP-160, and unlike most languages.
        ("title = a AND title = b OR title = c", Conjunction((A, Disjunction((B, C))))),
        ("(title = a AND title = b) OR title = c", Disjunction((Conjunction((A, B)), C))),
        ("NOT title = a", Negation(A)),
        ("-title = a", Negation(A)),
        ("NOT (title = a OR title = b)", Negation(Disjunction((A, B)))),
        ('title = "a \\"quoted\\" \\\\ word"', title('a "quoted" \\ word')),
        ("title = 'AND'", title("AND")),
        ("title = -a", title("-a")),
        ("title != a", title("a", Operator.NOT_EQUAL)),
        ("title:a:b", title("a:b", Operator.HAS)),
        ("labels.team = red", Comparison(field="labels", key="team", operator=Operator.EQUAL, value="red")),
        ("labels.my-team:*", Comparison(field="labels", key="my-team", operator=Operator.HAS, value="*")),
        ("labels:team", Comparison(field="labels", operator=Operator.HAS, value="team")),
        ("state = FAILED", Comparison(field="state", operator=Operator.EQUAL, value="FAILED")),
        (
            "create_time >= 2026-01-31T18:00:00+02:00",
            Comparison(field="create_time", operator=Operator.AT_LEAST, value=datetime(2026, 1, 31, 16, tzinfo=UTC)),
        ),
    ],
)
def test_filter_says_what_it_says(text: str, expected: Filter) -> None:
    assert read_filter(text, PIPELINES) == expected


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_filter_is_none(text: str) -> None:
    assert read_filter(text, NODES) is None


@pytest.mark.parametrize(
    ("text", "listing", "words"),
    [
        (
            "lesson",
            PIPELINES,
            "column 1: there is no field 'lesson'; there are 'title', 'labels', 'create_time', 'state'",
        ),
        ("tilte = a", PIPELINES, "column 1: there is no field 'tilte'; did you mean 'title'?"),
        ("title = a AND stat = x", NODES, "column 15: there is no field 'stat'; did you mean 'state'?"),
        ("title a", PIPELINES, "column 7: expected one of =, !=, <, <=, >, >=, : behind 'title', found 'a'"),
        ("title", PIPELINES, "column 6: expected one of =, !=, <, <=, >, >=, : behind 'title', found the end"),
        ("title = ", PIPELINES, "column 9: expected a value behind 'title =', found the end"),
        ("title = 'a", PIPELINES, "column 9: expected the closing quote, found ''a'"),
        ("title = a title = b", PIPELINES, "column 11: expected AND, OR or the end, found 'title = b'"),
        ("(title = a", PIPELINES, "column 11: expected AND, OR or ')', found the end"),
        ("title = a)", PIPELINES, "column 10: expected AND, OR or the end, found ')'"),
        ("title = a AND", PIPELINES, "column 14: expected a field, found the end"),
        ("title < a", PIPELINES, "column 7: 'title' takes '=', '!=', ':', found '<'"),
        ("state = FAILD", RUNS, "column 9: expected one of 'ACTIVE', 'PAUSED', 'SUCCEEDED', 'FAILED', 'CANCELLED'"),
        ("state:FAILED", RUNS, "column 6: 'state' takes '=', '!=', found ':'"),
        ("attempt > one", EXECUTIONS, "column 11: expected a whole number, found 'one'"),
        ("attempt > 12345678901", EXECUTIONS, "expected a whole number"),
        ("create_time > yesterday", RUNS, "column 15: expected a time like 2026-01-31T18:00:00Z"),
        ("create_time > 2026-02-30T00:00:00Z", RUNS, "expected a time like"),
        ("create_time > 2026-01-31T18:00:00", RUNS, "expected a time like"),
        ("create_time > 0001-01-01T00:00:00+10:00", RUNS, "expected a time like"),
        ("labels = red", NODES, "column 8: 'labels' takes ':', found '='"),
        ("labels.team:red", NODES, "column 13: expected '*' behind 'labels.team:', found 'red'"),
        ("title = 'a\x00'", NODES, "column 9: expected text without the character U+0000"),
        ("(" * 17 + "title = a" + ")" * 17, NODES, "column 18: nested deeper than 16 levels"),
        ("-" * 17 + "title = a", NODES, "nested deeper than 16 levels"),
        (" OR ".join(["title = a"] * 65), NODES, "expected at most 64 comparisons"),
    ],
)
def test_filter_that_cannot_be_read_is_refused_with_its_column(text: str, listing: Listing, words: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        read_filter(text, listing)

    assert words in refused.value.description


@given(st.text(alphabet="title=ab'\"()\\ANDORT-:.<>!* labelscr_", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    description = "column 0: read"
    try:
        read_filter(text, PIPELINES)
    except InvalidFilter as error:
        description = error.description

    assert description.startswith("column ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Order(field="position")),
        ("title", Order(field="title")),
        (" title  desc ", Order(field="title", descending=True)),
        ("create_time asc", Order(field="create_time")),
    ],
)
def test_order_says_what_it_says(text: str, expected: Order) -> None:
    assert read_order(text, NODES) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("titel", "there is no order by 'titel'; did you mean 'title'?"),
        ("size", "there is no order by 'size'; there are 'position', 'title', 'create_time'"),
        ("title down", "expected '<field>' or '<field> desc', found 'title down'"),
        ("title, position", "expected '<field>' or '<field> desc', found 'title, position'"),
    ],
)
def test_order_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidOrder) as refused:
        read_order(text, NODES)

    assert words in refused.value.description
