"""How an answer is written on standard output."""

from enum import StrEnum


class Format(StrEnum):
    """What `-o` takes. All but TABLE are for programs: then nothing else goes to standard output."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    """Resource names, one a line."""
