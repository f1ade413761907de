"""What a run says of itself."""

import json
from collections import Counter

from tests.chaos.checks import Findings
from tests.chaos.report import Report, percentile, waited_share
from tests.chaos.storm import Damage
from tests.unit.chaos.histories import a_good_run, an_event

NOTHING = Findings(lost=(), stuck=(), stale_accepted=(), double_effects=(), double_paid=(), unknown=())
KEYS = {
    "executions",
    "kills",
    "kills_in_flight",
    "faults",
    "lost",
    "stuck",
    "stale_accepted",
    "double_effects",
    "double_paid",
    "unknown",
    "recovery_s",
    "seed",
}


def a_report(findings: Findings = NOTHING) -> Report:
    damage = Damage(kills=Counter(nats=2, pipeline=1), kills_in_flight=3, faults=Counter(cut=4))
    damage.recoveries_s += [3.0, 1.0, 2.0]
    return Report(
        seed=7,
        seconds=20.0,
        settle_s=1.5,
        executions=100,
        waited_share=0.4,
        damage=damage,
        findings=findings,
        load_average=0.5,
    )


def test_json_counts_what_was_done_and_what_was_found() -> None:
    told = json.loads(a_report(Findings(**{**vars(NOTHING), "lost": ("a run",)})).as_json())

    assert told.keys() >= KEYS
    assert (told["kills"], told["kills_in_flight"], told["faults"]) == ({"nats": 2, "pipeline": 1}, 3, {"cut": 4})
    assert (told["lost"], told["stuck"]) == (1, 0)
    assert told["recovery_s"] == {"p50": 2.0, "p99": 3.0, "max": 3.0}


def test_findings_are_told_with_the_seed_that_shows_them_again() -> None:
    lines = a_report(Findings(**{**vars(NOTHING), "stuck": ("run r1 is not over",)})).lines()

    assert "    run r1 is not over" in lines
    assert lines[-1] == "found with seed 7"


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.99) is None


def test_only_parked_executions_that_lasted_have_waited() -> None:
    evidence = a_good_run()
    assert waited_share(evidence) == 0

    parked = an_event("EXECUTION_WAITING", execution="e-called", states=("RUNNING", "WAITING"))
    evidence.events.append(parked)  # type: ignore[attr-defined]

    assert waited_share(evidence) == 1 / 3
