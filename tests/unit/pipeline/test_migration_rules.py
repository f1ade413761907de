"""The code that still runs can live with a *pre* migration, as far as its statements tell."""

import pytest

from tests.unit.pipeline.migration_rules import all_statements, faults

STATEMENTS = all_statements()
BEFORE_THE_FIRST_RELEASE = {
    "0002_pre_roles": "the roles are new, and what is taken from them they get again at once",
    "0005_pre_purchases": "nothing was bought before it",
    "0006_pre_lists": "the indexes that it drops have successors that serve the same statements",
    "0008_pre_reuse": "what the old code queues has no owner, and is no part of the unique index",
    "0016_pre_credentials": "nothing was kept before it",
    "0017_pre_seals": "nothing was sealed before it, and what it takes it gives again column by column",
}
"""What is excused, and why. Nothing joins them: a later one is a post migration."""


@pytest.mark.parametrize("name", [name for name in STATEMENTS if "_pre_" in name])
def test_code_before_a_pre_migration_can_live_with_it(name: str) -> None:
    found = [f"{reason}: {statement}" for statement, reason in faults(STATEMENTS[name])]

    assert bool(found) == (name in BEFORE_THE_FIRST_RELEASE), f"make {name} a post migration: {found}"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE wakes",
        "DROP INDEX runs_newest",
        "ALTER TABLE nodes DROP COLUMN title",
        "ALTER TABLE nodes ADD COLUMN a int, DROP CONSTRAINT nodes_completed_has_output",
        "ALTER TABLE nodes RENAME COLUMN title TO name",
        "ALTER TABLE nodes RENAME TO steps",
        "ALTER TABLE nodes ALTER COLUMN attempts TYPE smallint",
        "ALTER TABLE nodes ALTER COLUMN failure SET NOT NULL",
        "ALTER TABLE nodes ALTER COLUMN paused DROP DEFAULT",
        "ALTER TABLE nodes ADD COLUMN kind text NOT NULL",
        "ALTER TABLE nodes ADD COLUMN a numeric(3, 2) DEFAULT 0, ADD COLUMN kind text NOT NULL",
        "ALTER TABLE nodes ADD CONSTRAINT short CHECK (length(title) < 9)",
        "ALTER TABLE nodes ADD UNIQUE (title)",
        "CREATE UNIQUE INDEX one_title ON nodes (title)",
        "CREATE OR REPLACE FUNCTION wake_waiters(text[]) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER count AFTER INSERT ON nodes EXECUTE FUNCTION f()",
        'REVOKE INSERT ON events FROM "engine"',
        "DELETE FROM requests",
        "TRUNCATE wakes",
    ],
)
def test_what_the_old_code_could_not_live_with_is_found(statement: str) -> None:
    assert [found for found, _ in faults([statement])] == [statement]


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE nodes ADD COLUMN kind text"],
        ["ALTER TABLE nodes ADD COLUMN kind text NOT NULL DEFAULT '' CHECK (kind IN ('', 'a', 'b'))"],
        ["CREATE INDEX by_kind ON nodes (kind)", "UPDATE nodes SET kind = 'a'"],
        ["CREATE TABLE kinds (name text NOT NULL)", "CREATE UNIQUE INDEX one ON kinds (name)"],
        ["CREATE TABLE kinds (name text)", "ALTER TABLE kinds ADD CONSTRAINT short CHECK (length(name) < 9)"],
        ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "REVOKE ALL ON FUNCTION f FROM PUBLIC"],
        ["ALTER TABLE nodes ALTER COLUMN failure DROP NOT NULL", "ALTER TABLE nodes SET (fillfactor = 50)"],
        ['GRANT SELECT ON kinds TO "engine"'],
    ],
)
def test_what_the_old_code_can_live_with_is_let_pass(statements: list[str]) -> None:
    assert list(faults(statements)) == []
