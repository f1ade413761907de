"""JSON documents: lines, and what the standard library would let pass."""

import pytest

from montage_cli.json_reader import read_json
from montage_cli.json_values import Unreadable

DOCUMENT = """\
{
\t"id": "welcome",
\t"nodes": [
\t\t{"id": "voice", "config": {"rate": 1.5, "loud": true, "x": null}},
\t\t{"id": "\\ud83c\\udfac \\u00e4\\/"}
\t]
}
"""


def problem_of(text: str) -> str:
    with pytest.raises(Unreadable) as caught:
        read_json(text)
    (problem,) = caught.value.problems
    return str(problem)


def test_read_json_good_document_answers_values_and_lines() -> None:
    value, lines = read_json(DOCUMENT)

    assert value == {
        "id": "welcome",
        "nodes": [{"id": "voice", "config": {"rate": 1.5, "loud": True, "x": None}}, {"id": "🎬 ä/"}],
    }
    assert lines["id"] == 2
    assert lines["nodes[0].config.loud"] == 4
    assert lines["nodes[1].id"] == 5


@pytest.mark.parametrize("text", ["[]", "{}", " [ ] ", '{"a": []}', "[{}, [1, -2.5e3]]", '"x"', "0"])
def test_read_json_small_documents_are_read(text: str) -> None:
    import json

    assert read_json(text)[0] == json.loads(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1, column 1: is not a JSON document: the document is empty"),
        ('{\n "a": 1,\n "a": 2}', "line 3, column 5: is not a JSON document: the key 'a' is in line 2 already"),
        ('{"a": 1,}', "expected a key in double quotes"),
        ("[1, 2,]", "expected a value"),
        ("[1 2]", "expected ',' or ']'"),
        ('{"a" 1}', "expected ':'"),
        ('{"a": 1', "expected ',' or '}'"),
        ('["a\nb"]', "this text is not closed, or holds a control character"),
        ('["\\x"]', "unknown escape"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ("[NaN]", "expected a value"),
        ("[Infinity]", "expected a value"),
        ("[01]", "expected ',' or ']'"),
        ("{a: 1}", "expected a key in double quotes"),
        ("[1] [2]", "expected the end of the document"),
        ("[" * 100_000, "nested more than"),
        ("[9007199254740993]", "too large to be kept exactly"),
    ],
)
def test_read_json_bad_document_says_what_and_where(text: str, problem: str) -> None:
    assert problem in problem_of(text)
