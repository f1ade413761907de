"""Reading of files, on a small clip whose every picture and sample is known."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.e2e.film_graph import corner_of
from tests.e2e.film_media import colours, lumas, pictures_at, probe, sound, top_level_boxes
from tests.e2e.film_pictures import Rectangle
from tests.e2e.film_sound import rms_dbfs

FPS, COUNT = 25, 20


def level_of(number: int) -> int:
    return 40 + 8 * number


@pytest.fixture(name="clip")
def _clip(tmp_path: Path) -> Path:
    """Plain pictures, each a little lighter than the last, and a tone on the left side."""
    return write_clip(tmp_path / "clip.mp4", is_faststart=True)


def write_clip(path: Path, *, is_faststart: bool) -> Path:
    options = {"movflags": "faststart"} if is_faststart else {}
    with av.open(str(path), "w", options=options) as container:
        pictures = container.add_stream("libx264", rate=FPS, options={"crf": "1"})
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sounds = container.add_stream("aac", rate=48_000, layout="stereo")
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(planes(level_of(number)), format="yuv420p")
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(COUNT * 48_000 // FPS) / 48_000)
        samples = np.stack([tone, np.zeros_like(tone)]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.rate = 48_000
        container.mux(sounds.encode(frame))
        container.mux(sounds.encode(None))
    return path


def planes(level: int) -> np.ndarray:
    """A plain grey picture of 64 by 48 as yuv420p."""
    return np.concatenate([np.full((48, 64), level), np.full((24, 64), 128)]).astype(np.uint8)


def test_probe_of_a_clip_states_what_was_written(clip):
    facts = probe(clip)

    assert facts.kinds == ("audio", "video")
    assert facts.video is not None
    assert facts.audio is not None
    assert (facts.video.codec, facts.video.pixel_format, facts.video.fps) == ("h264", "yuv420p", FPS)
    assert (facts.video.width, facts.video.height, facts.video.duration_s) == (64, 48, COUNT / FPS)
    assert (facts.audio.codec, facts.audio.sample_rate, facts.audio.channels) == ("aac", 48_000, 2)


def test_boxes_of_a_file_tell_whether_it_can_start_early(clip, tmp_path):
    late = top_level_boxes(write_clip(tmp_path / "late.mp4", is_faststart=False))
    early = top_level_boxes(clip)

    assert early.index("moov") < early.index("mdat")
    assert late.index("moov") > late.index("mdat")


def test_pictures_of_a_clip_come_in_their_order(clip):
    found = [round(float(picture.mean())) for picture in lumas(clip)]

    assert found == pytest.approx([level_of(number) for number in range(COUNT)], abs=1)
    assert sum(1 for _ in colours(clip)) == COUNT


def test_pictures_at_numbers_are_those_and_no_others(clip):
    found = pictures_at(clip, {3, 17})

    assert {number: round(float(picture.mean())) for number, picture in found.items()} == pytest.approx(
        {3: level_of(3), 17: level_of(17)}, abs=1
    )


def test_pictures_past_the_end_are_missed(clip):
    with pytest.raises(AssertionError, match=r"clip\.mp4 has no pictures \[20\]"):
        pictures_at(clip, {3, COUNT})


def test_sound_of_a_clip_keeps_its_sides_and_levels(clip):
    left, right = sound(clip)

    assert len(left) == pytest.approx(COUNT * 48_000 / FPS, abs=2048)
    # A sine has its peak 3 dB above its mean; the encoder fades in and out at the very ends.
    assert rms_dbfs(left[4800:24000]) == pytest.approx(-9.03, abs=0.2)
    assert rms_dbfs(right) < -60


def test_corner_of_a_small_picture_keeps_its_shape_and_a_margin():
    square = Rectangle(left=368, top=128, width=544, height=544)

    low = corner_of(1280, 720, crop=square, scale=0.2, position="bottom-right")
    high = corner_of(1280, 720, crop=square, scale=0.2, position="top-left")

    assert low == Rectangle(left=992, top=432, width=256, height=256)
    assert high == Rectangle(left=32, top=32, width=256, height=256)
