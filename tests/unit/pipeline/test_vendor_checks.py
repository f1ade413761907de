"""What a vendor would refuse is refused with the document, with the number and where it is from."""

from typing import Any

import pytest

from executor_service.executors import heygen_vendor, runway_vendor, veo_vendor
from executor_service.integrations.runway import MAX_PROMPT_UNITS
from pipeline_service.domain.document import read_document
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.node_types.vendor_makes import ANIMATORS, SCREENS
from tests.factories import a_document

CATALOGUE = build_catalogue()
PICTURE = {"id": "still", "type": "asset", "asset": {"type": "image", "source": f"asset:sha256/{'5' * 64}.png"}}
SOUND = {"id": "sound", "type": "asset", "asset": {"type": "audio", "source": f"asset:sha256/{'6' * 64}.mp3"}}


def problems(*nodes: dict[str, Any]) -> dict[str, str]:
    """By place, of the last node."""
    _, violations = read_document(a_document(*nodes), CATALOGUE)
    place = f"nodes[{len(nodes) - 1}]."
    return {violation.field.removeprefix(place): violation.description for violation in violations}


def a_clip(*, picture: bool = False, title: str = "", **config: object) -> list[dict[str, Any]]:
    inputs = {"referenceImage": ["still"]} if picture else {}
    clip = {
        "id": "clip",
        "type": "generate-animation",
        "title": title,
        "inputs": inputs,
        "config": {"provider": "runway", **config},
    }
    return [PICTURE, clip] if picture else [clip]


RUNWAY = "Runway's API of 2024-11-06"


@pytest.mark.parametrize(
    ("nodes", "place", "words"),
    [
        (a_clip(prompt="x", duration=11), "duration", f"'gen4.5' of {RUNWAY} makes 2 to 10 s; found 11"),
        (a_clip(prompt="x", duration=2.5), "duration", "makes 2 to 10 s; found 2.5"),
        (a_clip(prompt="x", model="veo3.1", duration=5), "duration", f"'veo3.1' of {RUNWAY} makes 4, 6, 8 s; found 5"),
        (a_clip(prompt="x", aspectRatio="1:1"), "aspectRatio", f"'gen4.5' of {RUNWAY} makes 16:9, 9:16; found 1:1"),
        (a_clip(prompt="x", model="gen3"), "model", f"{RUNWAY} has 'gen4_turbo', 'gen4.5', "),
        (a_clip(prompt="x", model="gen4_turbo"), "model", "'gen4_turbo' needs an input 'referenceImage'"),
        (a_clip(picture=True, model="gen4.5"), "model", "'gen4.5' needs a prompt, also with a picture"),
        (a_clip(prompt="𝄞" * 501), "prompt", f"{RUNWAY} takes prompts of 1000 characters; found 1002"),
        (
            a_clip(provider="veo3", prompt="x", duration=5),
            "duration",
            "of Veo 3.1 on Vertex AI makes 4, 6, 8 s; found 5",
        ),
        (a_clip(provider="veo3", prompt="x", aspectRatio="1:1"), "aspectRatio", "makes 16:9, 9:16; found 1:1"),
        (a_clip(provider="veo3", prompt="x", model="veo-3.0-generate-001"), "model", "found 'veo-3.0-generate-001'"),
    ],
)
def test_film_that_its_vendor_does_not_make_is_refused_with_the_document(
    nodes: list[dict[str, Any]], place: str, words: str
) -> None:
    found = problems(*nodes)

    assert list(found) == [f"config.{place}"]
    assert words in found[f"config.{place}"]


@pytest.mark.parametrize(
    "nodes",
    [
        a_clip(prompt="x" * 1000, duration=10),
        a_clip(title="A harbour", aspectRatio="9:16"),
        a_clip(picture=True, duration=2, aspectRatio="1:1"),
        a_clip(provider="veo3", prompt="x" * 1001, duration=8),
        a_clip(provider="local", prompt="x" * 1001, duration=11, aspectRatio="1:1"),
    ],
)
def test_film_that_its_vendor_makes_is_taken(nodes: list[dict[str, Any]]) -> None:
    assert problems(*nodes) == {}


def test_prompt_that_the_document_holds_as_an_asset_is_counted() -> None:
    words = {"id": "words", "type": "asset", "asset": {"type": "text", "content": "x" * 1001}}
    (clip,) = a_clip()

    found = problems(words, clip | {"inputs": {"prompt": ["words"]}})

    assert found == {"inputs.prompt": "Runway's API of 2024-11-06 takes prompts of 1000 characters; found 1001"}


def test_prompt_that_is_made_or_uploaded_later_is_not_judged() -> None:
    words = {"id": "words", "type": "asset", "asset": {"type": "text", "source": f"asset:sha256/{'7' * 64}.txt"}}
    (clip,) = a_clip()

    assert problems(words, clip | {"inputs": {"prompt": ["words"]}}) == {}


@pytest.mark.parametrize(("width", "height", "is_made"), [(1280, 720, True), (900, 720, True), (640, 360, False)])
def test_size_that_heygen_does_not_make_is_refused_with_those_that_it_does(
    width: int, height: int, *, is_made: bool
) -> None:
    head = {
        "id": "head",
        "type": "generate-talking-head",
        "inputs": {"audio": ["sound"]},
        "config": {"provider": "heygen", "avatarId": "Anna", "width": width, "height": height},
    }

    found = problems(SOUND, head)

    assert (found == {}) == is_made
    assert is_made or "HeyGen's API v3 makes 1280x720, 1920x1080" in found["config.width"]


def test_value_of_a_wrong_kind_is_told_once() -> None:
    found = problems(*a_clip(prompt="x", duration=True, model=3))

    assert found == {
        "config.duration": "expected a number, found the boolean true",
        "config.model": "expected a string, found the number 3",
    }


class TestExecutors:
    """They ask the vendors, and hold the same numbers: neither may import the other."""

    def test_models_of_runway_are_the_same(self) -> None:
        runway = ANIMATORS["runway"]

        assert runway.most_prompt_units == MAX_PROMPT_UNITS
        assert {
            name: (model.seconds, tuple(model.ratios), tuple(model.ratios_without_picture or ()))
            for name, model in runway_vendor._MODELS.items()
        } == {name: (one.seconds, one.shapes, one.shapes_without_picture) for name, one in runway.models.items()}
        assert [name for name, one in runway.models.items() if one.needs_prompt] == [runway_vendor._NEEDS_PROMPT]
        usual = (runway.usual_with_picture, runway.usual_without)
        assert usual == (runway_vendor._WITH_PICTURE, runway_vendor._WITHOUT)

    def test_models_of_veo_are_the_same(self) -> None:
        veo = ANIMATORS["veo3"]

        assert tuple(veo.models) == veo_vendor._MODELS
        assert {one.seconds for one in veo.models.values()} == {veo_vendor._SECONDS}
        assert {one.shapes for one in veo.models.values()} == {veo_vendor._SHAPES}
        assert veo.usual_without == veo.usual_with_picture == veo_vendor._MODELS[0]

    def test_sizes_of_heygen_are_the_same(self) -> None:
        for width, height in SCREENS["heygen"].sizes():
            shape, resolution = heygen_vendor.picture_format(width, height)
            assert (shape in heygen_vendor._SHAPES, resolution in heygen_vendor._RESOLUTIONS.values()) == (True, True)
        assert len(SCREENS["heygen"].sizes()) == len(heygen_vendor._SHAPES) * len(heygen_vendor._RESOLUTIONS)
