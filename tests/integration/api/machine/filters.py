"""Filters twice over: as the words of a request, and as what they mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import strategies as st

LONG_AGO, IN_A_LONG_TIME = "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What filters ask about one row of a list."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """By field: titles, types, ids."""
    states: frozenset[str] = frozenset()
    """Of a pipeline those of its nodes; else one."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """`text` asks for the rows that `fits` says yes to."""

    text: str
    fits: Callable[[Facts], bool]

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"


Filters: TypeAlias = st.SearchStrategy[Filter]
EVERYTHING = Filter("", lambda _facts: True)
ALWAYS = st.sampled_from(
    (
        Filter(f'create_time > "{LONG_AGO}"', lambda _facts: True),
        Filter(f"create_time != {LONG_AGO}", lambda _facts: True),
        Filter(f"create_time <= {LONG_AGO}", lambda _facts: False),
        Filter(f"create_time >= '{IN_A_LONG_TIME}'", lambda _facts: False),
        Filter(f"create_time < {IN_A_LONG_TIME}", lambda _facts: True),
        Filter(f"create_time = {IN_A_LONG_TIME}", lambda _facts: False),
    )
)


def of_text(name: str, *values: str, parts: tuple[str, ...] = ()) -> Filters:
    """A text is one, is not one, or contains one in whatever case."""

    def equal(value: str, quote: str) -> Filter:
        return Filter(f"{name} = {quote}{value}{quote}", lambda facts: facts.texts[name] == value)

    def other(value: str, quote: str) -> Filter:
        return Filter(f"{name} != {quote}{value}{quote}", lambda facts: facts.texts[name] != value)

    def contains(part: str, quote: str) -> Filter:
        return Filter(f"{name}:{quote}{part}{quote}", lambda facts: part.lower() in facts.texts[name].lower())

    quotes = st.sampled_from("\"'")
    found = st.one_of(*(st.builds(build, st.sampled_from(values), quotes) for build in (equal, other)))
    return st.one_of(found, st.builds(contains, st.sampled_from(parts), quotes)) if parts else found


def of_state(*values: str) -> Filters:
    """One of the states is it, or none of them."""

    def equal(value: str) -> Filter:
        return Filter(f"state = {value}", lambda facts: value in facts.states)

    def other(value: str) -> Filter:
        return Filter(f"state != {value}", lambda facts: value not in facts.states)

    return st.one_of(*(st.builds(build, st.sampled_from(values)) for build in (equal, other)))


def of_labels(keys: tuple[str, ...], values: tuple[str, ...]) -> Filters:
    """A label is there, has a value, or has another or none."""

    def present(key: str, form: str) -> Filter:
        return Filter(form.format(key=key), lambda facts: key in facts.labels)

    def equal(key: str, value: str) -> Filter:
        return Filter(f'labels.{key} = "{value}"', lambda facts: facts.labels.get(key) == value)

    def other(key: str, value: str) -> Filter:
        return Filter(f'labels.{key} != "{value}"', lambda facts: facts.labels.get(key) != value)

    key = st.sampled_from(keys)
    return st.one_of(
        st.builds(present, key, st.sampled_from(("labels:{key}", "labels.{key}:*"))),
        *(st.builds(build, key, st.sampled_from(values)) for build in (equal, other)),
    )


def combined(*comparisons: Filters) -> Filters:
    """Comparisons, joined in every way; or no filter at all."""
    one = st.one_of(*comparisons)
    # OR binds tighter than AND, unlike in most languages.
    mixed = st.builds(
        lambda a, b, c: Filter(
            f"{a.text} AND {b.text} OR {c.text}", lambda facts: a.fits(facts) and (b.fits(facts) or c.fits(facts))
        ),
        *(one, one, one),
    )
    nested = st.recursive(one, _joined, max_leaves=4)
    return st.one_of(st.just(EVERYTHING), one, mixed, nested)


def _joined(parts: Filters) -> Filters:
    return st.one_of(
        st.builds(lambda a: Filter(f"NOT ({a.text})", lambda facts: not a.fits(facts)), parts),
        st.builds(lambda a: Filter(f"-({a.text})", lambda facts: not a.fits(facts)), parts),
        st.builds(
            lambda a, b: Filter(f"({a.text}) AND ({b.text})", lambda facts: a.fits(facts) and b.fits(facts)),
            *(parts, parts),
        ),
        st.builds(
            lambda a, b: Filter(f"(({a.text}) OR ({b.text}))", lambda facts: a.fits(facts) or b.fits(facts)),
            *(parts, parts),
        ),
    )
