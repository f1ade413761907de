"""compose-video on real clips: looks at the pixels."""

import numpy as np
import pytest

from tests.integration.media.clips import Pixels, film, frame_at, frame_count, level_of, rms, run_ffmpeg, sound_of
from tests.integration.media.conftest import Bench

# On 640x360 the margin is 16 and the overlay of scale 0.3 is 192x108; its radius is an eighth of 108: 14.
MARGIN, WIDTH, HEIGHT, RADIUS = 16, 192, 108, 14


def is_red(pixel: Pixels) -> bool:
    return bool(pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60)


def is_blue(pixel: Pixels) -> bool:
    return bool(pixel[2] > 200 and pixel[0] < 60 and pixel[1] < 60)


def composed(bench: Bench, *, seconds: float = 1, **config: object) -> Pixels:
    """The picture in the middle of a red overlay on a blue background."""
    background = bench.clip("background.mp4", seconds=1, size="640x360", picture="color=blue", tone_hz=None)
    overlay = bench.clip("overlay.mp4", seconds=seconds, picture="color=red", tone_hz=None)
    event = bench.event("compose-video", {"background": [background], "overlay": [overlay]}, **config)
    return frame_at(bench.film(event), 0.5)


def test_compose_without_rounding_fills_the_corner(bench: Bench) -> None:
    picture = composed(bench, rounded=False, position="top-left")

    assert is_red(picture[MARGIN + 2, MARGIN + 2])
    assert is_red(picture[MARGIN + HEIGHT - 3, MARGIN + WIDTH - 3])
    assert is_blue(picture[MARGIN - 3, MARGIN + 50])
    assert is_blue(picture[MARGIN + 50, MARGIN + WIDTH + 2])


def test_compose_with_rounding_shows_the_background_in_smooth_corners(bench: Bench) -> None:
    picture = composed(bench, rounded=True, position="top-left")

    corners = [(MARGIN + 1, MARGIN + 1), (MARGIN + HEIGHT - 2, MARGIN + WIDTH - 2), (MARGIN + 1, MARGIN + WIDTH - 2)]
    assert all(is_blue(picture[corner]) for corner in corners)
    assert is_red(picture[MARGIN + RADIUS, MARGIN + RADIUS])
    assert is_red(picture[MARGIN + 3, MARGIN + WIDTH // 2])
    along_the_top = picture[MARGIN + 1, MARGIN : MARGIN + RADIUS + 4, 0].astype(int)
    assert np.count_nonzero((along_the_top > 40) & (along_the_top < 215)) >= 2, "the edge is not a staircase"


@pytest.mark.parametrize(
    ("position", "row", "column"),
    [
        ("top-left", MARGIN, MARGIN),
        ("top-right", MARGIN, 640 - MARGIN - WIDTH),
        ("bottom-left", 360 - MARGIN - HEIGHT, MARGIN),
        ("bottom-right", 360 - MARGIN - HEIGHT, 640 - MARGIN - WIDTH),
        ("center", (360 - HEIGHT) // 2, (640 - WIDTH) // 2),
    ],
)
def test_compose_at_each_position_puts_the_overlay_there(bench: Bench, position: str, row: int, column: int) -> None:
    picture = composed(bench, rounded=False, position=position)

    red = (picture[:, :, 0] > 128) & (picture[:, :, 2] < 128)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert (rows[0], columns[0]) == pytest.approx((row, column), abs=1)
    assert (len(rows), len(columns)) == pytest.approx((HEIGHT, WIDTH), abs=2)


def test_compose_with_crop_shows_only_that_part(bench: Bench) -> None:
    halves = bench.folder / "halves.mp4"
    left = ("-f", "lavfi", "-i", "color=red:size=160x180:rate=25:duration=1")
    right = ("-f", "lavfi", "-i", "color=lime:size=160x180:rate=25:duration=1")
    run_ffmpeg(*left, *right, "-filter_complex", "hstack", "-pix_fmt", "yuv420p", str(halves))
    background = bench.clip("background.mp4", seconds=1, size="640x360", picture="color=blue", tone_hz=None)
    inputs = {"background": [background], "overlay": [bench.put(halves)]}
    crop = {"cropLeft": 160, "cropTop": 0, "cropWidth": 160, "cropHeight": 90}
    event = bench.event("compose-video", inputs, rounded=False, position="center", scale=0.5, **crop)

    picture = frame_at(bench.film(event), 0.5)

    green = (picture[:, :, 1] > 128) & (picture[:, :, 2] < 128)
    assert not ((picture[:, :, 0] > 128) & (picture[:, :, 1] < 128)).any()
    assert np.count_nonzero(green.any(axis=0)) == pytest.approx(320, abs=2)
    assert np.count_nonzero(green.any(axis=1)) == pytest.approx(180, abs=2)


def test_compose_with_crop_beyond_the_overlay_is_invalid_input(bench: Bench) -> None:
    clip = bench.clip("clip.mp4", seconds=0.2)
    event = bench.event("compose-video", {"background": [clip], "overlay": [clip]}, rounded=True, cropLeft=300,
                        cropWidth=100)  # fmt: skip

    body = bench.run(event)

    assert body["error_type"] == "invalid_input"
    assert "100x180 at left 300, top 0 reaches beyond overlay" in body["error"]
    assert "which is 320x180" in body["error"]


def test_compose_with_shorter_overlay_lets_it_disappear(bench: Bench) -> None:
    background = bench.clip("background.mp4", seconds=3, size="1280x720", picture="color=blue", tone_hz=440)
    overlay = bench.clip("overlay.mp4", seconds=1, picture="color=red", tone_hz=1320)
    event = bench.event("compose-video", {"background": [background], "overlay": [overlay]}, rounded=True)

    result = bench.film(event)

    outside = film(result)
    assert (outside.video_codec, outside.audio_codec, outside.pixel_format) == ("h264", "aac", "yuv420p")
    assert outside.size == (1280, 720)
    assert outside.is_faststart
    assert abs(outside.duration - 3) < 0.05
    assert is_red(frame_at(result, 0.9)[580, 1060])
    assert is_blue(frame_at(result, 1.1)[580, 1060])
    sound = sound_of(result)
    assert level_of(sound, 440, 0.1, 0.9) == pytest.approx(0.25, rel=0.1)
    assert level_of(sound, 1320, 0.1, 0.9) == pytest.approx(0.25, rel=0.1)
    assert level_of(sound, 1320, 1.1, 2.9) < 0.01


def test_compose_with_longer_overlay_ends_with_the_background(bench: Bench) -> None:
    background = bench.clip("background.mp4", seconds=1, size="640x360", rate=30, tone_hz=None)
    overlay = bench.clip("overlay.mp4", seconds=4, tone_hz=None)
    event = bench.event("compose-video", {"background": [background], "overlay": [overlay]}, rounded=False)

    result = bench.film(event)

    assert frame_count(result) == 30
    assert abs(film(result).duration - 1) < 0.05
    assert rms(sound_of(result), 0, 1) < 1e-4


def test_compose_with_portrait_overlay_shrinks_it_into_the_margins(bench: Bench) -> None:
    background = bench.clip("background.mp4", seconds=0.4, size="640x360", picture="color=blue", tone_hz=None)
    overlay = bench.clip("overlay.mp4", seconds=0.4, size="180x640", picture="color=red", tone_hz=None)
    event = bench.event("compose-video", {"background": [background], "overlay": [overlay]}, rounded=False, scale=0.5)

    picture = frame_at(bench.film(event), 0.2)

    red = (picture[:, :, 0] > 128) & (picture[:, :, 2] < 128)
    assert np.count_nonzero(red.any(axis=1)) == pytest.approx(360 - 2 * MARGIN, abs=2)


def test_compose_of_equal_inputs_makes_equal_bytes(bench: Bench) -> None:
    clip = bench.clip("clip.mp4", seconds=1)
    event = bench.event("compose-video", {"background": [clip], "overlay": [clip]}, rounded=True)
    again = bench.event("compose-video", {"background": [clip], "overlay": [clip]}, rounded=True)

    assert bench.run(event)["result"]["sha256"] == bench.run(again)["result"]["sha256"]
