"""What `bin/bench gateway` prints: lines for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.api_report import Lap


@dataclass(frozen=True, kw_only=True)
class Round:
    """The same number of reports, both ways."""

    callbacks: Lap
    floor: Lap
    cpu_s: Mapping[str, float]
    """Of the callbacks, by process."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """One callback, sent many times at once."""

    sent: int
    statuses: Mapping[int, int]
    effects: int
    """How often its result was recorded."""


@dataclass(frozen=True, kw_only=True)
class Overload:
    """More callers than there is room for."""

    statuses: Mapping[int, int]
    """0 where the connection broke."""
    recovered_s: float

    @property
    def shed(self) -> int:
        return self.statuses.get(429, 0) + self.statuses.get(503, 0)


@dataclass(frozen=True, kw_only=True)
class GatewayReport:
    cores: int
    load_average: float
    """Of the minute before the first measurement."""
    connections: int
    rounds: Sequence[Round]
    alike: Alike
    overload: Overload

    def _median(self, values: Iterator[float]) -> float:
        return median(list(values))

    @property
    def callbacks_per_s(self) -> float:
        return self._median(one.callbacks.calls_per_s for one in self.rounds)

    @property
    def floor_per_s(self) -> float:
        return self._median(one.floor.calls_per_s for one in self.rounds)

    @property
    def ratio(self) -> float:
        return self._median(one.callbacks.calls_per_s / one.floor.calls_per_s for one in self.rounds)

    @property
    def p99_ms(self) -> float:
        return self._median(one.callbacks.p99_ms for one in self.rounds)

    @property
    def p50_ms(self) -> float:
        return self._median(one.callbacks.p50_ms for one in self.rounds)

    @property
    def cpu_s_per_1000(self) -> dict[str, float]:
        names = sorted({name for one in self.rounds for name in one.cpu_s})
        return {
            name: round(
                self._median(1000 * one.cpu_s.get(name, 0.0) / len(one.callbacks.milliseconds) for one in self.rounds),
                3,
            )
            for name in names
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"gateway, {self.connections} connections, on {self.cores} cores,"
            f" load average {self.load_average:.2f} before"
        )
        yield f"  callbacks/s   {self.callbacks_per_s:,.0f}, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"
        yield f"  floor         {self.floor_per_s:,.0f} reports/s without HTTP"
        yield f"  ratio         {self.ratio:.2f}"
        yield f"  CPU s / 1000  {', '.join(f'{name} {seconds:g}' for name, seconds in self.cpu_s_per_1000.items())}"
        alike, overload = self.alike, self.overload
        yield f"  alike         {alike.sent} at once: {_words(alike.statuses)}; effects: {alike.effects}"
        yield f"  overload      {_words(overload.statuses)}; as before after {overload.recovered_s:.1f} s"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "gateway",
                "connections": self.connections,
                "callbacks_per_s": round(self.callbacks_per_s, 1),
                "p50_ms": round(self.p50_ms, 2),
                "p99_ms": round(self.p99_ms, 2),
                "floor": round(self.floor_per_s, 1),
                "ratio": round(self.ratio, 3),
                "cpu_s_per_1000": self.cpu_s_per_1000,
                "alike_effects": self.alike.effects,
                "alike_statuses": self.alike.statuses,
                "overload_statuses": self.overload.statuses,
                "overload_shed": self.overload.shed,
                "recovered_s": round(self.overload.recovered_s, 2),
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )


def _words(statuses: Mapping[int, int]) -> str:
    return ", ".join(f"{number} x {status or 'broken'}" for status, number in sorted(statuses.items()))
