"""Levels of sound."""

import numpy as np
import pytest

from executor_service.integrations.local.sound import SAMPLE_RATE, levelled, speech_level


def a_tone(amplitude: float, *, seconds: float = 1.0) -> np.ndarray:
    at = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def test_speech_level_does_not_count_pauses():
    tone = a_tone(0.4)
    paused = np.concatenate([tone, np.zeros(5 * SAMPLE_RATE, dtype=np.float32), tone])

    assert speech_level(paused) == pytest.approx(speech_level(tone), rel=0.02)


@pytest.mark.parametrize("amplitude", [0.02, 0.4, 1.5])
def test_levelled_speech_reaches_the_level_below_the_ceiling(amplitude):
    result = levelled(a_tone(amplitude), level=0.14, ceiling=0.8)

    assert speech_level(result) == pytest.approx(0.14, rel=0.02)
    assert np.abs(result).max() <= 0.8


def test_levelled_peaks_never_pass_the_ceiling():
    spiky = a_tone(0.05)
    spiky[::4000] = 1.0

    assert np.abs(levelled(spiky, level=0.2, ceiling=0.7)).max() <= 0.7


def test_levelled_silence_stays_silent():
    assert not levelled(np.zeros(1000, dtype=np.float32), level=0.2, ceiling=0.7).any()
