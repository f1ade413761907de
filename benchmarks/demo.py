"""The workload `demo`: what somebody waits for who has just cloned the repository and wants to see a film."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.demo_run import DemoRun, run_demo
from benchmarks.floor import encode_once_s
from benchmarks.progress import MeasurementFailed, kill_as_interrupt, say
from benchmarks.report import DemoReport, Spread
from benchmarks.set_up import ColdSetUp, measure_cold_set_up
from devstack.interrupts import run_until_interrupted
from devstack.layout import repository_root
from devstack.stack import Stack, StackOptions
from devstack.supervisor import StartFailed

STACK_ROUNDS = 3
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    rounds: int
    """Films to make."""
    sets_up: bool
    """Whether to measure the cold set-up, which downloads everything again."""


def measure_demo(options: DemoOptions) -> DemoReport:
    """Measure everything, one after the other. Raises MeasurementFailed."""
    load_average = os.getloadavg()[0]
    root = repository_root()
    set_up: ColdSetUp | None = None
    if options.sets_up:
        say("a cold set-up of a fresh clone")
        with kill_as_interrupt():
            set_up = measure_cold_set_up(root)
    say(f"{STACK_ROUNDS} starts of the stack")
    starts = _start_stacks(rounds=STACK_ROUNDS)
    with kill_as_interrupt():
        runs, floors = _make_films(root, rounds=options.rounds)
    return DemoReport(
        cores=_cores(),
        load_average=load_average,
        set_up=set_up,
        stack_start=Spread.of(starts),
        demo_s=median(run.film_s for run in runs),
        floor_s=median(floors),
        nodes={node: median(_seconds_of(node, runs)) for node in runs[0].nodes},
        peak_bytes={name: max(run.peak_bytes.get(name, 0) for run in runs) for name in runs[0].peak_bytes},
    )


def _start_stacks(*, rounds: int) -> list[float]:
    """Seconds of each start, one after the other. Raises MeasurementFailed, or KeyboardInterrupt with nothing left."""
    seconds: list[float] = []

    async def start() -> int:
        began = time.monotonic()
        async with Stack(StackOptions()):
            seconds.append(time.monotonic() - began)
        return 0

    for _ in range(rounds):
        try:
            code = run_until_interrupted(start(), interrupted=INTERRUPTED)
        except StartFailed as err:
            raise MeasurementFailed(f"the stack did not start: {err}") from err
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    return seconds


def _make_films(root: Path, *, rounds: int) -> tuple[list[DemoRun], list[float]]:
    """Demo and floor in turns, so that both see the same machine."""
    runs: list[DemoRun] = []
    floors: list[float] = []
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory(prefix="montage-bench-") as folder:
            say(f"bin/demo, round {number} of {rounds}")
            run = run_demo(root, out=Path(folder))
            say(f"the same film once through bare FFmpeg, round {number} of {rounds}")
            floors.append(encode_once_s(run.film))
            runs.append(run)
    return runs, floors


def _seconds_of(node: str, runs: Sequence[DemoRun]) -> list[float]:
    return [run.nodes[node] for run in runs if node in run.nodes]


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
