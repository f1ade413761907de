"""FFmpeg alone: what somebody would type, with its seconds and its memory; and a comparison of two films."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import imageio_ffmpeg

from benchmarks.progress import MeasurementFailed, last_lines

# Preset, quality, threads and the search of the sound's encoder are those of media_lambda.
ENCODE = (
    *("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"),
    *("-g", "50", "-threads:v", "2"),
)
SOUND = ("-c:a", "aac", "-aac_coder", "fast", "-b:a", "192k", "-ar", "48000", "-ac", "2")
LEVEL = "loudnorm=I=-16:TP=-1.5:LRA=11"
"""What brings a sound to -16 LUFS in the one pass that a single command has."""
MEASURE = "ebur128=peak=true:framelog=quiet"
BEFORE = ("-threads", "2", "-filter_threads", "2", "-filter_complex_threads", "2")
_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One run of FFmpeg."""

    seconds: float
    cpu_s: float
    peak_bytes: int


def run_ffmpeg(*arguments: str) -> Alone:
    """Run it to its end. Raises MeasurementFailed."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-nostdin", "-hide_banner", "-loglevel", "error", *arguments]
    began = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise MeasurementFailed(f"FFmpeg ended with {process.returncode}:{last_lines(said)}")
    return Alone(seconds=seconds, cpu_s=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * _KIB)


def cpu_s_of_children() -> float:
    """Processor seconds of all that this process has started and that has ended, with what those started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def words_of(arguments: Sequence[str], *, folder: Path) -> str:
    """The command as it would be typed in `folder`."""
    quoted = (f"'{word}'" if re.search(r"[;\[\]*' ]", word) else word for word in arguments)
    return " ".join(["ffmpeg", *quoted]).replace(f"{folder}/", "")


def likeness(one: Path, other: Path) -> float:
    """SSIM of all pictures, 0 to 1. Raises MeasurementFailed."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", str(one), "-i", str(other)]
    graph = "[0:v]settb=AVTB,setpts=N[a];[1:v]settb=AVTB,setpts=N[b];[a][b]ssim"
    ended = subprocess.run(
        [*command, "-lavfi", graph, "-f", "null", "-"], capture_output=True, text=True, check=False, timeout=600
    )
    found = re.search(r"SSIM .*All:([\d.]+)", ended.stderr)
    if found is None:
        raise MeasurementFailed(f"two films cannot be compared:{last_lines(ended.stderr)}")
    return float(found[1])


def length_s(film: Path) -> float:
    """Seconds that a film plays."""
    with av.open(str(film)) as container:
        return (container.duration or 0) / av.time_base
