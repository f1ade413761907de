"""Brings a database to the schema that this code needs."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, make_url


def migrate(database_url: str, *, password: str, service_role: str) -> None:
    """Apply every migration that is missing, as the owner of the tables.

    `database_url` is `postgresql://owner@host:port/database` without password; `service_role` is the role
    that the service connects as, which is granted what it needs and no more.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = _url(database_url, password)
    config.attributes["service_role"] = service_role
    command.upgrade(config, "head")


def _url(database_url: str, password: str) -> URL:
    parts = urlsplit(database_url)
    return make_url(urlunsplit(parts._replace(scheme="postgresql+asyncpg"))).set(password=password)
