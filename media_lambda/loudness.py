"""One gain for a whole film, after EBU R 128: measured first, then applied as a plain factor. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from media_lambda.arguments import raw_audio_input

_TARGET_LUFS = -16.0
"""Customary for film on the web, where phones play it."""
_MAX_PEAK_DBFS = -1.5
_MAX_GAIN_DB = 12.0
"""A film of mere room noise stays quiet."""
_MEASURED = re.compile(r"^\s*(I|Peak):\s+(-?(?:\d+(?:\.\d+)?|inf))\s+(?:LUFS|dBFS)")


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What the meter says; minus infinity for silence."""

    integrated_lufs: float
    peak_dbfs: float


def measure_arguments(name: str) -> tuple[str, ...]:
    """Make FFmpeg print the loudness of the raw audio file `name` as its last words."""
    return (*raw_audio_input(name), "-af", "ebur128=peak=true:framelog=quiet", "-loglevel", "info", "-f", "null", "-")


def parse_loudness(lines: Sequence[str]) -> Loudness:
    """Read the summary out of FFmpeg's last lines; silence where there is none."""
    found = {match[1]: float(match[2]) for line in lines if (match := _MEASURED.match(line))}
    return Loudness(integrated_lufs=found.get("I", -math.inf), peak_dbfs=found.get("Peak", -math.inf))


def gain_db(loudness: Loudness) -> float:
    """What brings it to the target without a peak above the ceiling; 0 for silence."""
    if not math.isfinite(loudness.peak_dbfs) or loudness.integrated_lufs < -69:
        return 0.0
    wanted = min(_TARGET_LUFS - loudness.integrated_lufs, _MAX_GAIN_DB)
    return round(min(wanted, _MAX_PEAK_DBFS - loudness.peak_dbfs), 1)
