"""YAML that is written: as a person would, and read back as what it was."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from montage_cli.json_values import JsonValue
from montage_cli.yaml_reader import read_yaml
from montage_cli.yaml_writer import yaml_text

# Words and characters that readers of YAML are known to misunderstand.
WORDS = "yes No ~ null 1e5 1e+21 0x1f 007 16:9 2020-01-01 1_000 .5 << = ' \" \\ [ {a} &a *a !t %d @ ` ? --- ... | >"
TRICKY = st.sampled_from([*WORDS.split(), "", "- a", "a: b", "x #y", " a", "a ", "a:"])
CHARACTERS = st.characters(exclude_categories=["Cs"])
SPACES = st.text(st.sampled_from("a \t\n\r\x85\u2028\ufeff\x00\x7f:#-"))
TEXTS = st.one_of(TRICKY, SPACES, st.text(CHARACTERS), st.lists(st.text("ab: -#\t"), min_size=2).map("\n".join))
NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def line_of(value: JsonValue) -> str:
    """How a value is written behind its key."""
    return yaml_text({"key": value}).removeprefix("key: ").removesuffix("\n")


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_written_yaml_is_read_back_by_us_and_by_others(value: dict[str, JsonValue]) -> None:
    text = yaml_text(value)

    assert read_yaml(text)[0] == value
    assert yaml.safe_load(text) == value
    assert list(read_yaml(text)[0]) == list(value)


def test_quotes_stand_only_where_they_are_needed() -> None:
    assert line_of("A film, 100% done (really): it's good") == '"A film, 100% done (really): it\'s good"'
    assert line_of("A film, 100% done (really) - it's good") == "A film, 100% done (really) - it's good"
    assert line_of("asset:sha256/ab.txt") == "asset:sha256/ab.txt"
    assert line_of("Grüße 😀") == "Grüße 😀"
    assert line_of("16:9") == '"16:9"'
    assert line_of("1e5") == '"1e5"'
    # Numbers of YAML 1.2 alone.
    assert line_of("0o7") == '"0o7"'
    assert line_of("+1e5") == '"+1e5"'
    assert line_of("0o8") == "0o8"
    assert line_of("") == '""'


def test_what_nobody_sees_is_escaped() -> None:
    assert line_of("\u200b") == '"\\u200B"'
    assert line_of("soft\xadhyphen") == '"soft\\xADhyphen"'
    assert line_of("right\u202eleft") == '"right\\u202Eleft"'
    assert line_of("👩\u200d🎤") == "👩\u200d🎤"


def test_numbers_are_numbers_in_every_reader() -> None:
    assert [line_of(value) for value in (3, 0.45, 1e21, 1e-7, 2**60)] == [
        "3",
        "0.45",
        "1.0e+21",
        "1.0e-07",
        "1.152921504606847e+18",
    ]


def test_lines_stand_as_a_block_that_keeps_its_end() -> None:
    assert line_of("one\n\ttwo") == "|-\n  one\n  \ttwo"
    assert line_of("one\ntwo\n") == "|\n  one\n  two"
    assert line_of("one\n\n") == "|+\n  one\n"
    assert line_of("\none") == '"\\none"'


def test_lists_and_mappings_are_blocks_below_their_key() -> None:
    text = yaml_text({"nodes": [{"id": "a", "inputs": {"in": ["b", "c"]}}, [1, [2]], [], {}]})

    assert text == (
        "nodes:\n  - id: a\n    inputs:\n      in:\n        - b\n        - c\n  - - 1\n    - - 2\n  - []\n  - {}\n"
    )
