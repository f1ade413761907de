"""Writes plain JSON values as YAML the way a person would: blocks, quotes only where needed, long text as it stands.

PyYAML's own emitter escapes text with tabs, folds lines and does not indent lists below their key; of it only the
judgement is used which words other readers would not take for text.
"""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from montage_cli.json_values import LARGEST_INTEGER, JsonValue
from montage_cli.yaml_scalars import InvalidScalar, plain_value

_TEXT_TAG = "tag:yaml.org,2002:str"
_STEP = "  "
# Control characters, what some readers take for the end of a line or drop, and what nobody sees (a soft hyphen, a
# space without width, turns of direction) but the two that join letters and emoji.
_NEEDS_ESCAPE = re.compile(
    "[^\t\n\x20-\x7e\xa0-\xac\xae-\u200a\u200c\u200d\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
# YAML 1.2 has other numbers than 1.1: `0o7`, and `+1e5` without a dot.
_NUMBER_OF_1_2 = re.compile(r"0o[0-7]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(value: Mapping[str, JsonValue]) -> str:
    """One document in YAML; equal values in equal order give equal bytes. Our reader and those of 1.1 and 1.2 agree."""
    writer = _Writer()
    return "".join(f"{line}\n" for line in writer.lines_of(dict(value), pad=""))


class _Writer:
    def __init__(self) -> None:
        self._judge = yaml.SafeDumper(io.StringIO(), allow_unicode=True)

    def lines_of(self, value: JsonValue, *, pad: str) -> Iterator[str]:
        """The lines of a mapping or list that has something in it, or of a scalar."""
        match value:
            case dict() if value:
                for key, item in value.items():
                    yield from self._entry(f"{pad}{self._inline(key)}:", item, pad=pad + _STEP)
            case list() if value:
                for item in value:
                    yield from self._item(item, pad=pad)
            case _:
                yield f"{pad}{self._scalar(value)}"

    def _entry(self, head: str, value: JsonValue, *, pad: str) -> Iterator[str]:
        """`key: value`, or the key alone with the value below it, indented by `pad`."""
        if isinstance(value, dict | list) and value:
            yield head
            yield from self.lines_of(value, pad=pad)
        elif isinstance(value, str) and _is_block(value):
            yield f"{head} {_block_head(value)}"
            yield from (f"{pad}{line}" if line else "" for line in _block_lines(value))
        else:
            yield f"{head} {self._scalar(value)}"

    def _item(self, value: JsonValue, *, pad: str) -> Iterator[str]:
        if isinstance(value, dict | list) and value:
            # The first line of the item stands behind the dash, the others below it.
            first, *others = self.lines_of(value, pad=pad + _STEP)
            yield f"{pad}- {first.removeprefix(pad + _STEP)}"
            yield from others
        else:
            yield from self._entry(f"{pad}-", value, pad=pad + _STEP)

    def _scalar(self, value: JsonValue) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case int() | float():
                return _number(value)
            case str():
                return self._inline(value)
            case list():
                return "[]"
            case dict():
                return "{}"

    def _inline(self, text: str) -> str:
        """Text in one line, in quotes if it would be read as something else without."""
        if self._is_plain(text):
            return text
        return '"' + _NEEDS_ESCAPE.sub(_escape, _quoted(text)) + '"'

    def _is_plain(self, text: str) -> bool:
        try:
            if plain_value(text) != text:
                return False
        except InvalidScalar:
            return False
        if _NUMBER_OF_1_2.fullmatch(text):
            return False
        form = self._judge.analyze_scalar(text)
        if not form.allow_block_plain or form.multiline or _NEEDS_ESCAPE.search(text):
            return False
        # YAML 1.1 has dates, `yes`, and `16:9` as a number to the base of 60.
        resolve: Any = self._judge.resolve
        return bool(resolve(yaml.ScalarNode, text, (True, False)) == _TEXT_TAG)


def _number(value: int | float) -> str:
    if isinstance(value, float) or abs(value) > LARGEST_INTEGER:
        text = repr(float(value))
        # YAML 1.1 takes `1e+21` for text.
        return text if "." in text else text.replace("e", ".0e")
    return str(value)


def _is_block(text: str) -> bool:
    """Whether text has several lines that can stand as they are. A first line with white space would need a number."""
    return "\n" in text and text[0] not in " \t\n" and not _NEEDS_ESCAPE.search(text)


def _block_head(text: str) -> str:
    """Says what becomes of line breaks at the end."""
    if text.endswith("\n\n"):
        return "|+"
    return "|" if text.endswith("\n") else "|-"


def _block_lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _quoted(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
