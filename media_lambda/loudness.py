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
_MEASURED = re.compile(r"^\s*(I|Peak):\s+(-?(?:\d+(?:\.\d+)?|inf))\s+(?:LUFS|dBFS)")


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What the meter says; minus infinity for silence."""

    integrated_lufs: float
    peak_dbfs: float
    """Of the samples themselves."""


def measure_arguments(name: str, *, level: str | None = None) -> tuple[str, ...]:
    """Measure the raw audio file `name`, after the filter `level` if one is given."""
    chain = f"{level},{MEASURE}" if level else MEASURE
    return (*raw_audio_input(name), "-af", chain, "-loglevel", "info", "-f", "null", "-")


def parse_loudness(lines: Sequence[str]) -> Loudness:
    """Read the summary out of FFmpeg's last lines; silence where there is none."""
    found = {match[1]: float(match[2]) for line in lines if (match := _MEASURED.match(line))}
    return Loudness(integrated_lufs=found.get("I", -math.inf), peak_dbfs=found.get("Peak", -math.inf))


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
    # The meter answers -70 for what its gate takes for silence.
    if target_lufs is None or loudness.integrated_lufs < -69:
        gain = 0.0
    else:
        gain = min(target_lufs - loudness.integrated_lufs, _MAX_GAIN_DB)
    is_limited = loudness.peak_dbfs + gain + _BETWEEN_SAMPLES_DB > _MAX_PEAK_DBFS
    return Level(gain_db=gain, is_limited=is_limited)


def corrected(level: Level, found: Loudness, *, target_lufs: float) -> Level:
    """`level` with what its limiter took from the loudness given back; `found` is what came of it."""
    missing = min(max(target_lufs - found.integrated_lufs, 0.0), _MAX_CORRECTION_DB)
    return replace(level, gain_db=level.gain_db + missing)
