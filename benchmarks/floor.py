"""The floor of the demo: what FFmpeg alone needs for one decode and one encode of the same film."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import imageio_ffmpeg

from benchmarks.progress import MeasurementFailed, last_lines

LONGEST_S = 600.0


def encode_once_s(film: Path) -> float:
    """Raises MeasurementFailed."""
    # Preset, quality and threads are those of media_lambda.
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-y", "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "2", "-i", str(film)),
        *("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"),
        *("-threads:v", "2", "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"),
        str(film.with_name("floor.mp4")),
    ]
    began = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    if ended.returncode:
        raise MeasurementFailed(f"FFmpeg ended with {ended.returncode}:{last_lines(ended.stderr)}")
    return time.monotonic() - began
