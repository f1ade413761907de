"""The roles and the database of a cluster: an owner for migrations, and the two roles of the service."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import asyncpg

from devstack.layout import DATABASE, OWNER_ROLE, SERVICE_ROLES, SUPERUSER_ROLE, Layout

SCRAM_ITERATIONS = 4096


async def ensure_roles(layout: Layout, *, port: int) -> None:
    """Make roles and database, or bring their passwords in line with the secret files. Safe to repeat."""
    connection = await _connect(layout, port=port, database="postgres")
    try:
        for role, attributes in ((OWNER_ROLE, "CREATEDB"), *((role, "NOCREATEDB") for role in SERVICE_ROLES)):
            password = layout.postgres_password(role).read_text()
            await _ensure_role(connection, role, attributes=attributes, password=password)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
        await connection.execute(
            f"""
            REVOKE ALL ON DATABASE {DATABASE}, postgres, template1 FROM PUBLIC;
            GRANT CONNECT ON DATABASE {DATABASE} TO {", ".join(SERVICE_ROLES)};
            """
        )
    finally:
        await connection.close()
    await _ensure_schema_rights(layout, port=port)


async def _ensure_schema_rights(layout: Layout, *, port: int) -> None:
    """The owner makes tables, and its migrations grant the service's roles what they need of each."""
    connection = await _connect(layout, port=port, database=DATABASE)
    try:
        await connection.execute(
            f"""
            ALTER SCHEMA public OWNER TO {OWNER_ROLE};
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {", ".join(SERVICE_ROLES)};
            """
        )
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, role: str, *, attributes: str, password: str) -> None:
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if known else "CREATE"
    # Only the verifier travels: no statement, log or view of the server ever holds the password.
    await connection.execute(
        f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION {attributes} "
        f"PASSWORD '{scram_verifier(password)}'"
    )


async def _connect(layout: Layout, *, port: int, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER_ROLE,
        database=database,
        password=layout.postgres_password(SUPERUSER_ROLE).read_text(),
        ssl=False,
        timeout=10,
    )


def scram_verifier(password: str, *, salt: bytes | None = None) -> str:
    """What PostgreSQL keeps of a password (RFC 5803 in its own notation)."""
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"
