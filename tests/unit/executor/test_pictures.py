"""Pictures that travel in a request: as they are where they fit, smaller where they do not."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from executor_service.integrations.pictures import data_uri
from executor_service.task import ErrorType, GiveUp


def a_noisy_picture(path: Path, side: int) -> Path:
    """One that no format makes small."""
    Image.effect_noise((side, side), 80).convert("RGB").save(path)
    return path


def pixels_of(uri: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size


def test_picture_that_fits_is_handed_over_as_it_is(tmp_path: Path) -> None:
    path = a_noisy_picture(tmp_path / "a.png", 32)

    uri = data_uri(path, content_type="image/png", max_chars=100_000)

    assert uri.startswith("data:image/png;base64,")
    assert base64.b64decode(uri.partition(",")[2]) == path.read_bytes()


def test_picture_that_is_too_large_is_drawn_smaller(tmp_path: Path) -> None:
    path = a_noisy_picture(tmp_path / "a.png", 2500)

    uri = data_uri(path, content_type="image/png", max_chars=3_000_000)

    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) <= 3_000_000
    width, height = pixels_of(uri)
    assert width == height < 2500


def test_picture_of_another_kind_becomes_a_jpeg(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.gif")

    uri = data_uri(tmp_path / "a.gif", content_type="image/gif", max_chars=100_000)

    assert (uri.partition(",")[0], pixels_of(uri)) == ("data:image/jpeg;base64", (20, 10))


@pytest.mark.parametrize(
    ("max_chars", "content", "error_type"),
    [(1_000, None, ErrorType.INVALID_INPUT), (100_000, b"no picture", ErrorType.MEDIA_MISMATCH)],
)
def test_what_cannot_be_made_to_fit_gives_up(
    tmp_path: Path, max_chars: int, content: bytes | None, error_type: ErrorType
) -> None:
    path = a_noisy_picture(tmp_path / "a.png", 1100)
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(GiveUp) as given_up:
        data_uri(path, content_type="image/gif", max_chars=max_chars)

    assert given_up.value.failure.error_type is error_type
