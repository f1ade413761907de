"""The welcome film's document holds together."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from executor_service.integrations.local.animation import frame_sizes
from executor_service.integrations.local.code_screen import snippet_from_text
from executor_service.integrations.local.looks import looks
from executor_service.integrations.local.voice import voices

FOLDER = Path(__file__).parents[3] / "examples" / "welcome"


@pytest.fixture(name="nodes")
def _nodes() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "pipeline.yaml").read_text())
    return {node["id"]: node for node in document["nodes"]}


def test_welcome_inputs_name_nodes_that_exist(nodes):
    referenced = {source for node in nodes.values() for slot in node.get("inputs", {}).values() for source in slot}

    assert referenced <= set(nodes)
    assert set(nodes) - referenced == {"welcome"}


def test_welcome_assets_are_there_and_small(nodes):
    files = [FOLDER / node["asset"]["source"] for node in nodes.values() if node["type"] == "asset"]

    assert len(files) >= 5
    assert all(0 < file.stat().st_size <= 500_000 for file in files)


def test_welcome_local_nodes_ask_for_what_the_local_vendors_have(nodes):
    assert nodes["voice"]["config"]["voiceId"] in voices()
    assert nodes["speaker"]["config"]["avatarId"] in looks()
    assert nodes["title"]["config"]["aspectRatio"] in frame_sizes()


def test_welcome_film_is_between_15_and_30_seconds(nodes):
    typed_s = json.loads((FOLDER / "snippet.json").read_text())["duration"]
    lengths_s = [nodes[name]["config"].get("duration", typed_s) for name in nodes["reel"]["inputs"]["segments"]]

    assert len(lengths_s) >= 3
    assert 15 <= sum(lengths_s) <= 30


def test_welcome_snippet_is_itself_a_document(nodes):
    snippet = snippet_from_text((FOLDER / "snippet.json").read_text())

    typed = yaml.safe_load(snippet.code)
    for node in typed["nodes"]:
        assert nodes[node["id"]]["type"] == node["type"]
