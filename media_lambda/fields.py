"""Reads untyped JSON and collects everything that is wrong with it."""

from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]


class Fields:
    """One JSON object being read. Faults go to a list shared by all objects of one event."""

    def __init__(self, values: object, *, place: str = "", faults: list[str]) -> None:
        self._faults = faults
        self._place = place
        self._values: JsonObject = {}
        if isinstance(values, Mapping):
            self._values = values
        elif values is not None:
            self._fault("", "an object", values)

    def child(self, name: str) -> "Fields":
        """The object at `name`; an absent one reads as empty."""
        return Fields(self._values.get(name), place=self._path(name), faults=self._faults)

    def has(self, name: str) -> bool:
        """Whether there is a value other than null."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        """A non-empty string; "" after recording a fault."""
        value = self._values.get(name)
        if isinstance(value, str) and value:
            return value
        self._fault(name, "a text", value)
        return ""

    def choice(self, name: str, choices: tuple[str, ...], *, default: str) -> str:
        """One of `choices`."""
        value = self._values.get(name, default)
        value = default if value is None else value
        if value in choices:
            return str(value)
        self._fault(name, "one of " + ", ".join(choices), value)
        return default

    def flag(self, name: str) -> bool:
        """A required boolean."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            self._fault(name, "true or false", value)
        return value is True

    def number(self, name: str, *, low: float, high: float, default: float) -> float:
        """A number with `low` <= number <= `high`."""
        value = self.optional_number(name, low=low, high=high)
        return default if value is None else value

    def optional_number(self, name: str, *, low: float, high: float) -> float | None:
        """As `number`; None when absent."""
        value = self._values.get(name)
        if value is None:
            return None
        # The comparison is false for NaN and both infinities, which Python's JSON reader lets through.
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self._fault(name, f"a number from {low:g} to {high:g}", value)
        return None

    def pixels(self, name: str, *, low: int) -> int | None:
        """A whole number of pixels, or None when absent."""
        value = self._values.get(name)
        if value is None:
            return None
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if is_whole and not isinstance(value, bool) and value >= low:
            return int(value)
        self._fault(name, f"a whole number of pixels, at least {low}", value)
        return None

    def texts(self, name: str) -> list[str]:
        """A list of non-empty strings; one string counts as a list of one."""
        value = self._values.get(name)
        if isinstance(value, str) and value:
            return [value]
        if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
            return list(value)
        self._fault(name, "a list of s3://bucket/key", value)
        return []

    def fault(self, name: str, text: str) -> None:
        """Record a fault in words of the caller."""
        self._faults.append(f"{self._path(name)}: {text}")

    def _fault(self, name: str, expected: str, found: object) -> None:
        self.fault(name, f"expected {expected}, found {_shown(found)}")

    def _path(self, name: str) -> str:
        return ".".join(part for part in (self._place, name) if part) or "event"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
