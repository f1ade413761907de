"""What a fetched file is, by its bytes."""

from pathlib import Path

import pytest

from executor_service.executors.fetch_asset import recognise
from executor_service.task import ErrorType, GiveUp, MediaType


@pytest.mark.parametrize(
    ("content", "wanted", "content_type", "suffix"),
    [
        (b"\0\0\0\x20ftypisom....", MediaType.VIDEO, "video/mp4", ".mp4"),
        (b"\0\0\0\x20ftypM4A ....", MediaType.AUDIO, "audio/mp4", ".m4a"),
        (b"\0\0\0\x20ftypqt  ....", MediaType.VIDEO, "video/quicktime", ".mov"),
        (b"\x1a\x45\xdf\xa3....", MediaType.VIDEO, "video/webm", ".webm"),
        (b"RIFF....WAVEfmt ", MediaType.AUDIO, "audio/wav", ".wav"),
        (b"RIFF....WEBPVP8 ", MediaType.IMAGE, "image/webp", ".webp"),
        (b"ID3\x04....", MediaType.AUDIO, "audio/mpeg", ".mp3"),
        (b"\xff\xfb\x90\x00", MediaType.AUDIO, "audio/mpeg", ".mp3"),
        (b"\x89PNG\r\n\x1a\n....", MediaType.IMAGE, "image/png", ".png"),
        (b"\xff\xd8\xff\xe0....", MediaType.IMAGE, "image/jpeg", ".jpg"),
        ("Grüße".encode(), MediaType.TEXT, "text/plain", ".txt"),
        (b'{"a": [1]}', MediaType.JSON, "application/json", ".json"),
    ],
)
def test_file_of_a_known_kind_is_recognised(
    tmp_path: Path, content: bytes, wanted: MediaType, content_type: str, suffix: str
) -> None:
    (tmp_path / "file").write_bytes(content)

    found = recognise(tmp_path / "file", wanted)

    assert (found.content_type, found.suffix) == (content_type, suffix)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", MediaType.TEXT),
        (b"<html>not found</html>", MediaType.VIDEO),
        (b"#EXTM3U\nfile:///etc/passwd", MediaType.VIDEO),
        (b"ffconcat version 1.0\nfile /etc/passwd", MediaType.VIDEO),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", MediaType.IMAGE),
        (b"push graphic-context", MediaType.IMAGE),
        (b"\x89PNG\r\n\x1a\n....", MediaType.VIDEO),
        (b"\0\0\0\x20ftypavif....", MediaType.IMAGE),
        (b"{not json", MediaType.JSON),
        (b"[" * 100_000, MediaType.JSON),
        (b"\xff\xfe\x00", MediaType.TEXT),
        (b"text with \0", MediaType.TEXT),
    ],
)
def test_file_that_is_not_what_the_node_says_gives_up(tmp_path: Path, content: bytes, wanted: MediaType) -> None:
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(GiveUp) as caught:
        recognise(tmp_path / "file", wanted)

    assert caught.value.failure.error_type is ErrorType.MEDIA_MISMATCH
