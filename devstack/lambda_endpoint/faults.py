"""What may go wrong with an accepted event on AWS, switched on for tests."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Probabilities from 0 to 1, and a delay for every event."""

    drop: float = 0.0
    """AWS says that events may be deleted without being run."""
    duplicate: float = 0.0
    """AWS runs events at least once."""
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to one event."""

    runs: int
    delay_s: float


def parse_faults(words: tuple[str, ...]) -> Faults:
    """Read `drop=P`, `duplicate=P` and `delay=SECONDS`. Raises ValueError."""
    found: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        field = "delay_s" if name == "delay" else name
        if field not in {"drop", "duplicate", "delay_s"}:
            raise ValueError(f"expected drop=P, duplicate=P or delay=SECONDS, found {word!r}")
        value = float(text)
        if value < 0 or (field != "delay_s" and value > 1):
            raise ValueError(f"expected a probability from 0 to 1 or a delay from 0 s, found {word!r}")
        found[field] = value
    return Faults(**found)


def decide(faults: Faults, chance: random.Random) -> Fate:
    """Draw the fate of one event."""
    if chance.random() < faults.drop:
        return Fate(runs=0, delay_s=faults.delay_s)
    return Fate(runs=2 if chance.random() < faults.duplicate else 1, delay_s=faults.delay_s)
