"""Reads values of a node's config; a wrong one is the user's to correct, so it gives up with words for a person."""

from collections.abc import Iterable

from executor_service.task import Config, ErrorType, GiveUp, Task


def text(config: Config, key: str) -> str | None:
    """None when absent or blank."""
    value = config.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(f"config.{key}: expected text, found {_kind(value)}")
    return value.strip() or None


def number(config: Config, key: str, *, low: float, high: float) -> float | None:
    """None when absent."""
    value = config.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"config.{key}: expected a number, found {_kind(value)}")
    if not low <= value <= high:
        raise invalid(f"config.{key}: expected {low:g} to {high:g}, found {value:g}")
    return float(value)


def whole_number(config: Config, key: str, *, low: int, high: int) -> int | None:
    """None when absent."""
    value = number(config, key, low=low, high=high)
    if value is None:
        return None
    if not value.is_integer():
        raise invalid(f"config.{key}: expected a whole number, found {value:g}")
    return int(value)


def require_provider(task: Task, allowed: Iterable[str]) -> str:
    """The task's vendor, if this executor knows it."""
    names = sorted(allowed)
    if task.provider not in names:
        raise invalid(f"{task.node_type}: expected provider {' or '.join(names)}, found {task.provider!r}")
    return task.provider


def invalid(message: str) -> GiveUp:
    return GiveUp(ErrorType.INVALID_INPUT, message)


def _kind(value: object) -> str:
    return {bool: "true or false", str: "text", list: "a list", dict: "an object"}.get(type(value), "a number")
