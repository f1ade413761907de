"""Small pieces of text for people."""

import unicodedata

_STAND_IN = "\N{REPLACEMENT CHARACTER}"
_KEY_WIDTH = 32
_HARMLESS = frozenset("\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


def printable(text: str) -> str:
    """Text from elsewhere (titles, tool output) without what could steer the terminal; line breaks and tabs stay."""
    return "".join(_STAND_IN if _steers(character) else character for character in text)


def seconds(value: float) -> str:
    """`2.1 s`, `75.0 s`."""
    return f"{value:.1f} s"


def size(count: int) -> str:
    """A number of bytes with its unit, for reading: `1.2 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def counted(count: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def short_key(key: str) -> str:
    """The end of a key of the store, for a table; the whole one is told by `describe` and in JSON."""
    return key if len(key) <= _KEY_WIDTH else f"…{key[1 - _KEY_WIDTH :]}"


def shortened(text: str, width: int) -> str:
    """The beginning of a text, for a table; the whole one is told elsewhere."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def last_lines(text: str, count: int) -> list[str]:
    """The last `count` lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()][-count:]


def _steers(character: str) -> bool:
    """Control characters, and those that turn the direction of writing; not those that join emoji and letters."""
    return character not in _HARMLESS and unicodedata.category(character) in {"Cc", "Cf", "Cs"}
