"""What is wrong with a document, each with its place."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nlargest
from os.path import commonprefix

MAX_PROBLEMS = 1000
# A place and a description repeat what somebody sent, which may be of any length.
MAX_FIELD, MAX_DESCRIPTION = 256, 1024
# A comparison takes some 50 µs. Without a limit, a document of 2,000 nodes with 10,000 wrong references took a quarter
# of an hour, in which the service did nothing else.
MAX_HINTS = 20
MAX_CANDIDATES = 100


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One problem of a document."""

    field: str
    """Place, for example `nodes[3].inputs.audio`."""
    description: str


class Violations:
    """Collects problems, so that a user sees all of them at once; far more than anybody reads are not kept."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self._hints_left = MAX_HINTS

    def add(self, field: str, description: str) -> None:
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Violation(field=_cut(field, MAX_FIELD), description=_cut(description, MAX_DESCRIPTION)))

    def did_you_mean(self, word: str, known: Iterable[str]) -> str:
        """A hint to append to a description; empty when nothing is near, or when many were given already."""
        if not self._hints_left:
            return ""
        self._hints_left -= 1
        return did_you_mean(word, known)

    def did_you_mean_or(self, word: str, known: Collection[str], otherwise: str) -> str:
        """The same; where nothing is near, what there is."""
        return self.did_you_mean(word, known) or f"; {otherwise} {spelled(known) or 'none'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to a description; empty when nothing is near. Capitals make no difference."""
    wanted = word.lower()
    candidates = {one.lower(): one for one in known}
    names = list(candidates)
    if len(names) > MAX_CANDIDATES:
        # Characters are compared, not folders.
        names = nlargest(MAX_CANDIDATES, names, key=lambda one: len(commonprefix((one, wanted))))  # noqa: RUF071
    near = get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"; did you mean '{candidates[near[0]]}'?" if near else ""


def spelled(words: Iterable[str]) -> str:
    """Words in quotes, for a description."""
    return ", ".join(f"'{word}'" for word in words)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
