"""Plain JSON values as the two readers make them, and how large they may be."""

from typing import TypeAlias

from montage_cli.problems import Problem

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None

MAX_DEPTH = 30
"""Of lists and mappings in each other; protobuf refuses a Struct that is much deeper."""
MAX_VALUES = 500_000
"""Values of one document, aliases counted by what they stand for."""
LARGEST_INTEGER = 2**53
"""Integers travel as doubles; above, neighbours would become equal."""


class Unreadable(ValueError):
    """A document whose form is wrong; carries what was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
