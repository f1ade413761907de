"""One run of the real `bin/demo`: when its film was there, what its summary says, how much memory it took."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import MemorySampler
from benchmarks.progress import MeasurementFailed, last_lines

SAMPLE_INTERVAL_S = 0.1
LONGEST_S = 900.0
STOP_S = 30.0


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    film: Path
    film_s: float
    """From the start of the command to the film on disk."""
    nodes: Mapping[str, float]
    """Seconds of what was executed, by node."""
    peak_bytes: Mapping[str, int]
    """By process; empty where there is no /proc."""


def run_demo(root: Path, *, out: Path) -> DemoRun:
    """Make the film below `out`. Raises MeasurementFailed."""
    films = out / "films"
    said, complained = out / "stdout", out / "stderr"
    with said.open("wb") as stdout, complained.open("wb") as stderr:
        began = time.time()
        # A session of its own: a Ctrl-C reaches it once, through us.
        process = subprocess.Popen(
            [str(root / "bin" / "demo"), "--out", str(films)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        sampler = MemorySampler(process.pid)
        try:
            _follow(process, sampler)
        finally:
            _stop(process)
    if process.returncode:
        told = last_lines(said.read_text(errors="replace") + complained.read_text(errors="replace"))
        raise MeasurementFailed(f"bin/demo ended with {process.returncode}:{told}")
    film = next(films.glob("*.mp4"))
    return DemoRun(
        film=film,
        # The rename that puts the finished file in place sets this time.
        film_s=film.stat().st_ctime - began,
        nodes=read_summary(said.read_text()),
        peak_bytes=sampler.peak_bytes,
    )


def read_summary(text: str) -> dict[str, float]:
    """Seconds of each executed node, from the table that the command ends with. Raises MeasurementFailed."""
    lines = text.splitlines()
    titles = next((number for number, line in enumerate(lines) if line.split()[:2] == ["NODE", "RESULT"]), None)
    if titles is None:
        raise MeasurementFailed(f"expected a summary with the column NODE, found:{last_lines(text)}")
    column = lines[titles].split().index("SECONDS")
    # No cell of this table holds a space.
    rows = [line.split() for line in lines[titles + 1 :] if not line.startswith("in all:")]
    return {row[0]: float(row[column]) for row in rows if len(row) > column and row[column] != "-"}


def _follow(process: subprocess.Popen[bytes], sampler: MemorySampler) -> None:
    deadline = time.monotonic() + LONGEST_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise MeasurementFailed(f"bin/demo was not over after {LONGEST_S:g} s")
        sampler.sample()
        time.sleep(SAMPLE_INTERVAL_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """It stops everything that it has started; killing it does the same, less politely."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
