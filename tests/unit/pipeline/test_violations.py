"""Problems and hints: helpful for a person, harmless for the service."""

import pytest

from pipeline_service.domain.document import read_document
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.violations import (
    MAX_DESCRIPTION,
    MAX_FIELD,
    MAX_HINTS,
    MAX_PROBLEMS,
    Violations,
    did_you_mean,
)
from tests.factories import a_document, noop

CATALOGUE = build_catalogue(with_test_types=True)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("voce", "; did you mean 'voice'?"),
        ("VOICE", "; did you mean 'voice'?"),
        ("segment", "; did you mean 'Segments'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_hint_is_the_nearest_word_as_it_is_spelled(word: str, hint: str) -> None:
    assert did_you_mean(word, ["film", "voice", "Segments"]) == hint


def test_hint_is_found_among_many_words() -> None:
    known = [*(f"clip-{number:04}" for number in range(2000)), "voice-0001"]

    assert did_you_mean("voise-0001", known) == "; did you mean 'voice-0001'?"


def test_document_with_more_wrong_references_than_anybody_reads_is_answered_at_once() -> None:
    nodes = [noop(f"node-{at:04}", *(f"nodes-{at:04}{link}" for link in range(5))) for at in range(300)]

    _, problems = read_document(a_document(*nodes), CATALOGUE)

    # A hint takes a hundred comparisons of 50 µs, and the service does nothing else meanwhile.
    assert sum("did you mean" in problem.description for problem in problems) == MAX_HINTS
    assert len(problems) == MAX_PROBLEMS
    assert problems[0].field == "nodes[0].inputs.after"


def test_problem_that_repeats_what_was_sent_is_cut() -> None:
    violations = Violations()

    violations.add("nodes[0].config." + "x" * 9999, "found " + "y" * 9999)

    (problem,) = violations.found
    assert (len(problem.field), len(problem.description)) == (MAX_FIELD, MAX_DESCRIPTION)
    assert problem.field.startswith("nodes[0].config.xxx")


@pytest.mark.parametrize(
    ("node", "place", "words"),
    [
        ({"id": "a", "type": "NOOP"}, "nodes[0].type", "did you mean 'noop'?"),
        (noop("a") | {"Inputs": {}}, "nodes[0].Inputs", "did you mean 'inputs'?"),
        (noop("a") | {"xyz": {}}, "nodes[0].xyz", "there are 'id', 'uuid', 'title'"),
        (
            {"id": "a", "type": "asset", "asset": {"type": "vidoe", "source": "https://a.example/b"}},
            "nodes[0].asset.type",
            "did you mean 'video'?",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "video", "sourc": "https://a.example/b"}},
            "nodes[0].asset.sourc",
            "did you mean 'source'?",
        ),
    ],
)
def test_wrong_word_of_a_document_gets_a_hint(node: dict[str, object], place: str, words: str) -> None:
    _, problems = read_document(a_document(node), CATALOGUE)

    assert words in {problem.field: problem.description for problem in problems}[place]
