"""What goes wrong and when: a timetable that is a function of seed and length alone."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

VICTIMS = ("postgres", "pipeline", "executor", *("nats", "gateway", "lambda") * 2)
"""Who dies in each round. Half as often those without whom nothing goes on: who holds no work, loses none."""
PAUSED = ("postgres", "nats", "pipeline", "executor", "gateway")
EDGES = (
    "client-pipeline",
    "executor-pipeline",
    "gateway-pipeline",
    "executor-vendor",
    "caller-gateway",
    "pipeline-postgres",
    "pipeline-nats",
    "executor-nats",
)
FIRST_S = 4.0
"""The load gets so long to be under way."""
LAST_S = 3.0
"""And nothing begins so shortly before the end."""
KILL_EVERY_S = 2.2
PAUSE_EVERY_S = 12.0
DISTURB_EVERY_S = 3.0
WIPE_EVERY_S = 600.0
LONGEST_PAUSE_S = 8.0
"""Longer than a lease: the worker wakes up as one whose work was given away."""
T = TypeVar("T")


class FaultKind(StrEnum):
    KILL = "kill"
    """SIGKILL to a process."""
    PAUSE = "pause"
    """SIGSTOP, and SIGCONT after a while."""
    DELAY = "delay"
    """Bytes of an edge come late, in both directions."""
    CUT = "cut"
    """An edge loses its connections and gets no new ones for a while."""
    DROP_ANSWERS = "drop_answers"
    """Requests arrive, answers do not; then the connections break."""
    WIPE = "wipe"
    """The work queue is killed and loses its disk."""


NETWORK = (FaultKind.DELAY, FaultKind.CUT, FaultKind.DROP_ANSWERS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    at_s: float
    """From the beginning of the load."""
    kind: FaultKind
    target: str
    """A process, or an edge."""
    lasts_s: float = 0.0


def plan_faults(*, seed: int, seconds: float) -> Sequence[Fault]:
    """All faults of a run, by time. Kills are spread evenly over it, and over its processes by rounds."""
    chance = random.Random(seed)
    end = seconds - LAST_S
    faults = [
        Fault(at_s=at, kind=FaultKind.KILL, target=victim)
        for at, victim in zip(_times(chance, KILL_EVERY_S, end), _in_bags(chance, VICTIMS), strict=False)
    ]
    faults += [
        Fault(at_s=at, kind=FaultKind.PAUSE, target=victim, lasts_s=chance.uniform(0.5, LONGEST_PAUSE_S))
        for at, victim in zip(_times(chance, PAUSE_EVERY_S, end), _in_bags(chance, PAUSED), strict=False)
    ]
    edges = _in_bags(chance, [(kind, edge) for kind in NETWORK for edge in EDGES])
    faults += [
        Fault(at_s=at, kind=kind, target=edge, lasts_s=chance.uniform(0.3, 2.5))
        for at, (kind, edge) in zip(_times(chance, DISTURB_EVERY_S, end), edges, strict=False)
    ]
    wipes = max(1, int(seconds / WIPE_EVERY_S))
    faults += [
        Fault(at_s=seconds * (number + 0.5) / wipes, kind=FaultKind.WIPE, target="nats") for number in range(wipes)
    ]
    return sorted(faults, key=lambda fault: fault.at_s)


def _times(chance: random.Random, every_s: float, end: float) -> Iterator[float]:
    at = FIRST_S + chance.uniform(0, every_s / 2)
    while at < end:
        yield at
        at += every_s * chance.uniform(0.8, 1.2)


def _in_bags(chance: random.Random, things: Sequence[T]) -> Iterator[T]:
    """For ever, each once in every round, each round in another order."""
    while True:
        yield from chance.sample(things, len(things))
