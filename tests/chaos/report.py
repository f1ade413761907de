"""What a run found, for people and for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.chaos.checks import Findings
from tests.chaos.evidence import Evidence
from tests.chaos.storm import Damage

WAITED_S = 1.0
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run with `seed`, its damage and what it did."""

    seed: int
    seconds: float
    """From the beginning of the load until all was quiet."""
    settle_s: float
    """Of these, after the last fault was healed."""
    executions: int
    waited_share: float
    """Of the executions: parked for a vendor or a caller, and at least a second old at their end."""
    damage: Damage
    findings: Findings
    load_average: float

    def as_json(self) -> str:
        """One object on one line."""
        recoveries = sorted(self.damage.recoveries_s)
        return json.dumps(
            {
                "executions": self.executions,
                "kills": dict(sorted(self.damage.kills.items())),
                "kills_in_flight": self.damage.kills_in_flight,
                "kills_left_out": self.damage.kills_left_out,
                "faults": dict(sorted(self.damage.faults.items())),
                **{name: len(found) for name, found in asdict(self.findings).items()},
                "recovery_s": {
                    "p50": percentile(recoveries, 0.5),
                    "p99": percentile(recoveries, 0.99),
                    "max": percentile(recoveries, 1.0),
                },
                "waited_share": round(self.waited_share, 3),
                "seconds": round(self.seconds, 1),
                "settle_s": round(self.settle_s, 1),
                "load_average": self.load_average,
                "seed": self.seed,
            }
        )

    def lines(self) -> Sequence[str]:
        kills = sum(self.damage.kills.values())
        recoveries = sorted(self.damage.recoveries_s)
        found = {name: sentences for name, sentences in asdict(self.findings).items() if sentences}
        said = [
            f"{self.executions} executions in {self.seconds:.0f} s; {self.waited_share:.0%} waited for others",
            f"{kills} kills, {self.damage.kills_in_flight} of them of a process at work "
            f"({self.damage.kills_left_out} more found their victim idle or away); "
            f"{sum(self.damage.faults.values())} other faults",
            f"recovery: p50 {percentile(recoveries, 0.5)} s, p99 {percentile(recoveries, 0.99)} s, "
            f"longest {percentile(recoveries, 1.0)} s; quiet {self.settle_s:.1f} s after the last fault",
        ]
        for name, sentences in found.items():
            said += [f"{name}: {len(sentences)}", *(f"    {sentence}" for sentence in sentences[:_SHOWN])]
        return [*said, "nothing lost, stuck or done twice" if not found else f"found with seed {self.seed}"]


def waited_share(evidence: Evidence) -> float:
    """Of all executions, how many were parked and lasted at least WAITED_S."""
    parked = {event["execution"] for event in evidence.events if event["type"] == "EXECUTION_WAITING"}
    waited = [one for one in evidence.executions if one["id"] in parked and (one["seconds"] or 0) >= WAITED_S]
    return len(waited) / max(1, len(evidence.executions))


def percentile(values: Sequence[float], share: float) -> float | None:
    """Of sorted values: the smallest that so large a share does not exceed; None of nothing."""
    if not values:
        return None
    return round(values[max(0, math.ceil(share * len(values)) - 1)], 2)
