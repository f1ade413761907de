"""What is wrong with a document, each problem with its place and line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from montage_cli.text import counted

_LAST_STEP = re.compile(r"(\.[^.\[\]]*|\[\d+\])$")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to correct."""

    message: str
    place: str = ""
    """Path in the document, for example `nodes[3].inputs.audio`; empty for the document as a whole."""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = [self.place] if self.place else []
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.column is not None:
            where.append(f"column {self.column}")
        return f"{', '.join(where)}: {self.message}" if where else self.message


class InvalidDocument(ValueError):
    """A document that cannot be imported; carries every problem that was found."""

    def __init__(
        self,
        path: Path,
        problems: Iterable[Problem],
        *,
        omitted: int = 0,
        note: str = "",
        outcome: str = "nothing was created",
    ) -> None:
        """`omitted` counts problems that the service found and could not list; `note` is added at the end.

        `outcome` says what did not come about; empty where nobody asked for anything but the problems.
        """
        self.path = path
        self.problems: Sequence[Problem] = sorted(problems, key=lambda one: (one.line or 0, one.column or 0))
        self.omitted = omitted
        self.note = note
        super().__init__(self._text(outcome))

    def with_outcome(self, outcome: str) -> "InvalidDocument":
        """The same problems, of somebody who wanted something else than to create."""
        return InvalidDocument(self.path, self.problems, omitted=self.omitted, note=self.note, outcome=outcome)

    def _text(self, outcome: str) -> str:
        count = counted(len(self.problems) + self.omitted, "problem")
        lines = [f"{self.path} has {count}{f'; {outcome}' if outcome else ''}:"]
        lines += [f"  {problem}" for problem in self.problems]
        if self.omitted:
            lines.append(f"  … and {self.omitted} more")
        if self.note:
            lines.append(self.note)
        return "\n".join(lines)


def line_of(place: str, lines: Mapping[str, int]) -> int | None:
    """The line of a place, or of the nearest thing around it that the document has."""
    while place and place not in lines:
        shorter = _LAST_STEP.sub("", place)
        place = shorter if shorter != place else ""
    return lines.get(place)
