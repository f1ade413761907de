"""What each role of the service may not do: every statement here ends with SQLSTATE 42501, whatever the rows are."""

# ruff: noqa: S608 - statements made of the constants of this file

from collections.abc import Iterable

import asyncpg

from devstack.layout import EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE

_STRUCTURE = (
    *("position", "type", "title", "provider", "config", "asset", "labels", "spec_digest", "is_valid"),
    "validation_errors",
)
_STATE = (
    *("status", "execution_id", "latest_execution_id", "attempts", "done_spec", "output", "content_digest", "failure"),
)
_IDENTITY = ("uid", "pipeline_uid", "id", "create_time")
_ALL_TABLES = (
    *("pipelines", "nodes", "node_inputs", "runs", "run_nodes", "executions", "purchases", "artifacts", "events"),
    *("wakes", "requests", "credentials", "seals", "audit", "alembic_version"),
)

_ENGINE = (
    *(f"UPDATE nodes SET {column} = {column}" for column in (*_IDENTITY, *_STRUCTURE)),
    *(
        f"UPDATE pipelines SET {column} = {column}"
        for column in ("uid", "owner", "id", "title", "labels", "delete_time")
    ),
    "INSERT INTO pipelines (uid) VALUES (gen_random_uuid())",
    "INSERT INTO nodes (uid) VALUES (gen_random_uuid())",
    "INSERT INTO node_inputs (slot) VALUES ('segments')",
    "UPDATE node_inputs SET source_uid = source_uid",
    "DELETE FROM nodes",
    "DELETE FROM node_inputs",
    "SELECT supersede_nodes('[]', '[]', '[]', '[]')",
    "SELECT complete_assets('[]')",
    "UPDATE requests SET request_sha256 = ''",
    *(
        f"UPDATE credentials SET {column} = {column}"
        for column in ("owner", "vendor", "version", "nonce", "ciphertext", "expire_time", "create_time")
    ),
    "INSERT INTO audit (tx, actor, action, subject, outcome) VALUES (1, '', '', '', '')",
    "INSERT INTO audit (create_time, actor, action, subject, outcome) VALUES (now(), '', '', '', '')",
)
_EDIT = (
    *(f"UPDATE nodes SET {column} = {column}" for column in (*_IDENTITY, *_STATE)),
    *(f"INSERT INTO nodes (uid, {column}) VALUES (gen_random_uuid(), NULL)" for column in _STATE),
    *(f"UPDATE pipelines SET {column} = {column}" for column in ("uid", "owner", "id", "create_time")),
    *(f"INSERT INTO {table} DEFAULT VALUES" for table in ("executions", "runs", "run_nodes", "artifacts", "purchases")),
    "UPDATE executions SET state = 'SUCCEEDED'",
    "UPDATE runs SET state = 'SUCCEEDED'",
    "UPDATE run_nodes SET decision = 'DONE'",
    "INSERT INTO pipelines (uid, paused) VALUES (gen_random_uuid(), true)",
    "UPDATE requests SET answer = NULL",
    "DELETE FROM requests",
    *(
        f"SELECT count(*) FROM {table}"
        for table in ("artifacts", "purchases", "credentials", "wakes", "seals", "audit")
    ),
)
_BOTH = (
    "INSERT INTO events (tx, pipeline_uid, seq, type, actor) VALUES (1, gen_random_uuid(), 1, '', '')",
    *(f"TRUNCATE {table} CASCADE" for table in _ALL_TABLES),
    *(f"DROP TABLE {table} CASCADE" for table in ("events", "nodes")),
    *(f"DELETE FROM {table}" for table in ("events", "seals", "audit", "pipelines", "runs", "run_nodes", "executions")),
    *(f"UPDATE {table} SET create_time = now()" for table in ("events", "seals", "audit")),
    "UPDATE alembic_version SET version_num = '9999'",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "ALTER TABLE nodes ADD COLUMN x int",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE executions (id int)",
    "CREATE SCHEMA mine",
    "CREATE INDEX mine ON events (type)",
    "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
    "ALTER FUNCTION supersede_nodes SECURITY INVOKER",
    "SET session_replication_role = replica",
    f"SET ROLE {OWNER_ROLE}",
    "CREATE ROLE friend",
)
REFUSED = {
    ENGINE_ROLE: (*_ENGINE, *_BOTH, f"SET ROLE {EDIT_ROLE}"),
    EDIT_ROLE: (*_EDIT, *_BOTH, f"SET ROLE {ENGINE_ROLE}"),
}
"""Statements by role."""


async def not_refused(connection: asyncpg.Connection | asyncpg.Pool, statements: Iterable[str]) -> list[str]:
    """Those that the connection's role may run. They are run."""
    allowed = []
    for statement in statements:
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        allowed.append(statement)
    return allowed
