"""The words of a filter."""

import re

from pipeline_service.domain.lists.errors import InvalidFilter
from pipeline_service.domain.lists.values import Operator

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\s()\"'=<>!:.]+")
_OPERATOR = re.compile(r"<=|>=|!=|[=<>:]")
# An address or a time may stand without quotes.
_BARE = re.compile(r"[^\s()\"'=<>!]+")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Scanner:
    """Stands at a place of the text; each method looks at what is next, behind white space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._skip()

    @property
    def column(self) -> int:
        """From 1."""
        return self._place + 1

    def ends(self) -> bool:
        return self._place == len(self._text)

    def take(self, symbol: str) -> bool:
        """Go on behind a symbol if it is next."""
        if not self._text.startswith(symbol, self._place):
            return False
        self._go_to(self._place + len(symbol))
        return True

    def take_word(self, word: str) -> bool:
        """The same for a word like `AND`, which something else must follow."""
        found = _NAME.match(self._text, self._place)
        if found is None or found[0] != word:
            return False
        self._go_to(found.end())
        return True

    def name(self) -> str:
        return self._expect(_NAME, "a field")[0]

    def operator(self, behind: str) -> Operator:
        known = ", ".join(Operator)
        return Operator(self._expect(_OPERATOR, f"one of {known} behind '{behind}'")[0])

    def value(self, behind: str) -> str:
        """A bare word, or text in single or double quotes, where a backslash takes the next character as it is."""
        if self._text[self._place : self._place + 1] in {"'", '"'}:
            found = self._expect(_QUOTED, "the closing quote")
            return _ESCAPE.sub(r"\1", found[1] if found[1] is not None else found[2])
        return self._expect(_BARE, f"a value behind '{behind}'")[0]

    def refuse(self, expected: str) -> InvalidFilter:
        """The error of something else being next."""
        rest = self._text[self._place : self._place + 20]
        found = f"'{rest}'" if rest else "the end"
        return InvalidFilter(self.column, f"expected {expected}, found {found}")

    def _expect(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        found = pattern.match(self._text, self._place)
        if found is None:
            raise self.refuse(expected)
        self._go_to(found.end())
        return found

    def _go_to(self, place: int) -> None:
        self._place = place
        self._skip()

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._place)
        self._place = found.end() if found else self._place
