"""The published JSON Schema: as the code makes it, right about every document, and as strict as it can be."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from montage_cli.document import read_document as read_file
from pipeline_service.domain.document import read_document
from pipeline_service.domain.document.schema import document_schema
from pipeline_service.domain.node_types import build_catalogue
from tests.drawn_documents import documents
from tests.factories import a_document

ROOT = Path(__file__).parents[3]
CATALOGUE = build_catalogue()
SCHEMA = json.loads((ROOT / "docs" / "pipeline.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
WITH_TEST_TYPES = jsonschema.Draft7Validator(document_schema(build_catalogue(with_test_types=True)))
DOCUMENTS = [
    *sorted(ROOT.glob("examples/*/pipeline.yaml")),
    ROOT / "montage_cli" / "starter" / "pipeline.yaml",
    ROOT / "tests" / "documents" / "uuid_style" / "pipeline.json",
]
VOICE = {"id": "voice", "type": "generate-voiceover", "title": "Hello", "config": {"provider": "local"}}
HEAD = {
    "id": "head",
    "type": "generate-talking-head",
    "inputs": {"audio": "voice"},
    "config": {"provider": "local", "avatarId": "rowan"},
}
ASSET = {"id": "a", "type": "asset", "asset": {"type": "text", "content": "Hello"}}
LABELS = {f"k{number}": "" for number in range(65)}


def is_good(raw: Any) -> bool:
    return bool(VALIDATOR.is_valid(raw))


def test_published_schema_is_that_of_the_node_types() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    assert document_schema(CATALOGUE) == SCHEMA, "bin/gen writes docs/pipeline.schema.json anew"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.parent.name)
def test_document_of_the_repository_fits_the_schema(path: Path) -> None:
    raw = read_file(path).value

    assert [error.message for error in VALIDATOR.iter_errors(raw)] == []


@pytest.mark.parametrize(
    "raw",
    [
        a_document(VOICE, HEAD),
        a_document(ASSET | {"config": {}, "inputs": {}}),
        a_document(ASSET | {"labels": {"team": "red"}}) | {"labels": {}},
        a_document(ASSET | {"asset": {"type": "json", "content": [1, None]}}),
    ],
)
def test_good_document_fits_schema_and_service(raw: dict[str, Any]) -> None:
    assert read_document(raw, CATALOGUE)[1] == ()
    assert is_good(raw)


@settings(deadline=None)
@given(documents())
def test_any_good_document_fits_the_schema_of_its_types(raw: dict[str, Any]) -> None:
    errors = [error.message for error in WITH_TEST_TYPES.iter_errors(raw)]

    assert read_document(raw, build_catalogue(with_test_types=True))[1] == ()
    assert errors == []


@pytest.mark.parametrize(
    "raw",
    [
        {"id": "film"},
        {"nodes": [VOICE]},
        a_document(),
        a_document(VOICE) | {"id": "Film"},
        a_document(VOICE) | {"nodez": []},
        a_document(VOICE) | {"config": {"storage": {"buckt": "x"}}},
        a_document(VOICE) | {"labels": {"Team": "red"}},
        a_document(VOICE | {"labels": {"team": "a b"}}),
        a_document(VOICE | {"labels": LABELS}),
        a_document(VOICE | {"type": "generate-voice"}),
        a_document({"type": "asset", "asset": ASSET["asset"]}),
        a_document(VOICE | {"config": {}}),
        a_document({key: VOICE[key] for key in ("id", "type", "title")}),
        a_document(VOICE | {"config": {"provider": "elevenlabs"}}),
        a_document(VOICE | {"config": {"provider": "local", "voiceID": "x"}}),
        a_document(VOICE | {"config": {"provider": "local", "voiceId": "nobody"}}),
        a_document(VOICE | {"config": {"provider": "local", "stability": 2}}),
        a_document(VOICE | {"config": {"provider": "local", "stability": True}}),
        a_document(VOICE | {"config": {"provider": "local", "text": "x" * 20_001}}),
        a_document(VOICE | {"asset": ASSET["asset"]}),
        a_document(VOICE, HEAD | {"inputs": {}}),
        a_document(VOICE, {key: HEAD[key] for key in ("id", "type", "config")}),
        a_document(VOICE, HEAD | {"inputs": {"audio": ["voice", "voice"]}}),
        a_document(VOICE, HEAD | {"inputs": {"audio": "voice", "sound": "voice"}}),
        a_document(VOICE, HEAD | {"config": {**HEAD["config"], "width": 1281}}),  # type: ignore[dict-item]
        a_document({"id": "m", "type": "merge-videos", "inputs": {"segments": "a"}, "config": {"provider": "ffmpeg"}}),
        a_document(ASSET | {"asset": {"type": "text"}}),
        a_document(ASSET | {"asset": {"type": "text", "content": "x", "source": "x.txt"}}),
        a_document(ASSET | {"asset": {"type": "text", "content": 5}}),
        a_document(ASSET | {"asset": {"type": "image", "content": "x"}}),
        a_document({"id": "a", "type": "asset"}),
    ],
)
def test_document_that_the_service_refuses_for_one_place_does_not_fit_the_schema(raw: dict[str, Any]) -> None:
    assert read_document(raw, CATALOGUE)[1]
    assert not is_good(raw)
