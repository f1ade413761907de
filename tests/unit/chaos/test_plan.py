"""The timetable of a run."""

from collections import Counter
from itertools import pairwise

from tests.chaos.plan import EDGES, FIRST_S, LAST_S, NETWORK, PAUSED, VICTIMS, FaultKind, plan_faults


def test_equal_seeds_plan_the_same_and_others_something_else() -> None:
    first, again, other = (plan_faults(seed=seed, seconds=60) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_two_minutes_hold_forty_kills_of_every_kind_of_process() -> None:
    kills = Counter(fault.target for fault in plan_faults(seed=7, seconds=120) if fault.kind is FaultKind.KILL)

    assert sum(kills.values()) >= 40
    assert set(kills) == set(VICTIMS)
    assert min(kills.values()) >= 4


def test_kills_are_spread_over_the_whole_load() -> None:
    times = [fault.at_s for fault in plan_faults(seed=7, seconds=120) if fault.kind is FaultKind.KILL]

    assert min(times) >= FIRST_S
    assert max(times) <= 120 - LAST_S
    assert max(later - sooner for sooner, later in pairwise(times)) < 4


def test_the_queue_loses_its_disk_in_the_middle() -> None:
    wipes = [fault for fault in plan_faults(seed=7, seconds=120) if fault.kind is FaultKind.WIPE]

    assert [(fault.at_s, fault.target) for fault in wipes] == [(60.0, "nats")]


def test_an_hour_meets_every_fault_of_every_edge_and_pauses_everything() -> None:
    faults = plan_faults(seed=7, seconds=3600)

    met = {(fault.kind, fault.target) for fault in faults if fault.kind in NETWORK}
    assert met == {(kind, edge) for kind in NETWORK for edge in EDGES}
    assert {fault.target for fault in faults if fault.kind is FaultKind.PAUSE} == set(PAUSED)
