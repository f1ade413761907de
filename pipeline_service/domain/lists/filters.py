"""Reads `filter`: a subset of AIP-160. OR binds tighter than AND, as there."""

from collections.abc import Callable

from pipeline_service.domain.lists.comparisons import read_comparison
from pipeline_service.domain.lists.errors import InvalidFilter
from pipeline_service.domain.lists.fields import Listing
from pipeline_service.domain.lists.scanner import Scanner
from pipeline_service.domain.lists.values import Conjunction, Disjunction, Filter, Negation

MAX_DEPTH = 16
MAX_TERMS = 64


def read_filter(text: str, listing: Listing) -> Filter | None:
    """The filter that a text says; None for an empty one. Raises InvalidFilter."""
    scanner = Scanner(text)
    if scanner.ends():
        return None
    parser = _Parser(scanner, listing)
    found = parser.expression()
    if not scanner.ends():
        raise scanner.refuse("AND, OR or the end")
    return found


class _Parser:
    """`expression = factor {AND factor}`, `factor = term {OR term}`, `term = [NOT | -] (comparison | "(" … ")")`."""

    def __init__(self, scanner: Scanner, listing: Listing) -> None:
        self._scanner = scanner
        self._listing = listing
        self._depth = 0
        self._terms = 0

    def expression(self) -> Filter:
        parts = self._joined("AND", self._factor)
        return parts[0] if len(parts) == 1 else Conjunction(parts)

    def _factor(self) -> Filter:
        parts = self._joined("OR", self._term)
        return parts[0] if len(parts) == 1 else Disjunction(parts)

    def _joined(self, word: str, part: Callable[[], Filter]) -> tuple[Filter, ...]:
        parts = [part()]
        while self._scanner.take_word(word):
            parts.append(part())
        return tuple(parts)

    def _term(self) -> Filter:
        if self._scanner.take_word("NOT") or self._scanner.take("-"):
            return Negation(self._nested(self._term))
        if not self._scanner.take("("):
            return self._comparison()
        found = self._nested(self.expression)
        if not self._scanner.take(")"):
            raise self._scanner.refuse("AND, OR or ')'")
        return found

    def _comparison(self) -> Filter:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise InvalidFilter(self._scanner.column, f"expected at most {MAX_TERMS} comparisons")
        return read_comparison(self._scanner, self._listing)

    def _nested(self, part: Callable[[], Filter]) -> Filter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidFilter(self._scanner.column, f"nested deeper than {MAX_DEPTH} levels")
        found = part()
        self._depth -= 1
        return found
