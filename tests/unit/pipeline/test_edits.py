"""Edits of single nodes, on the document that a pipeline is equal to."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline_service.domain.document import Document, DocumentNode, read_node
from pipeline_service.domain.edits import put_node, without_node
from pipeline_service.domain.graph import find_cycle
from pipeline_service.domain.ids import NodeId
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.structure import problems_of
from tests.factories import a_document, noop, read

CATALOGUE = build_catalogue(with_test_types=True)
NAMES = [f"n{number}" for number in range(6)]
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("connect"), st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just([])),
    ),
    max_size=30,
)


def a_clip(name: str) -> dict[str, Any]:
    return {"id": name, "type": "generate-animation", "title": name, "config": {"provider": "local"}}


def a_node(raw: dict[str, Any]) -> DocumentNode:
    node, problems = read_node(raw, CATALOGUE)
    assert node is not None, problems
    return node


@given(EDITS)
def test_no_sequence_of_edits_makes_a_circle_or_a_reference_to_nothing(
    edits: list[tuple[str, str, list[str]]],
) -> None:
    document = read(a_document(*(noop(name) for name in NAMES)))

    for doing, name, sources in edits:
        if doing == "delete":
            document = without_node(document, NodeId(name))
        else:
            edited, refusals = put_node(document, a_node(noop(name, *sources)))
            document = document if refusals else edited

        assert not find_cycle(_graph(document))
        assert {source for sources in _graph(document).values() for source in sources} <= set(_graph(document))


def test_circle_is_refused_with_its_nodes() -> None:
    document = read(a_document(noop("a"), noop("b", "a"), noop("c", "b")))

    _, (refusal,) = put_node(document, a_node(noop("a", "c")))

    assert refusal.field == "node.inputs"
    assert "in a circle" in refusal.description
    assert all(name in refusal.description for name in ("a", "b", "c"))


def test_deleted_node_leaves_lists_by_an_entry_and_single_slots_whole() -> None:
    sound = {"id": "voice", "type": "generate-voiceover", "title": "Hi", "config": {"provider": "local"}}
    film = {"id": "film", "type": "merge-videos", "inputs": {"segments": ["one", "two", "one"]}}
    mixed = {"id": "mixed", "type": "mix-audio", "inputs": {"video": "one", "audio": "voice"}}
    provider = {"config": {"provider": "ffmpeg"}}
    document = read(a_document(a_clip("one"), a_clip("two"), sound, film | provider, mixed | provider))

    left = {node.id: node for node in without_node(document, NodeId("one")).nodes}

    assert left[NodeId("film")].inputs == {"segments": ("two",)}
    assert left[NodeId("mixed")].inputs == {"audio": ("voice",)}
    problems = problems_of(list(left.values()), CATALOGUE)
    assert [problem.field for problem in problems[NodeId("film")]] == ["inputs.segments"]
    assert [problem.field for problem in problems[NodeId("mixed")]] == ["inputs.video"]
    assert problems[NodeId("two")] == ()


def _graph(document: Document) -> dict[str, list[str]]:
    return {node.id: [source for sources in node.inputs.values() for source in sources] for node in document.nodes}
