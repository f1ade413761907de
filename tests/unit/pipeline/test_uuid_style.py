"""Documents in the style of `uuid`; the example lies in tests/documents."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from pipeline_service.domain.document import read_document
from pipeline_service.domain.ids import NodeId, NodeUid, PipelineId, PipelineUid
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.structure import build_structure, plan_import
from tests.factories import a_document, noop, read

CATALOGUE = build_catalogue(with_test_types=True)
EXAMPLE = Path(__file__).parents[2] / "documents" / "uuid_style" / "pipeline.json"
ONE, OTHER = "0b9a7c1e-2d44-4f86-9a51-c3e8b7d60f12", "d6b3a920-7e15-4c8f-b4a1-0f9e2d7c5b68"


def an_example() -> dict[str, Any]:
    """The example, with its file in the place where a client puts it."""
    raw: dict[str, Any] = json.loads(EXAMPLE.read_text())
    raw["nodes"][0]["asset"]["source"] = f"asset:sha256/{'0' * 64}.txt"
    return raw


def problems(raw: dict[str, Any]) -> dict[str, str]:
    _, violations = read_document(raw, CATALOGUE)
    return {violation.field: violation.description for violation in violations}


def a_uuid_node(uuid: object, *after: str, **more: Any) -> dict[str, Any]:
    node = noop("", *after) | {"uuid": uuid} | more
    if "id" not in more:
        del node["id"]
    return node


def test_example_is_a_good_document() -> None:
    assert problems(an_example()) == {}


def test_uuid_is_id_and_uid_and_one_with_a_suffix_is_the_id_alone() -> None:
    document = read(an_example())

    script, backdrop, voice, head, *_ = document.nodes
    assert document.id == "7f0c2a54-93d1-4b7e-8a36-5d0e9c1b2f48"
    assert document.uid == UUID("7f0c2a54-93d1-4b7e-8a36-5d0e9c1b2f48")
    assert (script.id, script.uid) == (ONE, UUID(ONE))
    assert (backdrop.id, backdrop.uid) == ("5e2f8d30-6b1c-4a97-b0f4-19d7c6a28e53-backdrop", None)
    assert head.inputs["audio"] == (voice.id,), "capitals make no other node"


def test_uuid_beside_an_id_is_the_uid() -> None:
    document = read(a_document(a_uuid_node(ONE, id="voice"), noop("film", "voice")) | {"uuid": OTHER})

    assert (document.id, document.uid) == ("film", UUID(OTHER))
    assert (document.nodes[0].id, document.nodes[0].uid) == ("voice", UUID(ONE))


@pytest.mark.parametrize(
    ("raw", "place", "words"),
    [
        (a_document(a_uuid_node("")), "nodes[0].uuid", "expected an id of a-z, 0-9 and '-'"),
        (a_document(a_uuid_node(7)), "nodes[0].uuid", "expected text, found the number 7"),
        (a_document(a_uuid_node(f"{ONE}_head")), "nodes[0].uuid", "expected an id of a-z"),
        (a_document(a_uuid_node(f"{ONE}-{'x' * 27}")), "nodes[0].uuid", "at most 63 characters"),
        (a_document(a_uuid_node(f"{ONE}-head", id="a")), "nodes[0].uuid", "expected a UUID, found"),
        (a_document(a_uuid_node(ONE), a_uuid_node(ONE.upper())), "nodes[1].uuid", "is the id of nodes[0] already"),
        (a_document(a_uuid_node(ONE), a_uuid_node(ONE, id="b")), "nodes[1].uuid", "is the uuid of nodes[0] already"),
        (a_document(a_uuid_node(ONE, f"{ONE[:-1]}3")), "nodes[0].inputs.after", "no node '"),
        (a_document(noop("a")) | {"config": {"workingDir": "x"}}, "config.workingDir", "mean 'workingDirectory'?"),
        (
            a_document(noop("a")) | {"config": {"storage": {"buckt": "x"}}},
            "config.storage.buckt",
            "did you mean 'bucket'?",
        ),
        (a_document(noop("a")) | {"config": {"storage": "x"}}, "config.storage", "expected a mapping"),
        (a_document(noop("a")) | {"config": {"storage": {"prefix": 5}}}, "config.storage.prefix", "the number 5"),
    ],
)
def test_fault_in_the_style_of_uuid_names_place_and_remedy(raw: dict[str, Any], place: str, words: str) -> None:
    found = problems(raw)

    assert place in found, found
    assert words in found[place]


def test_uuid_of_a_new_node_is_its_uid_and_a_known_node_keeps_its_own() -> None:
    known = NodeUid(uuid4())
    empty = build_structure(PipelineUid(uuid4()), pipeline_id=PipelineId("film"), version=0, specs=())
    first = plan_import(read(a_document(noop("a"))), empty, catalogue=CATALOGUE, new_uid=lambda: known).structure

    document = read(a_document(a_uuid_node(ONE, id="a"), a_uuid_node(OTHER, id="b")))
    plan = plan_import(document, first, catalogue=CATALOGUE, new_uid=uuid4)

    uids = {spec.id: spec.uid for spec in plan.structure.nodes.values()}
    assert uids == {NodeId("a"): known, NodeId("b"): UUID(OTHER)}


def test_uuids_that_are_taken_are_given_up() -> None:
    document = read(a_document(a_uuid_node(ONE, id="a"), a_uuid_node(OTHER, id="b")))

    kept = document.without_uids({UUID(ONE)})

    assert document.uids == (UUID(ONE), UUID(OTHER))
    assert [node.uid for node in kept.nodes] == [None, UUID(OTHER)]
