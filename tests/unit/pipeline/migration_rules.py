"""What a migration does, and what of it the code before it could not live with."""

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from pipeline_service.store import migrations

FOLDER = Path(migrations.__file__).parent
_COMMENT = re.compile(r"--[^\n]*")
_TABLE = r"(?:ONLY )?(?P<table>[a-z_]+)"
_ALTER = re.compile(rf"ALTER TABLE {_TABLE} (?P<changes>.+)")
_CREATE_TABLE = re.compile(rf"CREATE TABLE {_TABLE}")
_UNIQUE_INDEX = re.compile(rf"CREATE UNIQUE INDEX \S+ ON {_TABLE}")
_ADD_COLUMN = re.compile(r"ADD COLUMN (?P<column>\S+) (?P<rest>.+)")
_CHANGES_ANYWHERE: Mapping[str, str] = {
    r"\bDROP (TABLE|INDEX|FUNCTION|SEQUENCE|TRIGGER|VIEW|TYPE)\b": "drops what the old code may use",
    r"\bRENAME\b": "renames what the old code knows",
    r"^(CREATE OR REPLACE|CREATE TRIGGER|CREATE RULE)\b": "changes what statements of the old code do",
    r"^(DELETE FROM|TRUNCATE)\b": "removes rows that the old code may read",
    # A function that is new begins with the right of everybody to call it.
    r"^REVOKE (?!ALL ON FUNCTION .+ FROM PUBLIC$)": "takes a right away that the old code may use",
}
_CHANGES_OF_COLUMNS: Mapping[str, str] = {
    r"^DROP\b": "drops what the old code may use",
    r"^ALTER COLUMN \S+ (SET DATA )?TYPE\b": "changes the type of a column",
    r"^ALTER COLUMN \S+ SET NOT NULL\b": "refuses rows that the old code writes",
    r"^ALTER COLUMN \S+ DROP DEFAULT\b": "takes a value away that the old code does not give",
    r"^ADD (CONSTRAINT \S+ )?(CHECK|UNIQUE|FOREIGN|PRIMARY|EXCLUDE)\b": "refuses rows that the old code writes",
}


def all_statements() -> dict[str, list[str]]:
    """The statements of each migration's way up, by the stem of its file, oldest first; each in one line."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes |= {"engine_role": "engine", "edit_role": "edit"}
    scripts = ScriptDirectory.from_config(config)
    found = {}
    for script in reversed(list(scripts.walk_revisions())):
        written = StringIO()
        with EnvironmentContext(config, scripts, as_sql=True) as environment:
            environment.configure(dialect_name="postgresql", output_buffer=written)
            with Operations.context(environment.get_context()):
                script.module.upgrade()
        found[Path(script.path).stem] = [_plain(one) for one in written.getvalue().split(";\n\n") if one.strip()]
    return found


def tables_made(statements: list[str]) -> set[str]:
    """Tables that are new: what holds for them concerns no old code."""
    return {made["table"] for one in statements if (made := _CREATE_TABLE.match(one))}


def faults(statements: list[str]) -> Iterator[tuple[str, str]]:
    """Statements that may not run while the old code does, each with the reason."""
    new = tables_made(statements)
    for one in statements:
        for reason in _reasons(one, new):
            yield one, reason


def _reasons(statement: str, new: set[str]) -> Iterator[str]:
    for pattern, reason in _CHANGES_ANYWHERE.items():
        if re.search(pattern, statement):
            yield reason
    if (index := _UNIQUE_INDEX.match(statement)) and index["table"] not in new:
        yield "refuses rows that the old code writes"
    altered = _ALTER.match(statement)
    if altered is None or altered["table"] in new:
        return
    for change in _parts(altered["changes"]):
        for pattern, reason in _CHANGES_OF_COLUMNS.items():
            if re.search(pattern, change):
                yield reason
        added = _ADD_COLUMN.match(change)
        if added and "NOT NULL" in added["rest"] and not re.search(r"\b(DEFAULT|GENERATED)\b", added["rest"]):
            yield f"column '{added['column']}' is NOT NULL and has no default: the old code gives it no value"


def _plain(statement: str) -> str:
    return " ".join(_COMMENT.sub(" ", statement).split())


def _parts(changes: str) -> Iterator[str]:
    """What an ALTER TABLE does one after the other, parted by commas outside of brackets."""
    depth, begin = 0, 0
    for at, letter in enumerate(changes):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield changes[begin:at].strip()
            begin = at + 1
    yield changes[begin:].strip()
