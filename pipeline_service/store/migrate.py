"""Brings a database to the schema that this code needs."""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config


def migrate(database_url: str, *, password: str, engine_role: str, edit_role: str) -> None:
    """Apply every migration that is missing, as the owner of the tables.

    `database_url` is `postgresql://owner@host:port/database` without password. The service connects as two roles, one
    that keeps state and one that edits structure; each is granted what it needs and no more.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # The driver itself reads the address, so that it may say the same as the service's (`?sslmode=verify-full…`).
    config.attributes["connect"] = lambda: asyncpg.connect(database_url, password=password)
    config.attributes["engine_role"] = engine_role
    config.attributes["edit_role"] = edit_role
    command.upgrade(config, "head")
