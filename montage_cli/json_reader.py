"""JSON with the line of every value; refuses repeated keys, which the standard library would swallow."""

import json
import re
from bisect import bisect_right
from typing import NoReturn

from montage_cli.json_values import MAX_DEPTH, MAX_VALUES, JsonValue, Unreadable
from montage_cli.problems import Problem
from montage_cli.yaml_scalars import InvalidScalar, number

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_WORDS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_WORD = re.compile(r"[a-zA-Z]+")


def read_json(text: str) -> tuple[JsonValue, dict[str, int]]:
    """The value of `text` and the line of every path in it. Raises Unreadable."""
    reader = _Reader(text)
    return reader.document(), reader.lines


class _Reader:
    """A recursive descent; bounded by MAX_DEPTH."""

    def __init__(self, text: str) -> None:
        self.lines: dict[str, int] = {}
        self._text = text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> JsonValue:
        self._skip_space()
        if self._at == len(self._text):
            self._refuse("the document is empty", "")
        value = self._value("", self._line(), depth=0)
        self._skip_space()
        if self._at < len(self._text):
            self._refuse("expected the end of the document", "")
        return value

    def _value(self, place: str, line: int, *, depth: int) -> JsonValue:
        self.lines[place] = line
        if len(self.lines) > MAX_VALUES:
            self._refuse(f"the document has more than {MAX_VALUES} values", place)
        if depth > MAX_DEPTH:
            self._refuse(f"lists and mappings are nested more than {MAX_DEPTH} deep", place)
        match self._text[self._at : self._at + 1]:
            case "{":
                return self._object(place, depth)
            case "[":
                return self._array(place, depth)
            case '"':
                return self._string(place)
        return self._number_or_word(place)

    def _object(self, place: str, depth: int) -> JsonValue:
        found: dict[str, JsonValue] = {}
        key_lines: dict[str, int] = {}
        self._at += 1
        self._skip_space()
        while not self._took("}"):
            if found:
                self._expect(",", "',' or '}'", place)
            key, line = self._key(place)
            if key in found:
                self._refuse(f"the key '{key}' is in line {key_lines[key]} already", place)
            key_lines[key] = line
            self._expect(":", "':'", place)
            found[key] = self._value(f"{place}.{key}" if place else key, line, depth=depth + 1)
            self._skip_space()
        return found

    def _array(self, place: str, depth: int) -> JsonValue:
        found: list[JsonValue] = []
        self._at += 1
        self._skip_space()
        while not self._took("]"):
            if found:
                self._expect(",", "',' or ']'", place)
            found.append(self._value(f"{place}[{len(found)}]", self._line(), depth=depth + 1))
            self._skip_space()
        return found

    def _key(self, place: str) -> tuple[str, int]:
        line = self._line()
        if self._text[self._at : self._at + 1] != '"':
            self._refuse("expected a key in double quotes", place)
        key = self._string(place)
        self._skip_space()
        return key, line

    def _string(self, place: str) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._refuse("this text is not closed, or holds a control character", place)
        try:
            value = str(json.loads(match[0]))
        except ValueError:
            self._refuse("this text has an unknown escape", place)
        if any("\ud800" <= character <= "\udfff" for character in value):
            self._refuse("this text has half of a surrogate pair", place)
        self._at = match.end()
        return value

    def _number_or_word(self, place: str) -> JsonValue:
        match = _NUMBER.match(self._text, self._at)
        if match is not None:
            try:
                value = number(match[0], is_integer=match["rest"] == "")
            except InvalidScalar as err:
                self._refuse(str(err), place)
            self._at = match.end()
            return value
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] not in _WORDS:
            self._refuse("expected a value", place)
        self._at = word.end()
        return _WORDS[word[0]]

    def _expect(self, character: str, words: str, place: str) -> None:
        self._skip_space()
        if not self._took(character):
            self._refuse(f"expected {words}", place)
        self._skip_space()

    def _took(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._line_starts, self._at)

    def _refuse(self, message: str, place: str) -> NoReturn:
        line = self._line()
        column = self._at - self._line_starts[line - 1] + 1
        raise Unreadable(Problem(message=f"is not a JSON document: {message}", place=place, line=line, column=column))
