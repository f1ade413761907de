"""What `bin/bench api` prints: lines for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One kind of call, made again and again by some callers at once."""

    seconds: float
    milliseconds: Sequence[float]
    """Of each call."""
    cpu_s: float = 0.0
    """Of the service's process; 0 where it has no part."""

    @property
    def calls_per_s(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def calls_per_cpu_s(self) -> float:
        return len(self.milliseconds) / self.cpu_s

    @property
    def p50_ms(self) -> float:
        return median(self.milliseconds)

    @property
    def p99_ms(self) -> float:
        return quantiles(self.milliseconds, n=100)[98]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A call, through the service and as its bare statements."""

    call: Lap
    floor: Lap
    statements: int
    target_per_cpu_s: float | None = None
    target_per_s: float | None = None

    @property
    def ratio(self) -> float:
        return self.call.calls_per_s / self.floor.calls_per_s

    def words(self) -> str:
        call, floor = self.call, self.floor
        aims = [f"{self.target_per_cpu_s:,.0f} by CPU s"] if self.target_per_cpu_s else []
        aims += [f"{self.target_per_s:,.0f}/s"] if self.target_per_s else []
        return (
            f"{call.calls_per_s:8,.0f} {call.calls_per_cpu_s:9,.0f} {call.p50_ms:7.1f} {call.p99_ms:7.1f}"
            f" {floor.calls_per_s:9,.0f} {floor.p50_ms:7.1f} {floor.p99_ms:7.1f} {self.ratio:6.2f}"
            f" {self.statements:6}   {', '.join(aims) or '-'}"
        )

    def as_object(self) -> dict[str, float]:
        return {
            "calls_per_s": round(self.call.calls_per_s, 1),
            "calls_per_cpu_s": round(self.call.calls_per_cpu_s, 1),
            "p50_ms": round(self.call.p50_ms, 2),
            "p99_ms": round(self.call.p99_ms, 2),
            "floor_p50_ms": round(self.floor.p50_ms, 2),
            "floor_p99_ms": round(self.floor.p99_ms, 2),
            "statements": self.statements,
        }


@dataclass(frozen=True, kw_only=True)
class ApiReport:
    cores: int
    load_average: float
    """Of the minute before the first measurement."""
    callers: int
    operations: Mapping[str, Operation]

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"api, {self.callers} callers, on {self.cores} cores, load average {self.load_average:.2f} before"
        yield "           calls/s  by CPU s  p50 ms  p99 ms   floor/s  p50 ms  p99 ms  ratio  stmts   target"
        for name, operation in self.operations.items():
            yield f"  {name:<8} {operation.words()}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "api",
                "callers": self.callers,
                "floor": {name: round(one.floor.calls_per_s, 1) for name, one in self.operations.items()},
                "ratio": {name: round(one.ratio, 3) for name, one in self.operations.items()},
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
                **{name: one.as_object() for name, one in self.operations.items()},
            }
        )
