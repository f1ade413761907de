"""Finds what brings a film's raw sound to its loudness."""

from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.loudness import Loudness, corrected, level_for, measure_arguments, parse_loudness


def find_level(ffmpeg: Ffmpeg, sound: str, measured: Loudness, *, target_lufs: float | None, output_s: float) -> str:
    """A filter for the raw audio file `sound`, `output_s` seconds long and measured before. Raises FfmpegFailed.

    Where much has to be limited, the limited sound is measured as well: what the peaks lose the whole gets back.
    """
    level = level_for(measured, target_lufs=target_lufs)
    if target_lufs is None or not level.is_limited:
        return level.filter
    arguments = measure_arguments(sound, level=level.filter)
    lines = ffmpeg.run(Command(purpose="measure the limited sound", arguments=arguments, output_s=output_s))
    return corrected(level, parse_loudness(lines), target_lufs=target_lufs).filter
