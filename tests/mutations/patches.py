"""The patches: each takes one guard away, and names the tests that must notice."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_HEADER = re.compile(r"(Guard|Caught-by): (.+)")


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One patch file."""

    path: Path
    guard: str
    """What is taken away, in words."""
    caught_by: tuple[str, ...]
    """Tests as pytest names them; at least one of them must fail."""

    @property
    def name(self) -> str:
        return self.path.stem


def all_mutations() -> list[Mutation]:
    """Every patch of this folder, by name. Raises ValueError for one that does not say what it is about."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def _read(path: Path) -> Mutation:
    """Its header is what stands before the first file: `Guard: …` once, `Caught-by: …` once or more."""
    head = path.read_text().partition("\n--- ")[0]
    found = [match.groups() for match in map(_HEADER.fullmatch, head.splitlines()) if match]
    guards = [text for field, text in found if field == "Guard"]
    tests = [text for field, text in found if field == "Caught-by"]
    if len(guards) != 1 or not tests:
        raise ValueError(f"{path.name}: expected one 'Guard: …' and some 'Caught-by: …' before the first file")
    return Mutation(path=path, guard=guards[0], caught_by=tuple(tests))
