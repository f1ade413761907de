"""How loud films are, by FFmpeg's own meter on the finished file."""

from pathlib import Path

import numpy as np
import pytest

from tests.integration.media.clips import film, loudness_of, run_ffmpeg, sound_of, sound_packets
from tests.integration.media.conftest import Bench

# Pink noise beneath clicks: levelled by one gain alone, these would be four times full scale.
NOISE = "anoisesrc=c=pink:a=0.3:d=4:r=48000,volume=-11.5dB"
CLICKS = "aevalsrc='0.5*lt(mod(t,0.7),0.0002)':d=4:s=48000"
QUIET = f"{NOISE}[noise];{CLICKS}[clicks];[noise][clicks]amix=normalize=0"
LOUD = "aevalsrc='0.62*sgn(sin(2*PI*300*t))':d=4:s=48000"


def sounding(path: Path, sound: str, *, lufs: float) -> Path:
    """A clip with this sound, which must be as loud as its name says."""
    picture = "testsrc2=size=160x90:rate=5:duration=4[v]"
    run_ffmpeg("-filter_complex", f"{picture};{sound}[a]", "-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset",
               "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "256k", "-ac", "2", str(path))  # fmt: skip
    assert loudness_of(path).integrated_lufs == pytest.approx(lufs, abs=1)
    return path


@pytest.fixture(params=[("quiet", QUIET, -35.0), ("loud", LOUD, -5.0)], ids=["minus-35", "minus-5"])
def clip(request: pytest.FixtureRequest, bench: Bench) -> str:
    name, sound, lufs = request.param
    return bench.put(sounding(bench.folder / f"{name}.mp4", sound, lufs=lufs))


def test_merge_of_quiet_or_loud_clips_is_as_loud_as_films_are(bench: Bench, clip: str) -> None:
    merged = bench.film(bench.event("merge-videos", {"segments": [clip, clip]}))

    assert loudness_of(merged).integrated_lufs == pytest.approx(-16, abs=1)
    assert loudness_of(merged).true_peak_dbfs <= -1


def speech_like(path: Path, *, volume_db: float, pause_s: float = 0.2) -> Path:
    """A clip of 4 s whose pink noise has -16 LUFS before its volume, and begins and ends with a pause."""
    noise = f"anoisesrc=c=pink:a=0.8:d=4:r=48000:seed=2,volume={volume_db + 1.4}dB"
    pauses = f"volume='between(t,{pause_s},{4 - pause_s})':eval=frame"
    picture = "testsrc2=size=160x90:rate=5:duration=4[v]"
    run_ffmpeg("-filter_complex", f"{picture};{noise},{pauses}[a]", "-map", "[v]", "-map", "[a]", "-c:v", "libx264",
               "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", str(path))  # fmt: skip
    return path


def test_merge_of_clips_that_are_as_loud_as_films_copies_their_coded_sound(bench: Bench) -> None:
    spoken = speech_like(bench.folder / "spoken.mp4", volume_db=0)
    assert loudness_of(spoken).integrated_lufs == pytest.approx(-16, abs=0.7)
    clip = bench.put(spoken)

    merged = bench.film(bench.event("merge-videos", {"segments": [clip, clip]}))

    # The packet before all, in which the decoder runs in; then twice 4 s, which are 187.5 packets, or 375 together.
    packets, taken = sound_packets(spoken), sound_packets(merged)
    assert taken == packets[:189] + packets[2:189]
    assert film(merged).duration == pytest.approx(8, abs=0.05)
    alone, whole = sound_of(spoken), sound_of(merged)
    assert np.array_equal(whole[:180_000], alone[:180_000])
    early = 4 * 48_000 - 512
    assert np.array_equal(whole[early + 10_000 : early + 180_000], alone[10_000:180_000])
    assert np.abs(whole[190_000:194_000]).max() < 0.003, "nothing is heard at the cut"


@pytest.mark.parametrize(("volume_db", "pause_s"), [(-3, 0.2), (0, 0)], ids=["softer than films", "heard at the cut"])
def test_merge_of_clips_whose_sound_cannot_stay_encodes_it(bench: Bench, volume_db: float, pause_s: float) -> None:
    clip = bench.put(speech_like(bench.folder / "one.mp4", volume_db=volume_db, pause_s=pause_s))

    merged = bench.film(bench.event("merge-videos", {"segments": [clip, clip]}))

    coded = sound_packets(bench.folder / "one.mp4")
    assert not set(coded[20:160]) & set(sound_packets(merged))
    assert loudness_of(merged).integrated_lufs == pytest.approx(-16, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("executor_type", ["mix-audio", "compose-video"])
def test_other_films_are_as_loud_as_they_are_asked_to_be(bench: Bench, clip: str, executor_type: str) -> None:
    inputs = {"mix-audio": ("video", "audio"), "compose-video": ("background", "overlay")}[executor_type]
    event = bench.event(executor_type, {slot: [clip] for slot in inputs}, rounded=False, loudness=-16)

    found = loudness_of(bench.film(event))

    assert found.integrated_lufs == pytest.approx(-16, abs=1)
    assert found.true_peak_dbfs <= -1


@pytest.mark.slow
def test_merge_may_be_louder_or_softer_than_films_are(bench: Bench) -> None:
    clip = bench.put(sounding(bench.folder / "loud.mp4", LOUD, lufs=-5))

    merged = bench.film(bench.event("merge-videos", {"segments": [clip, clip]}, loudness=-23))

    assert loudness_of(merged).integrated_lufs == pytest.approx(-23, abs=1)


@pytest.mark.slow
def test_mix_that_is_not_asked_for_a_loudness_keeps_it_below_the_peak(bench: Bench) -> None:
    tone = "aevalsrc='0.9*sin(2*PI*300*t)':d=4:s=48000"
    clip = bench.put(sounding(bench.folder / "tone.mp4", tone, lufs=-5))
    inputs = {"video": [clip], "audio": [clip]}

    softer = loudness_of(bench.film(bench.event("mix-audio", inputs, mode="replace", audioVolume=0.25)))
    both = loudness_of(bench.film(bench.event("mix-audio", inputs, mode="mix")))

    assert softer.integrated_lufs == pytest.approx(-17, abs=1)
    assert both.true_peak_dbfs <= -1
