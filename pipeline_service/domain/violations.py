"""What is wrong with a document, each with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One problem of a document."""

    field: str
    """Place, for example `nodes[3].inputs.audio`."""
    description: str


class Violations:
    """Collects problems, so that a user sees all of them at once."""

    def __init__(self) -> None:
        self.found: list[Violation] = []

    def add(self, field: str, description: str) -> None:
        self.found.append(Violation(field=field, description=description))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to a description; empty when nothing is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def spelled(words: Iterable[str]) -> str:
    """Words in quotes, for a description."""
    return ", ".join(f"'{word}'" for word in words)
