"""What the workload `w3` prints: lines for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.memory import ALL
from benchmarks.report import Spread
from benchmarks.throughput_report import percentile, rounded, words

_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class CrudRound:
    """One measured round."""

    seconds: float
    floor_per_s: float
    """Bare asyncpg, transactions of one node at a time."""
    cpu_s: Mapping[str, float]
    milliseconds: Mapping[str, Sequence[float]]
    """Of each call, by method."""

    @property
    def calls(self) -> int:
        return sum(map(len, self.milliseconds.values()))

    @property
    def calls_per_s(self) -> float:
        return self.calls / self.seconds

    @property
    def ratio(self) -> float:
        return self.calls_per_s / self.floor_per_s


@dataclass(frozen=True, kw_only=True)
class CrudReport:
    clients: int
    cores: int
    load_average: float
    rounds: Sequence[CrudRound]
    peak_bytes: Mapping[str, int]

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"w3, {self.clients} clients, on {self.cores} cores, load average {self.load_average:.2f} before"
        yield f"  calls/s      {words(self._spread('calls_per_s'), 0)}"
        yield f"  floor        {words(self._spread('floor_per_s'), 0)}, bare asyncpg, one node for each transaction"
        yield f"  ratio        {words(self._spread('ratio'), 3)}"
        yield f"  {'call':<16}  {'p50 ms':>8}  {'p99 ms':>8}"
        for name, (p50, p99) in self._latencies().items():
            yield f"  {name:<16}  {p50:>8.1f}  {p99:>8.1f}"
        yield f"  {'process':<16}  {'CPU s / 1000':>12}  {'peak MiB':>8}"
        cpu = self._cpu_s_per_1000()
        for name in sorted(cpu, key=lambda one: (one == ALL, -cpu[one].median)):
            peak = f"{self.peak_bytes[name] / _MIB:.0f}" if name in self.peak_bytes else "-"
            yield f"  {name:<16}  {cpu[name].median:>12.3f}  {peak:>8}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "w3",
                "clients": self.clients,
                "calls": sum(one.calls for one in self.rounds),
                "calls_per_s": rounded(self._spread("calls_per_s"), 1),
                "floor": round(self._spread("floor_per_s").median, 1),
                "ratio": rounded(self._spread("ratio"), 4),
                "calls_ms": {
                    name: {"p50": round(p50, 2), "p99": round(p99, 2)} for name, (p50, p99) in self._latencies().items()
                },
                "cpu_s_per_1000": {name: rounded(one, 4) for name, one in self._cpu_s_per_1000().items()},
                "peak_mib": {name: round(size / _MIB, 1) for name, size in self.peak_bytes.items()},
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )

    def _spread(self, name: str) -> Spread:
        return Spread.of([getattr(one, name) for one in self.rounds])

    def _latencies(self) -> dict[str, tuple[float, float]]:
        """p50 and p99 over all rounds."""
        names = {name: None for one in self.rounds for name in one.milliseconds}
        all_of = {name: [value for one in self.rounds for value in one.milliseconds.get(name, ())] for name in names}
        return {name: (percentile(values, 50), percentile(values, 99)) for name, values in all_of.items()}

    def _cpu_s_per_1000(self) -> dict[str, Spread]:
        names = sorted({name for one in self.rounds for name in one.cpu_s})
        return {name: Spread.of([one.cpu_s.get(name, 0.0) * 1000 / one.calls for one in self.rounds]) for name in names}
