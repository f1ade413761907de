"""YAML documents: what values mean, where they stand, and what is refused."""

import pytest

from montage_cli.json_values import MAX_DEPTH, Unreadable
from montage_cli.yaml_reader import read_yaml

DOCUMENT = """\
id: welcome
title: 'Welcome: 1'
nodes:
  - id: voice
    type: generate-voiceover
    inputs: {script: [text]}
  - id: film
    inputs:
      segments:
        - voice
        - talk
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(Unreadable) as caught:
        read_yaml(text)
    return [str(problem) for problem in caught.value.problems]


def test_read_yaml_good_document_answers_plain_values() -> None:
    value, _ = read_yaml(DOCUMENT)

    assert value == {
        "id": "welcome",
        "title": "Welcome: 1",
        "nodes": [
            {"id": "voice", "type": "generate-voiceover", "inputs": {"script": ["text"]}},
            {"id": "film", "inputs": {"segments": ["voice", "talk"]}},
        ],
    }


def test_read_yaml_good_document_knows_the_line_of_every_path() -> None:
    _, lines = read_yaml(DOCUMENT)

    assert lines["id"] == 1
    assert lines["nodes"] == 3
    assert lines["nodes[0]"] == 4
    assert lines["nodes[0].inputs.script[0]"] == 6
    assert lines["nodes[1].inputs.segments"] == 9
    assert lines["nodes[1].inputs.segments[1]"] == 11


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("2026-11-21", "2026-11-21"),
        ("yes", "yes"),
        ("off", "off"),
        ("0x1f", "0x1f"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        (".inf", ".inf"),
        ("true", True),
        ("~", None),
        ("null", None),
        ("-12", -12),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'true'", "true"),
        ('"12"', "12"),
        ("|\n  3", "3"),
    ],
)
def test_read_yaml_scalar_means_what_json_means(plain: str, value: object) -> None:
    found, _ = read_yaml(f"a: {plain}")

    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_read_yaml_repeated_keys_lists_all_of_them() -> None:
    found = problems_of("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")

    assert found == [
        "b.c, line 4, column 3: the key 'c' is in line 3 already",
        "a, line 5, column 1: the key 'a' is in line 1 already",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1, 2\nb: 3\n", "line 2, column 2: is not YAML"),
        ("a:\n\t- b\n", "is not YAML"),
        ("a: 'open\n", "is not YAML"),
        ("", "line 1: the document is empty"),
        ("a: 1\n---\nb: 2\n", "expected one document, found another"),
        ("a: !!python/object:os.system x\n", "a, line 1, column 4: tags are not allowed"),
        ("a: !!str 1\n", "tags are not allowed, found 'tag:yaml.org,2002:str'"),
        ("1: x\n", "a key must be text, found 1; put it in quotes"),
        ("true: x\n", "a key must be text, found True"),
        ("? [a]\n: x\n", "a key must be text, found a list or a mapping"),
        ("a: &b {c: 1}\nd:\n  <<: *b\n", "merge keys (<<) are not supported"),
        ("a: *nowhere\n", "no anchor '&nowhere'"),
        ("a: &b [*b]\n", "the alias '*b' stands inside what it means"),
        ("a: 9007199254740993\n", "too large to be kept exactly"),
        ("a: 1e999\n", "the number 1e999 is too large"),
        ("a: \x01\n", "is not YAML"),
    ],
)
def test_read_yaml_bad_document_says_what_and_where(text: str, problem: str) -> None:
    found = problems_of(text)

    assert len(found) == 1
    assert problem in found[0]


def test_read_yaml_alias_stands_for_its_value() -> None:
    value, lines = read_yaml("a: &x\n  b: 1\nc: *x\n")

    assert value == {"a": {"b": 1}, "c": {"b": 1}}
    assert lines["c"] == 3
    assert lines["c.b"] == 2


def test_read_yaml_aliases_that_multiply_are_refused() -> None:
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in range(1, 10):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"

    assert "more than 500000 values" in problems_of(text)[0]


def test_read_yaml_deep_nesting_is_refused_before_it_can_hurt() -> None:
    read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)

    assert "nested more than" in problems_of("[" * 100_000)[0]


def test_read_yaml_depth_through_aliases_is_refused() -> None:
    text = "a0: &a0 [1]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 40))

    assert "nested more than" in problems_of(text)[0]
