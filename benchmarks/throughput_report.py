"""What the throughput workloads print: lines for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.growth import Grown
from benchmarks.memory import ALL
from benchmarks.raw_floor import Floor
from benchmarks.report import Spread

_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Round:
    """One measured lap, and the floor right before it."""

    nodes: int
    seconds: float
    floor_nodes_per_s: float
    cpu_s: Mapping[str, float]
    """By process, with `all`; the measuring client stands beside."""
    transactions: int
    """That wrote something."""
    work_messages: int
    reuse_hits: int

    @property
    def nodes_per_s(self) -> float:
        return self.nodes / self.seconds

    @property
    def ratio(self) -> float:
        return self.nodes_per_s / self.floor_nodes_per_s


@dataclass(frozen=True, kw_only=True)
class ThroughputReport:
    workload: str
    in_flight: int | None
    cores: int
    load_average: float
    """Of the minute before the first measurement."""
    floor: Floor
    """The sizes at which it is measured again before each round."""
    rounds: Sequence[Round]
    loaded_ms: Sequence[float]
    """Of each pipeline while all others ran."""
    alone_ms: Sequence[float]
    """Of each pipeline that had the system for itself."""
    wal_syncs: int
    """In all rounds."""
    peak_bytes: Mapping[str, int]
    grown: Sequence[Grown] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        flight = "all at once" if self.in_flight is None else f"{self.in_flight} in flight"
        yield f"{self.workload}, {flight}, on {self.cores} cores, load average {self.load_average:.2f} before"
        yield f"  nodes/s      {words(self._spread('nodes_per_s'), 0)}"
        size = f"batches of {self.floor.batch} on {self.floor.connections} connections"
        yield f"  floor        {words(self._spread('floor_nodes_per_s'), 0)}, bare asyncpg in {size}"
        yield f"  ratio        {words(self._spread('ratio'), 3)}"
        yield f"  alone        p50 {percentile(self.alone_ms, 50):.1f} ms, p99 {percentile(self.alone_ms, 99):.1f} ms"
        yield f"  under load   p50 {percentile(self.loaded_ms, 50):.0f} ms, p99 {percentile(self.loaded_ms, 99):.0f} ms"
        syncs = self._per_node(self.wal_syncs)
        yield f"  per node     {self._per_node(self._sum('transactions')):.3f} transactions, {syncs:.3f} syncs"
        told = f"{self._sum('work_messages')} in WORK for {self._nodes} nodes"
        yield f"  messages     {told}, {self._sum('reuse_hits')} reuse hits"
        yield f"  {'process':<10}  {'CPU s / 1000':>12}  {'peak MiB':>8}"
        cpu = self._cpu_s_per_1000()
        for name in sorted(cpu, key=lambda one: (one == ALL, -cpu[one].median)):
            peak = f"{self.peak_bytes[name] / _MIB:.0f}" if name in self.peak_bytes else "-"
            yield f"  {name:<10}  {cpu[name].median:>12.3f}  {peak:>8}"
        for one in self.grown:
            where = f"{one.rows} rows of history" if one.rows else f"{one.nodes} more nodes"
            grew = ", ".join(f"{name} {size:+.1f}" for name, size in sorted(one.resident_mib.items()) if size >= 0.1)
            share = f"{one.ratio:.2f} of the median above"
            yield f"  {one.condition:<11}  {one.nodes_per_s:.0f} nodes/s over {where}, {share}"
            yield f"               resident MiB after it: {grew or 'as before'}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": self.workload,
                "in_flight": self.in_flight,
                "nodes": self._nodes,
                "nodes_per_s": rounded(self._spread("nodes_per_s"), 1),
                "floor": round(self._spread("floor_nodes_per_s").median, 1),
                "floor_nodes_per_s": rounded(self._spread("floor_nodes_per_s"), 1),
                "floor_batch": self.floor.batch,
                "floor_connections": self.floor.connections,
                "ratio": rounded(self._spread("ratio"), 4),
                "alone_ms_p50": round(percentile(self.alone_ms, 50), 2),
                "alone_ms_p99": round(percentile(self.alone_ms, 99), 2),
                "loaded_ms_p50": round(percentile(self.loaded_ms, 50), 1),
                "loaded_ms_p99": round(percentile(self.loaded_ms, 99), 1),
                "cpu_s_per_1000": {name: rounded(one, 4) for name, one in self._cpu_s_per_1000().items()},
                "peak_mib": {name: round(size / _MIB, 1) for name, size in self.peak_bytes.items()},
                "transactions_per_node": round(self._per_node(self._sum("transactions")), 4),
                "wal_syncs_per_node": round(self._per_node(self.wal_syncs), 4),
                "work_messages": self._sum("work_messages"),
                "reuse_hits": self._sum("reuse_hits"),
                "grown": [_grown_json(one) for one in self.grown],
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )

    @property
    def _nodes(self) -> int:
        return self._sum("nodes")

    def _sum(self, name: str) -> int:
        return sum(getattr(one, name) for one in self.rounds)

    def _spread(self, name: str) -> Spread:
        return Spread.of([getattr(one, name) for one in self.rounds])

    def _per_node(self, count: int) -> float:
        return count / self._nodes

    def _cpu_s_per_1000(self) -> dict[str, Spread]:
        names = {name for one in self.rounds for name in one.cpu_s}
        return {
            name: Spread.of([one.cpu_s.get(name, 0.0) * 1000 / one.nodes for one in self.rounds])
            for name in sorted(names)
        }


def _grown_json(one: Grown) -> dict[str, object]:
    return {
        "condition": one.condition,
        "rows": one.rows,
        "nodes": one.nodes,
        "nodes_per_s": round(one.nodes_per_s, 1),
        "ratio": round(one.ratio, 3),
        "resident_mib": {name: round(size, 1) for name, size in one.resident_mib.items()},
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def words(spread: Spread, digits: int) -> str:
    """For a line."""
    return f"{spread.median:.{digits}f} (lowest {spread.min:.{digits}f}, highest {spread.max:.{digits}f})"


def rounded(spread: Spread, digits: int) -> dict[str, float]:
    """For JSON."""
    return {"min": round(spread.min, digits), "median": round(spread.median, digits), "max": round(spread.max, digits)}
