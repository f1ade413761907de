"""What is wrong with a document, and where."""

from typing import Any

import pytest

from pipeline_service.domain.document import read_document
from pipeline_service.domain.node_types import build_catalogue
from tests.factories import a_document, noop

CATALOGUE = build_catalogue(with_test_types=True)
VOICE = {"id": "voice", "type": "generate-voiceover", "title": "Hello", "config": {"provider": "local"}}
MERGE = {"id": "film", "type": "merge-videos", "config": {"provider": "ffmpeg"}}


def problems(*nodes: dict[str, Any], **document: Any) -> dict[str, str]:
    raw = a_document(*nodes) | document
    read, violations = read_document(raw, CATALOGUE)
    assert (read is None) == bool(violations)
    return {violation.field: violation.description for violation in violations}


@pytest.mark.parametrize(
    ("node", "place", "words"),
    [
        ({"id": "a", "type": "merge-video"}, "nodes[0].type", "did you mean 'merge-videos'?"),
        ({"id": "a", "type": "xyz"}, "nodes[0].type", "expected one of 'asset', "),
        ({"id": "a"}, "nodes[0].type", "expected text, found nothing"),
        ({"id": "a", "type": 7}, "nodes[0].type", "expected text, found the number 7"),
        ({"id": "a", "type": ""}, "nodes[0].type", "unknown node type ''; expected one of 'asset', "),
        (noop(""), "nodes[0].id", "expected an id of a-z"),
        (noop("A"), "nodes[0].id", "expected an id of a-z"),
        (noop("a" * 64), "nodes[0].id", "at most 63 characters"),
        (noop("a") | {"tittle": "x"}, "nodes[0].tittle", "did you mean 'title'?"),
        (noop("a") | {"labels": ["red"]}, "nodes[0].labels", "expected a mapping, found a list"),
        (noop("a") | {"labels": {"Team": "red"}}, "nodes[0].labels", "begins with a letter, found 'Team'"),
        (noop("a") | {"retry": 3}, "nodes[0].retry", "expected a mapping, found the number 3"),
        (noop("a") | {"retry": {"maxAttempt": 3}}, "nodes[0].retry.maxAttempt", "did you mean 'maxAttempts'"),
        (noop("a") | {"retry": {"maxAttempts": 2.5}}, "nodes[0].retry.maxAttempts", "a whole number from 1 to 20"),
        (noop("a") | {"retry": {"maxAttempts": True}}, "nodes[0].retry.maxAttempts", "found the boolean true"),
        (noop("a") | {"retry": {"jitter": 1.5}}, "nodes[0].retry.jitter", "from 0 to 1, found the number 1.5"),
        (noop("a") | {"retry": {"maxInterval": "1m"}}, "nodes[0].retry.maxInterval", "found the text '1m'"),
        (noop("a") | {"labels": {"team": 1}}, "nodes[0].labels.team", "found the number 1"),
        (noop("a") | {"labels": {"team": "red fox"}}, "nodes[0].labels.team", "found the text 'red fox'"),
        (noop("a") | {"labels": {"team": "r" * 64}}, "nodes[0].labels.team", "at most 63 characters"),
        (noop("a") | {"labels": {f"k{n}": "" for n in range(65)}}, "nodes[0].labels", "at most 64 labels, found 65"),
        (noop("a") | {"inputs": {"afterr": []}}, "nodes[0].inputs.afterr", "did you mean 'after'?"),
        (noop("a", "b"), "nodes[0].inputs.after", "no node 'b'"),
        (noop("a") | {"inputs": []}, "nodes[0].inputs", "expected a mapping, found a list"),
        (noop("a") | {"inputs": {"after": [1]}}, "nodes[0].inputs.after", "expected the id of a node"),
        (VOICE | {"config": {}}, "nodes[0].config.provider", "needs the config field 'provider'; one of 'local'"),
        (VOICE | {"config": {"provider": "locl"}}, "nodes[0].config.provider", "did you mean 'local'?"),
        (VOICE | {"config": {"provider": "local", "voiceID": "x"}}, "nodes[0].config.voiceID", "mean 'voiceId'?"),
        (VOICE | {"config": {"provider": "local", "stability": 2}}, "nodes[0].config.stability", "at most 1, found 2"),
        (
            VOICE | {"config": {"provider": "local", "stability": "high"}},
            "nodes[0].config.stability",
            "expected a number, found the text 'high'",
        ),
        (VOICE | {"config": {"provider": "local", "stability": True}}, "nodes[0].config.stability", "the boolean true"),
        (VOICE | {"asset": {"type": "text", "content": "x"}}, "nodes[0].asset", "only nodes of type 'asset'"),
        (MERGE, "nodes[0].inputs.segments", "needs at least 2 nodes in slot 'segments', found none"),
        ({"id": "a", "type": "asset"}, "nodes[0].asset", "needs an asset"),
        (
            {"id": "a", "type": "asset", "asset": {"type": "txt", "content": "x"}},
            "nodes[0].asset.type",
            "expected one of 'text'",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "video", "source": "clip.mp4"}},
            "nodes[0].asset.source",
            "expected uploaded bytes",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "video", "source": "http://x.example/a.mp4"}},
            "nodes[0].asset.source",
            "or an https URL",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "video", "content": "x"}},
            "nodes[0].asset.content",
            "content in place must be text or JSON",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "video", "source": f"asset:sha256/{'0' * 64}.txt"}},
            "nodes[0].asset.source",
            "expected video, as the asset's type says; '.txt' is text",
        ),
        (
            {"id": "a", "type": "asset", "asset": {"type": "image", "source": "https://x.example/a/b.MP4?c=.png"}},
            "nodes[0].asset.source",
            "'.mp4' is video",
        ),
        (
            noop("a") | {"retry": {"initialInterval": 100, "maxInterval": 1}},
            "nodes[0].retry.initialInterval",
            "expected at most maxInterval, 1, found 100",
        ),
        (
            VOICE | {"config": {"provider": "local", "text": "x" * 70_000}},
            "nodes[0].config",
            "expected at most 65536 bytes as JSON, found",
        ),
    ],
)
def test_document_with_a_fault_names_place_and_remedy(node: dict[str, Any], place: str, words: str) -> None:
    found = problems(node)

    assert place in found, found
    assert words in found[place]


@pytest.mark.parametrize(
    "node",
    [
        VOICE | {"title": " "},
        VOICE | {"title": "", "config": {"provider": "local", "text": "  "}},
        {"id": "a", "type": "generate-animation", "config": {"provider": "local"}},
    ],
)
def test_generating_node_that_is_not_told_what_to_make_is_refused(node: dict[str, Any]) -> None:
    (description,) = problems(node).values()

    assert "needs an input" in description
    assert "or a title" in description


def test_prompt_that_is_no_text_is_one_problem() -> None:
    found = problems(VOICE | {"title": "", "config": {"provider": "local", "text": 1000}})

    assert list(found) == ["nodes[0].config.text"]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("audio", f"asset:sha256/{'0' * 64}.mp4"),
        ("text", f"asset:sha256/{'0' * 64}.json"),
        ("video", f"asset:sha256/{'0' * 64}.bin"),
        ("video", f"asset:sha256/{'0' * 64}.gif"),
        ("video", "https://media.example.com/watch.txt/?v=1"),
    ],
)
def test_file_whose_name_does_not_speak_against_its_kind_is_taken(kind: str, source: str) -> None:
    assert problems({"id": "a", "type": "asset", "asset": {"type": kind, "source": source}}) == {}


def test_letters_count_as_the_bytes_that_they_are() -> None:
    assert problems(VOICE | {"config": {"provider": "local", "text": "ж" * 20_000}}) == {}


def test_circle_is_told_at_its_node_and_a_long_one_in_short() -> None:
    found = problems(*(noop(f"n{number}", f"n{(number + 1) % 100}") for number in range(100)))

    ((place, words),) = found.items()
    assert place.startswith("nodes[")
    assert words.count("→") < 20
    assert "→ … →" in words


def test_animation_of_a_picture_alone_needs_no_prompt() -> None:
    picture = {"id": "p", "type": "asset", "asset": {"type": "image", "source": f"asset:sha256/{'0' * 64}.png"}}
    moving = {
        "id": "a",
        "type": "generate-animation",
        "inputs": {"referenceImage": ["p"]},
        "config": {"provider": "local"},
    }

    assert problems(picture, moving) == {}


def test_problems_come_in_the_order_of_the_document_whatever_order_its_maps_have() -> None:
    nodes = [noop(f"n{number}", "nobody", zebra=1, apple=1) for number in range(11)]
    turned = [dict(reversed(node.items())) | {"config": dict(reversed(node["config"].items()))} for node in nodes]

    found = list(problems(*nodes))

    assert found == list(problems(*turned))
    assert found[:3] == ["nodes[0].config.apple", "nodes[0].config.zebra", "nodes[0].inputs.after"]
    assert found[-1] == "nodes[10].inputs.after"


def test_document_with_many_faults_lists_all_of_them() -> None:
    found = problems(noop("a", "nobody"), {"id": "b", "type": "nop"}, noop("a"), title=5)

    assert sorted(found) == ["nodes[0].inputs.after", "nodes[1].type", "nodes[2].id", "title"]


def test_document_with_two_nodes_in_a_single_slot_is_refused() -> None:
    script = {"id": "script", "type": "asset", "asset": {"type": "text", "content": "hi"}}

    found = problems(script, VOICE | {"inputs": {"script": ["script", "script"]}})

    assert found == {"nodes[1].inputs.script": "slot 'script' takes one node, found 2"}


@pytest.mark.parametrize("sources", [["script"], "script"])
def test_document_with_an_array_of_one_or_a_bare_id_fits_a_single_slot(sources: object) -> None:
    script = {"id": "script", "type": "asset", "asset": {"type": "text", "content": "hi"}}

    assert problems(script, VOICE | {"inputs": {"script": sources}}) == {}


def test_document_with_audio_in_a_video_slot_is_refused() -> None:
    found = problems(VOICE, MERGE | {"inputs": {"segments": ["voice", "voice"]}})

    assert found == {"nodes[1].inputs.segments": "takes video, but node 'voice' makes audio"}


def test_document_with_a_cycle_shows_it() -> None:
    found = problems(noop("a", "c"), noop("b", "a"), noop("c", "b"))

    ((place, words),) = found.items()
    assert place.endswith(".inputs")
    assert "in a circle: " in words
    assert words.count("→") == 3


def test_document_with_a_node_that_needs_itself_is_refused() -> None:
    assert "circle" in problems(noop("a", "a"))["nodes[0].inputs"]


def test_document_without_nodes_is_refused() -> None:
    assert problems() == {"nodes": "expected a list of at least one node"}


def test_document_with_too_many_nodes_is_refused() -> None:
    found = problems(*(noop(f"n{number}") for number in range(2001)))

    assert found == {"nodes": "expected at most 2000 nodes, found 2001"}


def test_document_with_too_much_config_is_refused() -> None:
    found = problems(noop("a", nonce="x" * 70_000))

    assert found == {"nodes[0].config": "expected at most 65536 bytes as JSON, found 70034"}


def test_asset_with_content_is_named_by_its_digest() -> None:
    read, _ = read_document(
        a_document({"id": "a", "type": "asset", "asset": {"type": "text", "content": "hi"}}), CATALOGUE
    )

    assert read is not None
    asset = read.nodes[0].asset
    assert asset is not None
    # printf hi | sha256sum
    assert asset.sha256 == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    assert read.nodes[0].content == b"hi"
