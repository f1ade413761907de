"""What a check of `montage doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    """Works today."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Could not be looked at, because one before it failed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    check: str
    result: Result
    saw: str
    """In words, also when all is well."""


def ok(check: str, saw: str) -> Finding:
    return Finding(check=check, result=Result.OK, saw=saw)


def warning(check: str, saw: str) -> Finding:
    return Finding(check=check, result=Result.WARNING, saw=saw)


def failed(check: str, saw: str) -> Finding:
    return Finding(check=check, result=Result.FAILED, saw=saw)


def skipped(check: str, because: str) -> Finding:
    return Finding(check=check, result=Result.SKIPPED, saw=f"not looked at, because of {because}")
