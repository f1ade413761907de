"""Documents on their way into the service."""

import hashlib
from pathlib import Path

import grpc
import pytest

from montage_cli.client import MontageClient
from montage_cli.errors import MontageError
from montage_cli.importing import ImportOptions, import_document
from montage_cli.problems import InvalidDocument
from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.fake_store import FakeStore

DOCUMENT = """\
id: welcome
nodes:
  - id: music
    type: asset
    asset: {type: audio, source: assets/music.wav}
  - id: again
    type: asset
    asset:
      type: audio
      source: assets/music.wav
  - id: web
    type: asset
    asset: {type: video, source: https://example.com/a.mp4}
  - id: film
    type: mix-audio
    inputs: {audio: [music], video: [web]}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "music.wav").write_bytes(b"music")
    path = tmp_path / "pipeline.yaml"
    path.write_text(DOCUMENT)
    return path


def replace_in(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


async def test_import_uploads_each_file_once_and_names_it_by_its_checksum(
    client: MontageClient, service: FakeService, store: FakeStore, document: Path
) -> None:
    imported = await import_document(client, document, options=ImportOptions())

    source = f"asset:sha256/{hashlib.sha256(b'music').hexdigest()}.wav"
    (sent,) = service.documents
    assert [node.get("asset", {}).get("source") for node in sent["nodes"]] == [
        source,
        source,
        "https://example.com/a.mp4",
        None,
    ]
    assert store.puts == 1
    assert imported.answer.pipeline.name == "pipelines/welcome"


async def test_import_problems_of_files_and_of_the_service_are_told_together(
    client: MontageClient, service: FakeService, store: FakeStore, document: Path
) -> None:
    replace_in(document, "      source: assets/music.wav", "      source: ../secret.wav")
    service.violations = [
        ("nodes[3].inputs.audio", "no node 'musik'; did you mean 'music'?"),
        ("nodes[3].config.provider", "'mix-audio' needs the config field 'provider'"),
        ("nodes[1].asset.source", "not uploaded"),
    ]

    with pytest.raises(InvalidDocument) as caught:
        await import_document(client, document, options=ImportOptions())

    assert str(caught.value) == (
        f"{document} has 3 problems; nothing was created:\n"
        "  nodes[1].asset.source, line 10: '../secret.wav' leads out of the document's folder: '..' is not allowed\n"
        "  nodes[3].config.provider, line 14: 'mix-audio' needs the config field 'provider'\n"
        "  nodes[3].inputs.audio, line 16: no node 'musik'; did you mean 'music'?"
    )
    assert service.documents == []
    assert store.puts == 0


async def test_import_the_services_opinion_of_stand_ins_does_not_count(
    client: MontageClient, service: FakeService, document: Path
) -> None:
    service.violations = [("nodes[0].asset.source", "not uploaded")]

    await import_document(client, document, options=ImportOptions(validate_only=True))

    assert service.calls["ImportPipeline"] == 1


async def test_import_file_problems_are_told_even_when_nobody_else_can_be_asked(
    client: MontageClient, service: FakeService, document: Path
) -> None:
    (document.parent / "assets" / "music.wav").unlink()
    service.faults.answers["ImportPipeline"] = [grpc.StatusCode.PERMISSION_DENIED]

    with pytest.raises(InvalidDocument) as caught:
        await import_document(client, document, options=ImportOptions())

    assert len(caught.value.problems) == 2
    assert "The service could not check the rest" in str(caught.value)


async def test_import_problem_that_shows_only_at_the_end_has_its_line_too(
    client: MontageClient, service: FakeService, document: Path
) -> None:
    (document.parent / "assets" / "music.wav").write_bytes(b"other")
    service.violations_at_the_end = [("document.nodes[0].asset.source", "is no sound")]

    with pytest.raises(InvalidDocument, match=r"nodes\[0\]\.asset\.source, line 5: is no sound"):
        await import_document(client, document, options=ImportOptions())


async def test_import_check_changes_nothing(
    client: MontageClient, service: FakeService, store: FakeStore, document: Path
) -> None:
    imported = await import_document(client, document, options=ImportOptions(validate_only=True))

    assert list(imported.answer.added_nodes) == ["music", "again", "web", "film"]
    assert (service.documents, store.puts) == ([], 0)


async def test_import_without_admission_is_no_problem_of_the_document(
    client: MontageClient, service: FakeService, document: Path
) -> None:
    service.faults.answers["ImportPipeline"] = [grpc.StatusCode.PERMISSION_DENIED]

    with pytest.raises(MontageError):
        await import_document(client, document, options=ImportOptions())


async def test_only_bytes_that_were_sent_are_told_as_uploaded(client: MontageClient, document: Path) -> None:
    told: list[tuple[str, int]] = []

    async def import_() -> None:
        await import_document(
            client,
            document,
            options=ImportOptions(),
            on_upload=lambda file, done: told.append((file.path.name, done)),
        )

    await import_()
    first, told = told, []
    await import_()

    assert first == [("music.wav", 5)]
    assert told == []
