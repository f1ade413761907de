"""Servers of your own that replace embedded ones; only `bin/dev` reads these variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.layout import BUCKET, REGION
from servicekit.config import unknown_variables

_VARIABLES = (
    *("DEVSTACK_DATABASE_URL", "DEVSTACK_DATABASE_PASSWORD_FILE"),
    *("DEVSTACK_EDIT_DATABASE_URL", "DEVSTACK_EDIT_DATABASE_PASSWORD_FILE"),
    *("DEVSTACK_MIGRATE_DATABASE_URL", "DEVSTACK_MIGRATE_DATABASE_PASSWORD_FILE"),
    *("DEVSTACK_NATS_URL", "DEVSTACK_NATS_PIPELINE_PASSWORD_FILE", "DEVSTACK_NATS_EXECUTOR_PASSWORD_FILE"),
    *("DEVSTACK_S3_ENDPOINT", "DEVSTACK_S3_BUCKET", "DEVSTACK_S3_REGION"),
    *("DEVSTACK_S3_ACCESS_KEY_FILE", "DEVSTACK_S3_SECRET_KEY_FILE"),
    "DEVSTACK_LAMBDA_ENDPOINT",
    "DEVSTACK_NATS_SERVER_FILE",  # read wherever devstack starts a NATS
)


class InvalidExternalServers(ValueError):
    """The DEVSTACK_* variables do not fit together; names all faults at once."""


@dataclass(frozen=True, kw_only=True)
class ExternalDatabase:
    url: str
    """Of the role that owns state, without password."""
    password_file: Path
    edit_url: str
    """Of the role that owns structure."""
    edit_password_file: Path
    migrate_url: str
    """Of the owner, who may create tables in it."""
    migrate_password_file: Path


@dataclass(frozen=True, kw_only=True)
class ExternalNats:
    """Must present a certificate of the development CA, and know the users `pipeline` and `executor`."""

    url: str
    pipeline_password_file: Path
    executor_password_file: Path


@dataclass(frozen=True, kw_only=True)
class ExternalS3:
    endpoint: str
    bucket: str
    region: str
    access_key_file: Path
    secret_key_file: Path


@dataclass(frozen=True, kw_only=True)
class ExternalServers:
    database: ExternalDatabase | None = None
    nats: ExternalNats | None = None
    s3: ExternalS3 | None = None
    lambda_endpoint: str | None = None


def external_servers_from(environment: Mapping[str, str]) -> ExternalServers:
    """Read `DEVSTACK_{DATABASE,NATS}_URL` and `DEVSTACK_{S3,LAMBDA}_ENDPOINT` with the files each of them needs.

    Raises InvalidExternalServers, also for a variable of the prefix that nobody reads.
    """
    reader = _Reader(environment)
    servers = ExternalServers(
        database=_database(reader),
        nats=_nats(reader),
        s3=_s3(reader),
        lambda_endpoint=reader.optional("DEVSTACK_LAMBDA_ENDPOINT"),
    )
    if reader.faults:
        raise InvalidExternalServers("; ".join(reader.faults))
    return servers


def _database(reader: _Reader) -> ExternalDatabase | None:
    url = reader.optional("DEVSTACK_DATABASE_URL")
    if url is None:
        return None
    return ExternalDatabase(
        url=url,
        password_file=reader.file("DEVSTACK_DATABASE_PASSWORD_FILE", of="DEVSTACK_DATABASE_URL"),
        edit_url=reader.required("DEVSTACK_EDIT_DATABASE_URL", of="DEVSTACK_DATABASE_URL"),
        edit_password_file=reader.file("DEVSTACK_EDIT_DATABASE_PASSWORD_FILE", of="DEVSTACK_DATABASE_URL"),
        migrate_url=reader.required("DEVSTACK_MIGRATE_DATABASE_URL", of="DEVSTACK_DATABASE_URL"),
        migrate_password_file=reader.file("DEVSTACK_MIGRATE_DATABASE_PASSWORD_FILE", of="DEVSTACK_DATABASE_URL"),
    )


def _nats(reader: _Reader) -> ExternalNats | None:
    url = reader.optional("DEVSTACK_NATS_URL")
    if url is None:
        return None
    return ExternalNats(
        url=url,
        pipeline_password_file=reader.file("DEVSTACK_NATS_PIPELINE_PASSWORD_FILE", of="DEVSTACK_NATS_URL"),
        executor_password_file=reader.file("DEVSTACK_NATS_EXECUTOR_PASSWORD_FILE", of="DEVSTACK_NATS_URL"),
    )


def _s3(reader: _Reader) -> ExternalS3 | None:
    endpoint = reader.optional("DEVSTACK_S3_ENDPOINT")
    if endpoint is None:
        return None
    return ExternalS3(
        endpoint=endpoint,
        bucket=reader.optional("DEVSTACK_S3_BUCKET") or BUCKET,
        region=reader.optional("DEVSTACK_S3_REGION") or REGION,
        access_key_file=reader.file("DEVSTACK_S3_ACCESS_KEY_FILE", of="DEVSTACK_S3_ENDPOINT"),
        secret_key_file=reader.file("DEVSTACK_S3_SECRET_KEY_FILE", of="DEVSTACK_S3_ENDPOINT"),
    )


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.faults = unknown_variables("DEVSTACK_", _VARIABLES, environment)

    def optional(self, name: str) -> str | None:
        return self._environment.get(name) or None

    def required(self, name: str, *, of: str) -> str:
        value = self.optional(name)
        if value is None:
            self.faults.append(f"{of} is set, so {name} must be too")
        return value or ""

    def file(self, name: str, *, of: str) -> Path:
        path = Path(self.required(name, of=of))
        if self.optional(name) and not path.is_file():
            self.faults.append(f"{name}: expected a file, found nothing at {path}")
        return path.absolute()
