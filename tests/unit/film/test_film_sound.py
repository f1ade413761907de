"""The measures of sound, on sounds whose answer is known."""

import numpy as np
import pytest

from tests.e2e.film_media import SAMPLE_RATE, Sound
from tests.e2e.film_sound import (
    Mono,
    correlation,
    integrated_lufs,
    lag_s,
    levels,
    mono,
    part_of,
    peak_dbfs,
    rms_dbfs,
)


def speech(*, seed: int = 1, seconds: float = 5.0) -> Mono:
    """Noise in syllables of random loudness with pauses between."""
    random = np.random.default_rng(seed)
    count = int(seconds * 6)
    syllables = random.random(count) * (random.random(count) > 0.3)
    envelope = np.repeat(syllables, SAMPLE_RATE // 6)
    return envelope * random.standard_normal(len(envelope)) * 0.1


def hum(*, level: float, seconds: float = 5.0, hertz: float = 220.0) -> Mono:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def both_sides(one: Mono) -> Sound:
    return np.stack([one, one]).astype(np.float32)


def test_lag_of_a_late_voice_is_found():
    assert lag_s(np.pad(speech(), (SAMPLE_RATE // 2, 0)), speech()) == 0.5


def test_lag_of_an_early_voice_is_negative():
    assert lag_s(speech()[SAMPLE_RATE // 4 :], speech()) == -0.25


def test_lag_of_a_voice_on_time_is_none():
    assert lag_s(speech() + hum(level=0.01), speech()) == 0


def test_part_of_a_mix_is_found_at_its_level():
    whole = 0.5 * speech() + hum(level=0.01)

    found = part_of(whole, speech())

    assert found.correlation > 0.9
    assert found.gain == pytest.approx(0.5, abs=0.01)
    assert found.level_dbfs == pytest.approx(rms_dbfs(0.5 * speech()), abs=0.1)
    assert found.rest_dbfs == pytest.approx(rms_dbfs(hum(level=0.01)), abs=0.1)


def test_part_that_is_shifted_is_not_found():
    assert abs(part_of(speech()[2 * SAMPLE_RATE :], speech()).correlation) < 0.1


def test_part_that_is_another_voice_is_not_found():
    assert abs(part_of(speech(seed=2) + hum(level=0.01), speech()).correlation) < 0.1


def test_part_that_drowns_in_music_is_not_clear():
    found = part_of(speech() + hum(level=0.3), speech())

    assert found.correlation < 0.6
    assert found.level_dbfs < found.rest_dbfs


def test_part_of_silence_is_nothing():
    found = part_of(np.zeros(100), np.zeros(100))

    assert (found.correlation, found.gain, found.level_dbfs) == (0.0, 0.0, float("-inf"))


def test_correlation_knows_same_opposite_and_unrelated():
    assert correlation(speech(), 3 * speech() + 1) == pytest.approx(1.0)
    assert correlation(speech(), -speech()) == pytest.approx(-1.0)
    assert correlation(np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])) == 0.0


def test_correlation_with_what_never_changes_is_none():
    assert correlation(speech(), np.full(len(speech()), 0.3)) == pytest.approx(0.0, abs=1e-9)
    assert correlation(np.array([1.0, 2.0]), np.zeros(2)) == 0.0


def test_levels_are_those_of_each_picture_and_none_after_the_end():
    sound = np.concatenate([np.full(1920, 0.5), np.zeros(1920), np.tile([0.2, -0.2], 960)])

    np.testing.assert_allclose(levels(sound, fps=25, count=5), [0.5, 0.0, 0.2, 0.0, 0.0])


def test_peak_of_a_clipped_sound_is_full_scale():
    assert peak_dbfs(np.clip(hum(level=1.4), -1, 1)) == pytest.approx(0.0)
    assert peak_dbfs(hum(level=0.5)) == pytest.approx(-6.02, abs=0.01)


def test_mono_of_opposite_sides_is_silent():
    assert not mono(np.stack([speech(), -speech()]).astype(np.float32)).any()


# ITU-R BS.1770-4: a sine of 997 Hz at full scale on one side reads -3.01 LUFS, and loudness follows the level.
@pytest.mark.parametrize(("level", "sides", "expected"), [(1.0, 1, -3.01), (1.0, 2, 0.0), (0.1, 2, -20.0)])
def test_loudness_of_a_sine_is_what_the_recommendation_says(level, sides, expected):
    sine = hum(level=level, hertz=997.0)
    silent = np.zeros_like(sine)

    found = integrated_lufs(np.stack([sine, sine if sides == 2 else silent]).astype(np.float32))

    assert found == pytest.approx(expected, abs=0.05)


def test_loudness_is_not_lowered_by_pauses():
    with_pause = np.concatenate([hum(level=0.1), np.zeros(10 * SAMPLE_RATE), hum(level=0.1)])

    loud, paused = integrated_lufs(both_sides(hum(level=0.1))), integrated_lufs(both_sides(with_pause))

    assert paused == pytest.approx(loud, abs=0.3)


def test_loudness_of_silence_is_minus_infinity():
    assert integrated_lufs(np.zeros((2, SAMPLE_RATE), dtype=np.float32)) == float("-inf")
