"""mix-audio on real clips: what is heard, and that pictures are only copied."""

import numpy as np
import pytest

from tests.integration.media.clips import film, level_of, make_tone, packet_digests, rms, run_ffmpeg, sound_of
from tests.integration.media.conftest import Bench

OWN_HZ = 440
ADDED_HZ = 1320


def added(bench: Bench, *, seconds: float, name: str = "added.mp3") -> str:
    return bench.put(make_tone(bench.folder / name, seconds=seconds, hz=ADDED_HZ))


def test_mix_with_replace_drops_the_own_sound_and_copies_pictures(bench: Bench) -> None:
    video = bench.clip("video.mp4", seconds=3, tone_hz=OWN_HZ)
    event = bench.event("mix-audio", {"video": [video], "audio": [added(bench, seconds=1.5)]})

    mixed = bench.film(event)

    sound = sound_of(mixed)
    assert packet_digests(mixed) == packet_digests(bench.folder / "video.mp4")
    assert abs(film(mixed).duration - 3) < 0.05
    assert level_of(sound, ADDED_HZ, 0.2, 1.3) == pytest.approx(0.25, rel=0.1)
    assert level_of(sound, OWN_HZ, 0.2, 1.3) < 0.005
    assert rms(sound, 1.7, 2.9) < 1e-3, "a shorter sound is followed by silence"


def test_mix_with_mix_adds_at_the_wanted_volume(bench: Bench) -> None:
    video = bench.clip("video.mp4", seconds=3, tone_hz=OWN_HZ)
    inputs = {"video": [video], "audio": [added(bench, seconds=1.5, name="added.wav")]}
    event = bench.event("mix-audio", inputs, mode="mix", audioVolume=0.4)

    sound = sound_of(bench.film(event))

    assert level_of(sound, OWN_HZ, 0.2, 1.3) == pytest.approx(0.25, rel=0.1)
    assert level_of(sound, ADDED_HZ, 0.2, 1.3) == pytest.approx(0.1, rel=0.1)
    assert level_of(sound, OWN_HZ, 1.7, 2.9) == pytest.approx(0.25, rel=0.1), "the own sound goes on alone"


def test_mix_with_duck_lowers_the_added_sound_while_the_own_is_heard(bench: Bench) -> None:
    speech = bench.folder / "speech.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6")
    voice = ("-f", "lavfi", "-i", f"aevalsrc='0.5*sin(2*PI*{OWN_HZ}*t)*between(t,2,4)':d=6:s=48000")
    run_ffmpeg(*picture, *voice, "-pix_fmt", "yuv420p", str(speech))
    event = bench.event("mix-audio", {"video": [bench.put(speech)], "audio": [added(bench, seconds=6)]}, mode="duck")

    sound = sound_of(bench.film(event))

    alone, beneath = level_of(sound, ADDED_HZ, 0.2, 1.8), level_of(sound, ADDED_HZ, 2.5, 3.9)
    assert alone == pytest.approx(0.25, rel=0.1)
    assert beneath < alone / 3
    assert level_of(sound, ADDED_HZ, 5.0, 5.4) > 0.8 * alone, "it comes back"
    assert level_of(sound, OWN_HZ, 2.5, 3.9) == pytest.approx(0.5, rel=0.1)


def test_mix_with_longer_sound_fades_it_out_at_the_end_of_the_video(bench: Bench) -> None:
    video = bench.clip("video.mp4", seconds=3, tone_hz=None)
    event = bench.event("mix-audio", {"video": [video], "audio": [added(bench, seconds=9)]}, mode="mix")

    mixed = bench.film(event)

    sound = sound_of(mixed)
    assert abs(film(mixed).duration - 3) < 0.05
    assert rms(sound, 1, 2) == pytest.approx(0.25 / np.sqrt(2), rel=0.1)
    assert rms(sound, 2.93, 3.0) < 0.05


def test_mix_of_loud_sounds_stays_below_full_scale(bench: Bench) -> None:
    video = bench.clip("video.mp4", seconds=1, tone_hz=OWN_HZ, volume=0.9)
    loud = bench.put(make_tone(bench.folder / "loud.wav", seconds=1, hz=ADDED_HZ, volume=0.9))
    event = bench.event("mix-audio", {"video": [video], "audio": [loud]}, mode="mix", audioVolume=2)

    assert np.abs(sound_of(bench.film(event))).max() < 1.0


def test_mix_into_a_webm_makes_an_h264_film(bench: Bench) -> None:
    video = bench.clip("video.webm", seconds=1, codec=("-c:v", "libvpx-vp9"))
    event = bench.event("mix-audio", {"video": [video], "audio": [added(bench, seconds=1)]})

    outside = film(bench.film(event))

    assert (outside.video_codec, outside.audio_codec, outside.size) == ("h264", "aac", (320, 180))
    assert abs(outside.duration - 1) < 0.05


def test_mix_with_a_silent_video_as_sound_is_invalid_input(bench: Bench) -> None:
    video = bench.clip("video.mp4", seconds=1, tone_hz=None)
    event = bench.event("mix-audio", {"video": [video], "audio": [video]})

    body = bench.run(event)

    assert body["error_type"] == "invalid_input"
    assert body["error"] == f"audio ({video}) has no sound: expected an audio stream, found none"
