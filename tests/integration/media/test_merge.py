"""merge-videos on real clips."""

from pathlib import Path

import numpy as np
import pytest

from tests.integration.media.clips import (
    film,
    frame_at,
    frame_count,
    level_of,
    make_clip,
    packet_digests,
    rms,
    run_ffmpeg,
    sound_of,
)
from tests.integration.media.conftest import Bench


def test_merge_of_compatible_segments_copies_every_coded_picture(bench: Bench) -> None:
    first = bench.clip("one.mp4", seconds=2, tone_hz=440)
    second = bench.clip("two.mp4", seconds=1, picture="testsrc", tone_hz=880)
    event = bench.event("merge-videos", {"segments": [first, second]})

    merged = bench.film(event)

    originals = packet_digests(bench.folder / "one.mp4") + packet_digests(bench.folder / "two.mp4")
    assert packet_digests(merged) == originals
    assert abs(film(merged).duration - 3) < 0.05
    assert film(merged).is_faststart


def test_merge_of_different_sizes_rates_and_missing_sound_encodes_like_the_first(bench: Bench) -> None:
    first = bench.clip("one.mp4", seconds=2, size="640x360", rate=30, picture="color=red", tone_hz=None)
    second = bench.clip("two.mp4", seconds=1.5, size="240x320", rate=24, picture="color=lime", tone_hz=880)
    third = bench.clip("three.webm", seconds=1, picture="color=blue", tone_hz=660, codec=("-c:v", "libvpx-vp9"))
    event = bench.event("merge-videos", {"segments": [first, second, third]})

    merged = bench.film(event)

    outside = film(merged)
    assert (outside.video_codec, outside.audio_codec, outside.pixel_format) == ("h264", "aac", "yuv420p")
    assert outside.size == (640, 360)
    assert abs(outside.duration - 4.5) < 0.05
    assert frame_count(merged) == 135
    assert frame_at(merged, 1)[180, 320].argmax() == 0
    assert frame_at(merged, 2.5)[180, 320].argmax() == 1
    assert frame_at(merged, 2.5)[180, 100].max() < 20, "a portrait segment has black at its sides"
    assert frame_at(merged, 4)[180, 320].argmax() == 2
    sound = sound_of(merged)
    assert rms(sound, 0.1, 1.9) < 1e-4
    assert level_of(sound, 880, 2.1, 3.4) > 20 * level_of(sound, 660, 2.1, 3.4)
    assert level_of(sound, 660, 3.6, 4.4) > 20 * level_of(sound, 880, 3.6, 4.4)


def test_merge_of_many_segments_keeps_sound_at_its_picture(bench: Bench) -> None:
    # 1.04 s of 44.1 kHz AAC fills no whole number of AAC frames: joining coded sound would drift by 20 ms a cut.
    loud = bench.clip("loud.mp4", seconds=1.04, picture="color=white", tone_hz=1000)
    quiet = bench.clip("quiet.mp4", seconds=1.04, picture="color=black", tone_hz=None)
    # More than one run of FFmpeg prepares, of which each has its limits of memory and files.
    event = bench.event("merge-videos", {"segments": [loud, quiet] * 9})

    merged = bench.film(event)

    assert abs(film(merged).duration - 18 * 1.04) < 0.05
    heard = np.abs(sound_of(merged)[:, 0]) > 0.05
    changes_s = np.flatnonzero(np.diff(np.convolve(heard, np.ones(200), "same") > 0)) / 48_000
    assert len(changes_s) in {17, 18}
    for index, change_s in enumerate(changes_s[-17:], start=1):
        assert change_s == pytest.approx(index * 1.04, abs=0.012)


def test_merge_with_sound_longer_than_pictures_holds_the_last_picture(bench: Bench) -> None:
    first = bench.clip("one.mp4", seconds=1, picture="color=red", tone_seconds=1.6)
    second = bench.clip("two.mp4", seconds=1, picture="color=blue")
    event = bench.event("merge-videos", {"segments": [first, second]})

    merged = bench.film(event)

    assert abs(film(merged).duration - 2.6) < 0.05
    assert frame_at(merged, 1.5)[90, 160].argmax() == 0
    assert frame_at(merged, 1.7)[90, 160].argmax() == 2


def test_merge_with_fade_darkens_at_the_cut_and_keeps_the_length(bench: Bench) -> None:
    segment = bench.clip("one.mp4", seconds=2, picture="color=white")
    event = bench.event("merge-videos", {"segments": [segment, segment]}, transition="fade")

    merged = bench.film(event)

    assert abs(film(merged).duration - 4) < 0.05
    assert frame_at(merged, 0)[90, 160].min() > 230
    assert frame_at(merged, 1)[90, 160].min() > 230
    assert frame_at(merged, 1.96)[90, 160].max() < 60
    assert frame_at(merged, 3.96)[90, 160].min() > 230


def test_merge_with_crossfade_melts_the_segments_together_and_is_shorter_by_that(bench: Bench) -> None:
    red = bench.clip("red.mp4", seconds=3, picture="color=red", tone_hz=440)
    blue = bench.clip("blue.webm", seconds=2, size="160x90", rate=30, picture="color=blue", tone_hz=880,
                      codec=("-c:v", "libvpx-vp9", "-deadline", "realtime"))  # fmt: skip
    silent = bench.clip("silent.mp4", seconds=2, picture="color=lime", tone_hz=None)
    event = bench.event("merge-videos", {"segments": [red, blue, silent]}, transition="crossfade")

    merged = bench.film(event)

    # 0.5 s is 12 whole frames at 25 frames a second, 0.48 s.
    assert frame_count(merged) == 7 * 25 - 2 * 12
    assert abs(film(merged).duration - (7 - 2 * 0.48)) < 0.05
    assert frame_at(merged, 2.48)[90, 160].argmax() == 0
    melting = frame_at(merged, 2.76)[90, 160].astype(int)
    assert melting[0] == pytest.approx(128, abs=40)
    assert melting[2] == pytest.approx(128, abs=40)
    assert frame_at(merged, 3.04)[90, 160].argmax() == 2
    assert frame_at(merged, 4.0)[90, 160].argmax() == 2
    assert frame_at(merged, 4.6)[90, 160].argmax() == 1
    sound = sound_of(merged)
    alone = level_of(sound, 440, 0.5, 2.4)
    assert level_of(sound, 440, 2.74, 2.78) == pytest.approx(alone * 0.7, rel=0.15), "both keep their power"
    assert level_of(sound, 880, 2.74, 2.78) == pytest.approx(level_of(sound, 880, 3.1, 3.9) * 0.7, rel=0.15)
    assert level_of(sound, 440, 3.1, 3.9) < alone / 50
    assert rms(sound, 4.6, 5.9) < 1e-3


@pytest.mark.slow
def test_merge_with_crossfade_from_a_held_picture_keeps_holding_it(bench: Bench) -> None:
    held = bench.clip("held.mp4", seconds=1, picture="color=red", tone_seconds=2.4)
    next_one = bench.clip("next.mp4", seconds=2, picture="color=blue")
    event = bench.event("merge-videos", {"segments": [held, next_one]}, transition="crossfade")

    merged = bench.film(event)

    assert abs(film(merged).duration - (4.4 - 0.48)) < 0.05
    assert frame_at(merged, 1.9)[90, 160].argmax() == 0
    assert frame_at(merged, 2.44)[90, 160].argmax() == 2


def test_merge_of_a_quiet_film_levels_it_by_one_gain(bench: Bench) -> None:
    louder = bench.clip("louder.mp4", volume=0.04)
    softer = bench.clip("softer.mp4", volume=0.02)
    event = bench.event("merge-videos", {"segments": [louder, softer]})

    sound = sound_of(bench.film(event))

    assert rms(sound, 0.2, 1.8) / rms(sound, 2.2, 3.8) == pytest.approx(2, rel=0.1)
    assert 20 * np.log10(rms(sound, 0.2, 1.8) * np.sqrt(2) / 0.04) > 6


def test_merge_of_equal_inputs_makes_equal_bytes(bench: Bench) -> None:
    segments = [bench.clip("one.mp4", seconds=1), bench.clip("two.mp4", seconds=1, size="240x240", rate=30)]
    event = bench.event("merge-videos", {"segments": segments})
    again = bench.event("merge-videos", {"segments": segments})

    assert bench.run(event)["result"]["sha256"] == bench.run(again)["result"]["sha256"]


def test_merge_of_a_rotated_segment_shows_it_upright(bench: Bench) -> None:
    plain = make_clip(bench.folder / "plain.mp4", seconds=1, picture="color=red")
    turned = turn(plain, bench.folder / "turned.mp4")
    event = bench.event("merge-videos", {"segments": [bench.put(plain), bench.put(turned)]})

    merged = bench.film(event)

    assert film(merged).size == (320, 180)
    assert frame_at(merged, 1.5)[90, 20].max() < 20
    assert frame_at(merged, 1.5)[90, 160].argmax() == 0


def turn(source: Path, target: Path) -> Path:
    """The same coded pictures, marked to be shown turned by a quarter."""
    run_ffmpeg("-display_rotation", "90", "-i", str(source), "-c", "copy", str(target))
    return target


@pytest.mark.parametrize("transfer", ["smpte2084", pytest.param("arib-std-b67", marks=pytest.mark.slow)])
def test_merge_of_a_segment_with_high_dynamic_range_shows_its_greys_as_others_do(bench: Bench, transfer: str) -> None:
    # Diffuse white of PQ is 58 % of the signal and of HLG 75 % (ITU-R BT.2408); as plain video it would be a dull grey.
    white = {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer]
    bright = bench.folder / "bright.mp4"
    level = round(64 + white * 876)
    picture = f"color=gray:size=160x90:rate=10:duration=1,format=yuv420p10le,geq=lum={level}:cb=512:cr=512"
    tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:log-level=none"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", tags,
               "-tag:v", "hvc1", str(bright))  # fmt: skip
    plain = bench.clip("plain.mp4", seconds=1, size="160x90", picture="color=black", tone_hz=None)
    event = bench.event("merge-videos", {"segments": [plain, bench.put(bright)]})

    merged = bench.film(event)

    assert film(merged).pixel_format == "yuv420p"
    shown = frame_at(merged, 1.5)[45, 80].astype(int)
    assert shown.min() > 190
    assert shown.max() - shown.min() <= 6, "white has no tint"
