"""Runs FFmpeg: one process at a time, nothing but the given files, bounded in time and memory."""

import math
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import imageio_ffmpeg

from media_lambda.arguments import GLOBAL
from media_lambda.confinement import Confinement
from media_lambda.deadline import Deadline
from media_lambda.errors import FfmpegFailed
from media_lambda.progress import Progress
from media_lambda.room import Room

_LAST_LINES = 40
_MAX_LINE_CHARACTERS = 300
_RESERVE_S = 20.0
"""Kept of the invocation's time to tell that FFmpeg took too long."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One run of FFmpeg in the job's folder."""

    purpose: str
    """In words, for errors and logs: "join the segments"."""
    arguments: tuple[str, ...]
    output_s: float
    """Seconds of media that will come out."""
    share: float = 0.0
    """Of the job's work, roughly, for those who watch."""


class Ffmpeg:
    """FFmpeg, working in one folder until one deadline."""

    def __init__(self, *, room: Room, deadline: Deadline, progress: Progress) -> None:
        self._room = room
        self._deadline = deadline
        self._progress = progress
        self._executable = imageio_ffmpeg.get_ffmpeg_exe()

    def run(self, command: Command) -> list[str]:
        """Run to the end and answer its last lines. Raises FfmpegFailed."""
        time_s = self._deadline.remaining_s(reserve_s=_RESERVE_S)
        process = subprocess.Popen(
            [self._executable, *GLOBAL, *command.arguments],
            cwd=self._room.folder,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # No other thread runs while a child is started.
            preexec_fn=Confinement(
                cpu_s=math.ceil(time_s) * (os.cpu_count() or 1) + 1, file_bytes=self._room.left_bytes()
            ),
            text=True,
            errors="replace",
        )
        progress = self._progress.command(command.purpose, share=command.share, output_s=command.output_s)
        timer = threading.Timer(time_s, process.kill)
        timer.start()
        try:
            lines = _drain(process, on_progress=progress.made)
            code = process.wait()
        finally:
            in_time = timer.is_alive()
            timer.cancel()
            process.kill()
            process.wait()
        if code != 0:
            what = f"ended with code {code}" if in_time else f"was stopped after the {time_s:.0f} s it had left"
            if code == -signal.SIGXFSZ:
                what = f"needed more disk than the {self._room.total_bytes} bytes of a job"
            raise FfmpegFailed(f"FFmpeg could not {command.purpose}: it {what}", details="\n".join(lines))
        return lines


def _drain(process: "subprocess.Popen[str]", *, on_progress: Callable[[float], None]) -> list[str]:
    """Read both pipes until FFmpeg closes them; answer the last lines of its messages."""
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    if process.stdout is None or process.stderr is None:
        raise AssertionError("FFmpeg was started without pipes")
    reader = threading.Thread(target=_keep_last, args=(process.stderr, lines))
    reader.start()
    with process.stdout, process.stderr:
        for line in process.stdout:
            done_s = parse_progress(line)
            if done_s is not None:
                on_progress(done_s)
        reader.join()
    return list(lines)


def _keep_last(stream: IO[str], lines: "deque[str]") -> None:
    # A line's length is bounded while it is read: a hostile file may make FFmpeg print megabytes without an end.
    while line := stream.readline(_MAX_LINE_CHARACTERS):
        if line.strip():
            lines.append(line.rstrip())


def parse_progress(line: str) -> float | None:
    """Seconds of output made, from one line of `-progress`; None for the other lines."""
    name, _, value = line.strip().partition("=")
    if name != "out_time_us" or not value.lstrip("-").isdecimal():
        return None
    return max(0, int(value)) / 1_000_000
