"""Files that a document may name, and those that it may not."""

import hashlib
import os
from pathlib import Path

import pytest

from montage_cli.assets import UnusableAsset, content_type, local_sources, locate, placeholder, read_asset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A document's folder, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    inside = tmp_path / "film"
    (inside / "assets").mkdir(parents=True)
    (inside / "assets" / "music.wav").write_bytes(b"RIFF")
    return inside


def refusal_of(source: str, folder: Path) -> str:
    with pytest.raises(UnusableAsset) as caught:
        locate(source, folder=folder)
    return str(caught.value)


def test_locate_file_below_the_document_is_found(folder: Path) -> None:
    assert locate("assets/music.wav", folder=folder) == folder / "assets" / "music.wav"
    assert locate("./assets/music.wav", folder=folder) == folder / "assets" / "music.wav"


def test_locate_missing_file_suggests_a_near_one(folder: Path) -> None:
    found = refusal_of("assets/musik.wav", folder)

    assert found == "no file 'assets/musik.wav' beside the document; did you mean 'music.wav'?"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/etc/hosts", "found the absolute"),
        ("~/music.wav", "found the absolute"),
        ("../secret.txt", "'..' is not allowed"),
        ("assets/../../secret.txt", "'..' is not allowed"),
        ("assets/../assets/music.wav", "'..' is not allowed"),
        ("..\\secret.txt", "'..' is not allowed"),
        ("http://example.com/a.mp4", "https URL; found 'http://"),
        ("file:///etc/hosts", "https URL; found 'file:"),
        ("s3://bucket/key", "https URL; found 's3:"),
        ("HTTPS://example.com/a.mp4", "https URL; found 'HTTPS:"),
        ("C:\\film\\a.mp4", "https URL; found 'C:"),
        ("", "empty or damaged"),
        ("a\x00b", "empty or damaged"),
        ("assets", "is a folder"),
        ("assets/music.wav/x", "no file"),
    ],
)
def test_locate_path_that_is_not_allowed_is_refused(folder: Path, source: str, words: str) -> None:
    assert words in refusal_of(source, folder)


def test_locate_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "assets" / "link.txt").symlink_to(folder.parent / "secret.txt")

    assert "leads out of the document's folder" in refusal_of("assets/link.txt", folder)


def test_locate_folder_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "up").symlink_to(folder.parent)

    assert "leads out of the document's folder" in refusal_of("up/secret.txt", folder)


def test_locate_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "theme.wav").symlink_to("assets/music.wav")

    assert locate("theme.wav", folder=folder) == folder / "assets" / "music.wav"


def test_locate_circular_link_is_refused(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")

    assert "cannot read 'loop'" in refusal_of("loop", folder)


def test_locate_pipe_is_refused_without_waiting_for_its_writer(folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    assert refusal_of("pipe", folder) == "'pipe' is not a regular file"


def test_locate_empty_file_is_refused(folder: Path) -> None:
    (folder / "nothing.txt").touch()

    assert "has 0 bytes" in refusal_of("nothing.txt", folder)


def test_locate_document_reached_by_a_link_means_its_own_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)

    assert locate("assets/music.wav", folder=tmp_path / "alias") == folder / "assets" / "music.wav"


def test_local_sources_leaves_uploaded_bytes_and_urls_alone() -> None:
    document = {
        "nodes": [
            {"asset": {"source": "a.wav"}},
            {"asset": {"source": "asset:sha256/00.wav"}},
            {"asset": {"source": "https://example.com/a.wav"}},
            {"asset": {"content": "text"}},
            {"asset": {"source": 3}},
            {"asset": None},
            "node",
            {"asset": {"source": "ftp://example.com/a.wav"}},
        ]
    }

    assert [source.place for source in local_sources(document)] == ["nodes[0].asset.source", "nodes[7].asset.source"]
    assert list(local_sources({"nodes": "x"})) == []


def test_read_asset_knows_length_checksum_and_kind(tmp_path: Path) -> None:
    content = os.urandom(2_500_000)
    path = tmp_path / "a.wav"
    path.write_bytes(content)

    file = read_asset(path)

    assert file.size_bytes == 2_500_000
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.content_type == "audio/wav"


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.mp4", b"", "video/mp4"),
        ("A.PNG", b"", "image/png"),
        ("a.m4a", b"", "audio/mp4"),
        ("script.txt", b"", "text/plain"),
        ("a.md", b"", "text/markdown"),
        ("scene.json", b"", "application/json"),
        ("noext", b"\x89PNG\r\n\x1a\nrest", "image/png"),
        ("noext", b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        ("noext", "Grüße".encode(), "text/plain"),
        ("noext", b"\x00\x01\xff", "application/octet-stream"),
    ],
)
def test_content_type_by_name_else_by_content(name: str, head: bytes, kind: str) -> None:
    assert content_type(Path(name), head) == kind


def test_placeholder_keeps_the_extension() -> None:
    assert placeholder("a/b.MP4") == f"asset:sha256/{'0' * 64}.mp4"
    assert placeholder("a/b") == f"asset:sha256/{'0' * 64}.bin"
