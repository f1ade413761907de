"""The one text of a document."""

import json

from montage_cli.canonical import document_text
from montage_cli.json_values import JsonValue
from montage_cli.yaml_reader import read_yaml

DOCUMENT: dict[str, JsonValue] = {
    "nodes": [
        {
            "asset": {"source": "asset:sha256/00.txt", "type": "text"},
            "type": "asset",
            "id": "script",
        },
        {
            "config": {"text": "Hello,\nworld.\n", "stability": 0.45, "voiceId": "narrator", "provider": "local"},
            "inputs": {"script": ["script"]},
            "labels": {"take": "2", "cut": "rough"},
            "title": "16:9",
            "type": "generate-voiceover",
            "id": "voice",
        },
    ],
    "labels": {"team": "red"},
    "version": "1",
    "id": "film",
}
EXPECTED = """\
id: film
version: "1"
labels:
  team: red
nodes:
  - id: script
    type: asset
    asset:
      type: text
      source: asset:sha256/00.txt
  - id: voice
    type: generate-voiceover
    title: "16:9"
    labels:
      cut: rough
      take: "2"
    inputs:
      script:
        - script
    config:
      provider: local
      stability: 0.45
      text: |
        Hello,
        world.
      voiceId: narrator
"""


def test_document_text_has_the_order_of_people_whatever_the_order_it_came_in() -> None:
    assert document_text(DOCUMENT, is_json=False) == EXPECTED


def test_document_text_read_and_written_again_is_the_same() -> None:
    again, _ = read_yaml(EXPECTED)

    assert isinstance(again, dict)
    assert document_text(again, is_json=False) == EXPECTED


def test_document_text_as_json_has_the_same_order() -> None:
    text = document_text(DOCUMENT, is_json=True)

    assert list(json.loads(text)) == ["id", "version", "labels", "nodes"]
    assert list(json.loads(text)["nodes"][1]) == ["id", "type", "title", "labels", "inputs", "config"]
    assert text.endswith("}\n")


def test_document_text_writes_whole_numbers_as_they_were_typed() -> None:
    """A message has doubles only; above 2^53 they no longer mean one whole number."""
    document: dict[str, JsonValue] = {"nodes": [{"config": {"a": 3.0, "b": -0.0, "c": 1e21, "d": 0.5}}]}

    text = document_text(document, is_json=False)

    assert [line.split()[-1] for line in text.splitlines()[2:]] == ["3", "0", "1.0e+21", "0.5"]


def test_document_text_keeps_fields_that_it_does_not_know() -> None:
    document: dict[str, JsonValue] = {"nodes": [{"zeal": 1, "id": "a"}], "id": "x", "budget": 3, "alpha": 1}

    assert document_text(document, is_json=False) == "id: x\nnodes:\n  - id: a\n    zeal: 1\nalpha: 1\nbudget: 3\n"
