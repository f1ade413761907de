"""Prints docs/configuration.md: every setting of every program, from the classes that read them.

`bin/gen` writes the page, a test compares it. Run by `python -m deploy.configuration`.
"""

import ast
import inspect
import itertools
import re
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from executor_service.config import ExecutorSettings
from media_lambda.settings import VARIABLES
from pipeline_service.config import MigrateSettings, Settings
from servicekit.config import HostPort, SecretFile, ServiceSettings

PROGRAMS: Mapping[str, type[ServiceSettings]] = {
    "Pipeline service": Settings,
    "Migration": MigrateSettings,
    "Executor": ExecutorSettings,
    "Callback gateway": GatewaySettings,
    "Gateway of internal callers": InternalSettings,
}
"""By the heading of their table."""

HEAD = """# Configuration

<!-- Written by bin/gen from the classes that read these variables: change their docstrings, not this page. -->

Every program reads its own prefix and nothing else: neither `DATABASE_URL` nor `AWS_*`, `PG*` or `NATS_URL`. An empty
variable counts as not set. A service that finds wrong, missing or unknown variables of its prefix names all of them,
the unknown ones with the nearest name there is, and ends with 2; the media function refuses every job so. A secret is
always given as the path of a file; a *secret file* is refused when others may read it. What clients and `bin/dev` read
is in [reference.md](reference.md#variables).
"""
COLUMNS = "| Variable | Type | Unit | Default | Meaning |\n|---|---|---|---|---|\n"
_PAGE = re.compile(r"docs/([a-z]+\.md)(#[a-z-]+)?")
NO_UNIT = "–"  # noqa: RUF001 - a dash, as tables have it


def page() -> str:
    """The whole page, as Markdown."""
    tables = {program: "".join(_rows(settings)) for program, settings in PROGRAMS.items()}
    tables["Media function"] = "".join(
        _row(name, one.kind, one.unit or NO_UNIT, one.default or "none", one.meaning) for name, one in VARIABLES.items()
    )
    return HEAD + "".join(f"\n## {program}\n\n{COLUMNS}{table}" for program, table in tables.items())


def meanings(settings: type[ServiceSettings]) -> dict[str, str]:
    """The docstring below each field that has one, base classes included."""
    found: dict[str, str] = {}
    for cls in reversed(settings.__mro__):
        if issubclass(cls, ServiceSettings):
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            found |= dict(_documented(definition))
    return found


def _documented(definition: ast.AST) -> Iterator[tuple[str, str]]:
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, below in itertools.pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def _rows(settings: type[ServiceSettings]) -> Iterator[str]:
    told = meanings(settings)
    for name, field in settings.model_fields.items():
        yield _row(settings.variable_of(name), _type(name, field), _unit(name), _default(field), told.get(name, ""))


def _row(variable: str, *cells: str) -> str:
    """Other pages are named from the root of the repository, this one lies beside them."""
    linked = (_PAGE.sub(r"[\1](\1\2)", cell.replace("|", "\\|")) for cell in cells)
    return f"| `{variable}` | " + " | ".join(linked) + " |\n"


def _type(name: str, field: FieldInfo) -> str:
    (kind,) = (kind for kind in _alternatives(field.annotation) if kind is not types.NoneType)
    inner, rules = kind, list(field.metadata)
    if get_origin(kind) is Annotated:
        inner, *written = get_args(kind)
        rules += [rule for one in written for rule in (one.metadata if isinstance(one, FieldInfo) else [one])]
    if get_args(SecretFile)[1] in rules:
        return "secret file"
    choice = next((str(rule.pattern) for rule in rules if getattr(rule, "pattern", None)), "")
    if choice.startswith("^(") and choice.endswith(")$"):
        return choice[2:-2].replace("|", ", ")
    return _word(name, inner) + _bounds(rules)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _word(name: str, kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "list a,b,c"
    if kind is str:
        return "URL" if name.endswith(("_url", "_endpoint")) else "text"
    if kind is Path:
        return "file" if name.endswith("_file") else "folder"
    words: Mapping[Any, str] = {bool: "0 or 1", int: "whole number", float: "number", HostPort: "host:port"}
    return words[kind]


def _bounds(rules: list[Any]) -> str:
    words: list[str] = []
    for rule in rules:
        match rule:
            case Gt(gt=least):
                words.append(f"more than {least}")
            case Ge(ge=least):
                words.append(f"at least {least}")
            case Lt(lt=most):
                words.append(f"less than {most}")
            case Le(le=most):
                words.append(f"at most {most}")
    return "".join(f", {word}" for word in words)


def _unit(name: str) -> str:
    for ending, unit in (("_per_s", "a second"), ("_s", "seconds"), ("_bytes", "bytes")):
        if name.endswith(ending):
            return unit
    return NO_UNIT


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    match field.default:
        case None:
            return "none"
        case bool() as value:
            return str(int(value))
        case "" | ():
            return "empty"
        case float() as value:
            return f"{value:g}"
        case tuple() as value:
            return ",".join(map(str, value))
        case value:
            return str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
