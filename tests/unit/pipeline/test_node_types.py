"""What the node types say, held against those who do the work and against each other."""

from typing import Any

import pytest

from executor_service.executors import compose_video as compose_executor
from executor_service.executors import mix_audio as mix_executor
from executor_service.integrations.local import animation, code_screen, looks, voice
from executor_service.integrations.local.errors import LocalVendorError
from executor_service.integrations.local.film import Picture
from media_lambda.event import MixMode, Position, Transition
from pipeline_service.domain.document import read_document
from pipeline_service.domain.node_types import NodeType, build_catalogue
from pipeline_service.domain.states import MediaType
from tests.factories import a_document

CATALOGUE = build_catalogue()
GENERATING = ("generate-voiceover", "generate-talking-head", "generate-animation", "render-code")
SOURCES: dict[MediaType, tuple[str, ...]] = {
    kind: (f"asset-of-{kind}", *(name for name, one in CATALOGUE.items() if one.makes is kind)) for kind in MediaType
}
"""Everything that yields a kind of material."""
EVERY_PAIR = [
    (node_type.name, slot, kind, source)
    for node_type in CATALOGUE.values()
    for slot in node_type.slots
    for kind, sources in SOURCES.items()
    for source in sources
]


def field_of(node_type: str, field: str) -> Any:
    return CATALOGUE[node_type].fields[field]


def problems(*nodes: dict[str, Any]) -> dict[str, str]:
    _, violations = read_document(a_document(*nodes), CATALOGUE)
    return {violation.field: violation.description for violation in violations}


def test_names_of_the_local_vendor_are_those_that_its_code_knows() -> None:
    assert field_of("generate-voiceover", "voiceId").allowed_by_provider == {"local": tuple(voice.voices())}
    assert field_of("generate-talking-head", "avatarId").allowed_by_provider == {"local": tuple(looks.looks())}
    assert field_of("render-code", "theme").allowed_by_provider == {"local": code_screen.THEMES}
    assert field_of("generate-animation", "aspectRatio").allowed == tuple(animation.frame_sizes())


def test_choices_of_the_media_function_are_those_that_its_code_knows() -> None:
    assert field_of("mix-audio", "mode").allowed == tuple(MixMode) == mix_executor.MODES
    assert field_of("compose-video", "position").allowed == tuple(Position) == compose_executor.POSITIONS
    assert field_of("merge-videos", "transition").allowed == tuple(Transition)


@pytest.mark.parametrize("node_type", ["generate-talking-head", "render-code"])
@pytest.mark.parametrize("field", ["width", "height"])
def test_sides_of_a_picture_end_where_the_local_vendor_ends(node_type: str, field: str) -> None:
    side = field_of(node_type, field)

    Picture(**{"width": 128, "height": 128, field: int(side.minimum)}, fps=25)
    Picture(**{"width": 128, "height": 128, field: int(side.maximum)}, fps=25)
    with pytest.raises(LocalVendorError):
        Picture(**{"width": 128, "height": 128, field: int(side.maximum) + side.multiple_of}, fps=25)
    with pytest.raises(LocalVendorError):
        Picture(**{"width": 128, "height": 128, field: int(side.maximum) - 1}, fps=25)


@pytest.mark.parametrize("node_type", CATALOGUE.values(), ids=lambda node_type: node_type.name)
def test_node_type_says_everything_that_a_form_needs(node_type: NodeType) -> None:
    assert node_type.description.endswith(".")
    for slot in node_type.slots.values():
        assert slot.accepts
        assert slot.description.endswith(".")
        assert slot.multiple == (slot.max_count > 1)
        assert slot.min_count <= slot.max_count
    for name, field in node_type.fields.items():
        assert field.description.endswith("."), name
        assert not (field.required and field.default is not None), name
        assert field.default is None or not field.allowed or field.default in field.allowed, name
        assert set(field.allowed_by_provider) <= set(node_type.queues), name
        assert not set(field.refused) & set(field.allowed), name


@pytest.mark.parametrize("node_type", CATALOGUE.values(), ids=lambda node_type: node_type.name)
def test_node_type_asks_for_a_provider_exactly_when_it_has_any(node_type: NodeType) -> None:
    providers = tuple(name for name in node_type.queues if name)

    assert ("provider" in node_type.fields) == bool(providers)
    if providers:
        assert node_type.fields["provider"].allowed == providers
        assert node_type.fields["provider"].required


@pytest.mark.parametrize(
    ("node_type", "provider", "why"),
    [
        ("generate-animation", "stability", "was retired by its vendor"),
    ],
)
def test_vendor_that_cannot_be_had_is_refused_with_the_reason_and_the_others(
    node_type: str, provider: str, why: str
) -> None:
    found = problems({"id": "a", "type": node_type, "title": "A", "config": {"provider": provider}})

    others = ", ".join(f"'{one}'" for one in CATALOGUE[node_type].queues)
    assert found["nodes[0].config.provider"] == f"'{provider}' {why}; expected one of {others}"


@pytest.mark.parametrize(
    ("node_type", "config", "field", "words"),
    [
        ("generate-voiceover", {"voiceId": "narator"}, "voiceId", "found 'narator'; did you mean 'narrator'?"),
        ("generate-voiceover", {"text": "x" * 20_001}, "text", "expected at most 20000 characters, found 20001"),
        ("generate-talking-head", {"avatarId": "anna"}, "avatarId", "'linden' of 'local', found 'anna'"),
        ("generate-talking-head", {}, "avatarId", "one of 'rowan', 'juniper', 'maple', 'linden'"),
        (
            "generate-voiceover",
            {"provider": "elevenlabs"},
            "voiceId",
            "with 'elevenlabs' needs the config field 'voiceId'",
        ),
        ("render-code", {"theme": "solarized"}, "theme", "expected one of 'dark', 'light' of 'local'"),
        ("render-code", {"width": 1281}, "width", "expected an even number, found 1281"),
        ("render-code", {"height": 3842}, "height", "expected at most 3840, found 3842"),
    ],
)
def test_value_that_the_vendor_would_refuse_is_refused_before_anything_runs(
    node_type: str, config: dict[str, Any], field: str, words: str
) -> None:
    found = problems({"id": "a", "type": node_type, "title": "A", "config": {"provider": "local"} | config})

    assert words in found[f"nodes[0].config.{field}"]


def test_name_of_another_vendor_is_not_held_against_the_local_ones() -> None:
    config = {"provider": "heygen", "avatarId": "Angela-inblackskirt-20220820"}

    found = problems({"id": "a", "type": "generate-talking-head", "config": config})

    assert "nodes[0].config.avatarId" not in found


@pytest.mark.parametrize(("node_type", "slot", "kind", "source"), EVERY_PAIR)
def test_slot_takes_the_material_that_it_names_and_no_other(
    node_type: str, slot: str, kind: MediaType, source: str
) -> None:
    accepts = CATALOGUE[node_type].slots[slot].accepts

    found = problems(a_source("s", kind, source), {"id": "n", "type": node_type, "inputs": {slot: ["s"]}})

    words = f"takes {' or '.join(accepts)}, but node 's' makes {kind}"
    assert (words in found.get(f"nodes[1].inputs.{slot}", "")) == (kind not in accepts)


def a_source(node_id: str, kind: MediaType, source: str) -> dict[str, Any]:
    """A node that yields a kind of material; what else is wrong with it does not matter."""
    if source.startswith("asset-of-"):
        return {"id": node_id, "type": "asset", "asset": {"type": kind, "source": f"asset:sha256/{'0' * 64}.bin"}}
    return {"id": node_id, "type": source}
