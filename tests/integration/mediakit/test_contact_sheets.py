"""Twelve frames of a film, as they are drawn for the executor and for the media function."""

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from executor_service.integrations import contact_sheet
from mediakit.contact_sheet import NoPictures, draw_contact_sheet
from tests.integration.media.clips import frame_at, run_ffmpeg

MARGIN = 4


def a_film(path: Path, *, seconds: float, size: str = "320x180", rate: int = 10, gop: int = 250) -> Path:
    """It goes from black to white, so that a frame's grey tells its moment."""
    grey = f"color=gray:size={size}:rate={rate}:duration={seconds},geq=lum='16+219*T/{seconds}':cb=128:cr=128"
    run_ffmpeg("-f", "lavfi", "-i", grey, "-c:v", "libx264", "-preset", "ultrafast", "-g", str(gop), str(path))
    return path


def sheet_of(film: Path) -> Image.Image:
    return Image.open(io.BytesIO(draw_contact_sheet(film, demuxer="mov")))


def greys(sheet: Image.Image, *, width: int, height: int) -> NDArray[np.float64]:
    """The middle of each cell, row by row."""
    pixels = np.asarray(sheet.convert("L"), dtype=np.float64)
    rows = [MARGIN + height // 2 + row * (height + MARGIN) for row in range(3)]
    columns = [MARGIN + width // 2 + column * (width + MARGIN) for column in range(4)]
    return np.array([pixels[row - 4 : row + 4, column - 4 : column + 4].mean() for row in rows for column in columns])


def test_sheet_shows_the_middle_of_each_twelfth(tmp_path: Path) -> None:
    film = a_film(tmp_path / "film.mp4", seconds=2.4)

    sheet = sheet_of(film)

    assert sheet.format == "JPEG"
    assert sheet.size == (4 * 320 + 5 * MARGIN, 3 * 180 + 4 * MARGIN)
    moments = [Fraction(24, 10) * (2 * index + 1) / 24 for index in range(12)]
    expected = [frame_at(film, float(moment))[90, 160].mean() for moment in moments]
    assert greys(sheet, width=320, height=180) == pytest.approx(expected, abs=6)


def test_sheet_of_a_film_with_many_key_frames_shows_those(tmp_path: Path) -> None:
    film = a_film(tmp_path / "film.mp4", seconds=24, rate=5, gop=5)

    found = greys(sheet_of(film), width=320, height=180)

    # Each moment is at 1 s, 3 s, …, where a key frame lies.
    expected = [frame_at(film, 2.0 * index + 1)[90, 160].mean() for index in range(12)]
    assert found == pytest.approx(expected, abs=6)


def test_sheet_of_a_film_with_fewer_frames_repeats_some(tmp_path: Path) -> None:
    found = greys(sheet_of(a_film(tmp_path / "film.mp4", seconds=0.3)), width=320, height=180)

    assert len(set(found.round())) == 3
    assert list(found) == sorted(found)


def test_sheet_of_a_portrait_that_is_marked_as_turned_is_upright(tmp_path: Path) -> None:
    lying, turned = tmp_path / "lying.mp4", tmp_path / "turned.mp4"
    halves = "color=red:size=160x180:rate=10:duration=1[a];color=blue:size=160x180:rate=10:duration=1[b];[a][b]hstack"
    run_ffmpeg("-f", "lavfi", "-i", halves, "-c:v", "libx264", "-preset", "ultrafast", str(lying))
    run_ffmpeg("-display_rotation", "90", "-i", str(lying), "-c", "copy", str(turned))

    sheet = sheet_of(turned)

    assert sheet.size == (4 * 180 + 5 * MARGIN, 3 * 320 + 4 * MARGIN)
    pixels = np.asarray(sheet.convert("RGB"))
    # Turned against the clock, the right half is on top.
    assert pixels[MARGIN + 20, MARGIN + 90].argmax() == 2
    assert pixels[MARGIN + 300, MARGIN + 90].argmax() == 0


def test_sheet_of_a_film_with_fewer_key_frames_shows_each_moment(tmp_path: Path) -> None:
    film = a_film(tmp_path / "film.mp4", seconds=12, rate=5, gop=10)

    found = greys(sheet_of(film), width=320, height=180)

    # Each of the six key frames has two moments behind it.
    expected = [frame_at(film, index + 0.5)[90, 160].mean() for index in range(12)]
    assert found == pytest.approx(expected, abs=6)


async def test_film_without_a_picture_has_no_sheet(tmp_path: Path) -> None:
    sound, garbage = tmp_path / "sound.mp4", tmp_path / "garbage.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(sound))
    garbage.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 40)

    for film in (sound, garbage):
        assert await contact_sheet.draw(film) is None
        with pytest.raises(NoPictures):
            draw_contact_sheet(film, demuxer="mov")


async def test_executor_draws_in_a_child_what_is_drawn_here(tmp_path: Path) -> None:
    film = a_film(tmp_path / "film.mp4", seconds=0.3)

    assert await contact_sheet.draw(film) == draw_contact_sheet(film, demuxer="mov")
