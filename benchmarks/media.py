"""The workload `media`: the media function beside FFmpeg alone, on the same clips, in the same run."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.media_cases import Case, make_cases
from benchmarks.media_ffmpeg import BEFORE, Alone, cpu_s_of_children, length_s, likeness, run_ffmpeg, words_of
from benchmarks.media_function import Made, MediaFunction, media_function
from benchmarks.media_report import Compared, MediaReport
from benchmarks.progress import kill_as_interrupt, say
from executor_service.integrations.local.code_screen import Snippet, type_code

_SHORT_SHARE = 4
_CODE = "\n".join(f"def step_{number}(film: Film) -> Film:\n    return film.then({number})\n" for number in range(12))
_CODE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class MediaOptions:
    rounds: int
    """How often each film is made by both, in turns."""
    seconds: int
    """Of all clips of a film together."""


def measure_media(options: MediaOptions) -> MediaReport:
    """Measure everything, one after the other. Raises MeasurementFailed."""
    load_average = os.getloadavg()[0]
    with kill_as_interrupt(), tempfile.TemporaryDirectory(prefix="montage-bench-") as name:
        folder = Path(name)
        long, short = folder / "long", folder / "short"
        for part in (long, short):
            part.mkdir()
        say(f"clips of {options.seconds} s in all, and of a quarter of that")
        cases = make_cases(long, seconds=options.seconds)
        shorter = make_cases(short, seconds=options.seconds / _SHORT_SHARE)
        with media_function(folder) as function:
            compared = [
                _compare(case, short_case, function, folder, rounds=options.rounds)
                for case, short_case in zip(cases, shorter, strict=True)
            ]
        compared.append(_compare_code(folder, rounds=options.rounds))
    return MediaReport(
        seconds=options.seconds,
        compared=compared,
        load_average=load_average,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def _compare(case: Case, shorter: Case, function: MediaFunction, folder: Path, *, rounds: int) -> Compared:
    """Function and command in turns, so that both see the same machine."""
    target = folder / f"{case.name}.mp4"
    made: list[Made] = []
    alone: list[Alone] = []
    for number in range(1, rounds + 1):
        say(f"{case.name}, round {number} of {rounds}: the function")
        made.append(function.make(case))
        say(f"{case.name}, round {number} of {rounds}: FFmpeg alone")
        alone.append(run_ffmpeg(*case.command, str(target)))
    say(f"{case.name}: the short one, and the comparison")
    short = function.make(shorter)
    encoded = run_ffmpeg(*case.encoding_command, str(folder / "encoded.mp4")) if case.encoding_command else None
    return Compared(
        name=case.name,
        function_s=median(one.seconds for one in made),
        fixed_s=median(one.fixed_s for one in made),
        floor_s=median(one.seconds for one in alone),
        function_cpu_s=median(one.cpu_s for one in made),
        floor_cpu_s=median(one.cpu_s for one in alone),
        function_bytes=max(one.peak_bytes for one in made),
        function_short_bytes=short.peak_bytes,
        floor_bytes=max(one.peak_bytes for one in alone),
        encoded_s=encoded.seconds if encoded else None,
        encoded_cpu_s=encoded.cpu_s if encoded else None,
        function_length_s=length_s(made[-1].film),
        floor_length_s=length_s(target),
        ssim=likeness(made[-1].film, target),
        command=words_of((*case.command, str(target)), folder=folder),
    )


def _compare_code(folder: Path, *, rounds: int) -> Compared:
    """Draws and encodes; FFmpeg alone decodes that film and encodes it again in the same way."""
    target = folder / "code-alone.mp4"
    drawn_s: list[float] = []
    drawn_cpu_s: list[float] = []
    alone: list[Alone] = []
    film = folder / "code.mp4"
    command: Sequence[str] = (
        *(*BEFORE, "-i", str(film), "-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-g", "50"),
        *("-threads:v", "2", "-x264-params", "aq-mode=3", "-movflags", "+faststart"),
    )
    for number in range(1, rounds + 1):
        say(f"code_screen, round {number} of {rounds}")
        film.unlink(missing_ok=True)
        began, cpu_before_s = time.monotonic(), cpu_s_of_children()
        asyncio.run(type_code(Snippet(code=_CODE, title="steps.py", language="python"), film, duration_s=_CODE_S))
        drawn_s.append(time.monotonic() - began)
        drawn_cpu_s.append(cpu_s_of_children() - cpu_before_s)
        alone.append(run_ffmpeg(*command, str(target)))
    return Compared(
        name="code_screen",
        function_s=median(drawn_s),
        fixed_s=None,
        floor_s=median(one.seconds for one in alone),
        function_cpu_s=median(drawn_cpu_s),
        floor_cpu_s=median(one.cpu_s for one in alone),
        function_bytes=None,
        function_short_bytes=None,
        floor_bytes=max(one.peak_bytes for one in alone),
        encoded_s=None,
        encoded_cpu_s=None,
        function_length_s=length_s(film),
        floor_length_s=length_s(target),
        ssim=likeness(film, target),
        command=words_of((*command, str(target)), folder=folder),
    )
