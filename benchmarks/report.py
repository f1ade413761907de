"""What `bin/bench demo` prints: a table for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from benchmarks.memory import ALL
from benchmarks.set_up import ColdSetUp

STACK_START_TARGET_S = 5
DEMO_TARGET_S = 45
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of several rounds, in seconds."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Self:
        return cls(min=min(rounds), median=median(rounds), max=max(rounds))


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    cores: int
    load_average: float
    """Of the minute before the first measurement."""
    set_up: ColdSetUp | None
    """None when it was left out."""
    stack_start: Spread
    demo_s: float
    floor_s: float
    nodes: Mapping[str, float]
    peak_bytes: Mapping[str, int]
    """By process, children included."""

    @property
    def ratio(self) -> float:
        return self.demo_s / self.floor_s

    def lines(self) -> Iterator[str]:
        """For people."""
        start = self.stack_start
        yield f"demo on {self.cores} cores, load average {self.load_average:.2f} before"
        yield f"  set-up       {self._words_of_set_up()}"
        yield (
            f"  stack start  {start.median:.1f} s (fastest {start.min:.1f}, slowest {start.max:.1f}; "
            f"target {STACK_START_TARGET_S} s)"
        )
        yield f"  demo         {self.demo_s:.1f} s from start to film (target {DEMO_TARGET_S} s)"
        yield f"  floor        {self.floor_s:.1f} s for bare FFmpeg to encode the film once"
        yield f"  ratio        {self.ratio:.1f}"
        yield from _columns("node", "seconds", {node: f"{seconds:.1f}" for node, seconds in self.nodes.items()})
        peaks = {name: f"{_mib(self.peak_bytes[name]):.0f}" for name in self._processes()}
        yield from _columns("process", "peak MiB", peaks or {"(no /proc here)": "-"})

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "demo",
                "floor": round(self.floor_s, 3),
                "ratio": round(self.ratio, 2),
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
                "set_up_mb": _rounded(self.set_up.megabytes if self.set_up else None),
                "set_up_s": _rounded(self.set_up.seconds if self.set_up else None),
                "stack_start_s": {
                    "min": round(self.stack_start.min, 2),
                    "median": round(self.stack_start.median, 2),
                    "max": round(self.stack_start.max, 2),
                },
                "demo_s": round(self.demo_s, 2),
                "nodes": {node: round(seconds, 2) for node, seconds in self.nodes.items()},
                "peak_mib": {name: round(_mib(self.peak_bytes[name]), 1) for name in self._processes()},
            }
        )

    def _processes(self) -> list[str]:
        """By size, the sum of all last."""
        return sorted(self.peak_bytes, key=lambda name: (name == ALL, -self.peak_bytes[name]))

    def _words_of_set_up(self) -> str:
        if self.set_up is None:
            return "left out"
        megabytes = self.set_up.megabytes
        received = "an unknown amount" if megabytes is None else f"{megabytes:.0f} MB"
        return f"{self.set_up.seconds:.1f} s, {received} received"


def _columns(left: str, right: str, rows: Mapping[str, str]) -> Iterator[str]:
    width = max(len(left), *(len(name) for name in rows))
    yield f"  {left:<{width}}  {right:>8}"
    yield from (f"  {name:<{width}}  {value:>8}" for name, value in rows.items())


def _mib(count: int) -> float:
    return count / _MIB


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
