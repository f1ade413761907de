"""One gain for a whole film, after EBU R 128: measured first, then applied as a plain factor. Pure.

What would then peak too high goes through a limiter at four times the sampling rate, where it meets the peaks between
samples as well. Films are measured on their raw sound, before its only encoding.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from media_lambda.arguments import SAMPLE_RATE, raw_audio_input

MEASURE = "ebur128=peak=sample:framelog=quiet"
"""A filter that changes nothing and makes FFmpeg print the loudness as its last words, at log level info."""

_MAX_GAIN_DB = 24.0
"""A film of mere room noise stays quiet."""
_MAX_CORRECTION_DB = 6.0
"""More would only press the rest against the limiter."""
_MAX_PEAK_DBFS = -2.0
"""The encoder may add a decibel, and -1 dBTP is what players expect at most."""
_BETWEEN_SAMPLES_DB = 3.0
"""So much higher than the highest sample is the sound between samples at most, but for test signals."""
_MEASURE_TRUE_PEAK = "ebur128=peak=sample+true:framelog=quiet"
_MEASURED = re.compile(r"^\s*(I|Peak):\s+(-?(?:\d+(?:\.\d+)?|inf))\s+(?:LUFS|dBFS)")
_SAMPLE_PEAK, _TRUE_PEAK = "Sample peak:", "True peak:"
_GATED_LUFS = -69.0
"""The meter answers -70 for what its gate takes for silence."""
_CLOSE_LU = 0.8
"""A film is to be within one of its target; the rest is for meters that differ."""
_MAX_TRUE_PEAK_DBFS = -1.0


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What the meter says; minus infinity for silence."""

    integrated_lufs: float
    peak_dbfs: float
    """Of the samples themselves."""
    true_peak_dbfs: float | None = None
    """Of the sound between them as well; None where it was not measured."""


def measure_arguments(name: str, *, level: str | None = None, with_true_peak: bool = False) -> tuple[str, ...]:
    """Measure the raw audio file `name`, after the filter `level` if one is given. A true peak takes twice the time."""
    meter = _MEASURE_TRUE_PEAK if with_true_peak else MEASURE
    chain = f"{level},{meter}" if level else meter
    return (*raw_audio_input(name), "-af", chain, "-loglevel", "info", "-f", "null", "-")


def parse_loudness(lines: Sequence[str]) -> Loudness:
    """Read the summary out of FFmpeg's last lines; silence where there is none."""
    found: dict[str, float] = {}
    what = ""
    for line in lines:
        if line.strip() in {_SAMPLE_PEAK, _TRUE_PEAK}:
            what = line.strip()
        elif match := _MEASURED.match(line):
            found[what if match[1] == "Peak" else match[1]] = float(match[2])
    return Loudness(
        integrated_lufs=found.get("I", -math.inf),
        peak_dbfs=found.get(_SAMPLE_PEAK, -math.inf),
        true_peak_dbfs=found.get(_TRUE_PEAK),
    )


def is_levelled(loudness: Loudness, *, target_lufs: float) -> bool:
    """Whether a sound that was measured with its true peak may stay as it is. Silence may."""
    if loudness.true_peak_dbfs is None or loudness.true_peak_dbfs > _MAX_TRUE_PEAK_DBFS:
        return False
    is_silence = loudness.integrated_lufs < _GATED_LUFS
    return is_silence or abs(loudness.integrated_lufs - target_lufs) <= _CLOSE_LU


@dataclass(frozen=True, kw_only=True)
class Level:
    """What is done to a sound."""

    gain_db: float
    is_limited: bool

    @property
    def filter(self) -> str:
        """It, for FFmpeg."""
        volume = f"volume={self.gain_db:.1f}dB"
        if not self.is_limited:
            return volume
        limiter = f"alimiter=limit={10 ** (_MAX_PEAK_DBFS / 20):.4f}:level=0:latency=1"
        return f"{volume},aresample={4 * SAMPLE_RATE},{limiter},aresample={SAMPLE_RATE}"


def level_for(loudness: Loudness, *, target_lufs: float | None) -> Level:
    """Bring the measured sound to the target, or leave it where there is none; nowhere does it peak too high."""
    if target_lufs is None or loudness.integrated_lufs < _GATED_LUFS:
        gain = 0.0
    else:
        gain = min(target_lufs - loudness.integrated_lufs, _MAX_GAIN_DB)
    is_limited = loudness.peak_dbfs + gain + _BETWEEN_SAMPLES_DB > _MAX_PEAK_DBFS
    return Level(gain_db=gain, is_limited=is_limited)


def corrected(level: Level, found: Loudness, *, target_lufs: float) -> Level:
    """`level` with what its limiter took from the loudness given back; `found` is what came of it."""
    missing = min(max(target_lufs - found.integrated_lufs, 0.0), _MAX_CORRECTION_DB)
    return replace(level, gain_db=level.gain_db + missing)
