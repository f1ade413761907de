"""Which failpoints the services pass, read from their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("pipeline_service", "executor_service", "callback_gateway")
_PASSING = ("hit", "_crash_point")


def failpoints_in_source() -> frozenset[str]:
    """Names of every place. Raises AssertionError for one whose name is not written where it is passed."""
    files = (path for service in SERVICES for path in sorted((ROOT / service).rglob("*.py")))
    return frozenset(name for path in files for name in _passed_in(path))


def _passed_in(path: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in _PASSING:
            continue
        [name] = call.args
        assert isinstance(name, ast.Constant), f"{path}:{call.lineno} passes a failpoint without saying which"
        assert isinstance(name.value, str)
        yield name.value
