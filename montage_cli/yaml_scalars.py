"""What plain (unquoted) words of YAML mean: null, booleans and JSON's numbers; everything else is text."""

import math
import re

from montage_cli.json_values import LARGEST_INTEGER

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|\.[0-9]+)")
_LONGEST_NUMBER = 64


class InvalidScalar(ValueError):
    """A number that cannot be kept as it is written."""


def plain_value(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar. Dates, `yes`, `0x1f`, `007` and `1_000` are text. Raises InvalidScalar."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    match = _NUMBER.fullmatch(text)
    return number(text, is_integer=match["rest"] == "") if match else text


def number(text: str, *, is_integer: bool) -> int | float:
    """A number that survives the way to the service, where all numbers are doubles. Raises InvalidScalar."""
    if len(text) > _LONGEST_NUMBER:
        raise InvalidScalar(f"the number {text[:20]}… has more than {_LONGEST_NUMBER} characters; put it in quotes")
    if is_integer:
        whole = int(text)
        if abs(whole) > LARGEST_INTEGER:
            raise InvalidScalar(f"the number {text} is too large to be kept exactly; put it in quotes")
        return whole
    value = float(text)
    if not math.isfinite(value):
        raise InvalidScalar(f"the number {text} is too large")
    return value
