"""When each character of a text appears."""

from collections.abc import Sequence

_CHARACTERS_PER_S = 26.0
_LEAD_IN_S = 0.6
_HOLD_S = 1.6
_MIN_S, _MAX_S = 4.0, 40.0
_INDENT_EFFORT, _NEWLINE_EFFORT = 0.1, 4.0
_GOLDEN = 0.6180339887


def natural_duration_s(text: Sequence[str]) -> float:
    """How long a film of this text is at a pleasant speed, lead-in and hold included."""
    typing_s = sum(_efforts(text)) / _CHARACTERS_PER_S
    return round(min(max(typing_s + _LEAD_IN_S + _HOLD_S, _MIN_S), _MAX_S), 1)


def appearances_s(text: Sequence[str], *, duration_s: float) -> list[float]:
    """The moment at which each character is there, rising, all within lead-in and hold of the film."""
    lead_in_s, hold_s = min(_LEAD_IN_S, duration_s * 0.1), min(_HOLD_S, duration_s * 0.25)
    efforts = _efforts(text)
    pace = (duration_s - lead_in_s - hold_s) / max(sum(efforts), 1e-9)
    moments = []
    at_s = lead_in_s
    for effort in efforts:
        at_s += effort * pace
        moments.append(at_s)
    return moments


def _efforts(text: Sequence[str]) -> list[float]:
    """Hands are quick at indents, rest at line ends, and are never quite even."""
    efforts = []
    in_indent = True
    for number, character in enumerate(text):
        in_indent = character in " \n" and (in_indent or character == "\n")
        if character == "\n":
            efforts.append(_NEWLINE_EFFORT)
        elif in_indent:
            efforts.append(_INDENT_EFFORT)
        else:
            efforts.append(0.7 + 0.6 * (number * _GOLDEN % 1))
    return efforts
