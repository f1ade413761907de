"""The addresses of one stack, and the variables that tell a client about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

from devstack.external import ExternalServers
from devstack.layout import BUCKET, DATABASE, EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE, SUPERUSER_ROLE, Layout, write_private
from devstack.ports import PortReservations

DEV_PORTS: Mapping[str, int] = {
    "pipeline": 50051,
    "gateway": 8443,
    "internal": 8444,
    "nats": 4222,
    "postgres": 5433,
    "s3": 9000,
    "lambda_endpoint": 9001,
}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """All on 127.0.0.1."""

    pipeline: int
    gateway: int
    nats: int
    postgres: int
    s3: int
    lambda_endpoint: int
    pipeline_ops: int
    executor_ops: int
    gateway_ops: int
    internal: int
    internal_ops: int


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where everything answers; embedded servers unless an own one was named."""

    ports: Ports
    external: ExternalServers

    @property
    def pipeline(self) -> str:
        return f"127.0.0.1:{self.ports.pipeline}"

    @property
    def gateway_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.gateway}"

    @property
    def internal_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.internal}"

    @property
    def nats_url(self) -> str:
        return self.external.nats.url if self.external.nats else f"tls://127.0.0.1:{self.ports.nats}"

    @property
    def s3_endpoint(self) -> str:
        return self.external.s3.endpoint if self.external.s3 else f"http://127.0.0.1:{self.ports.s3}"

    @property
    def bucket(self) -> str:
        return self.external.s3.bucket if self.external.s3 else BUCKET

    @property
    def lambda_endpoint(self) -> str:
        return self.external.lambda_endpoint or f"http://127.0.0.1:{self.ports.lambda_endpoint}"

    @property
    def database_url(self) -> str:
        """As the service's role that owns state; no password in it."""
        return self.external.database.url if self.external.database else self._database_url(ENGINE_ROLE, DATABASE)

    @property
    def edit_database_url(self) -> str:
        """As the service's role that owns structure."""
        return self.external.database.edit_url if self.external.database else self._database_url(EDIT_ROLE, DATABASE)

    @property
    def migrate_database_url(self) -> str:
        return (
            self.external.database.migrate_url if self.external.database else self._database_url(OWNER_ROLE, DATABASE)
        )

    @property
    def superuser_database_url(self) -> str:
        """Of the embedded cluster, for tests that clone databases."""
        return self._database_url(SUPERUSER_ROLE, "postgres")

    @property
    def pipeline_ops_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.pipeline_ops}"

    @property
    def executor_ops_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.executor_ops}"

    @property
    def gateway_ops_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway_ops}"

    def _database_url(self, role: str, database: str) -> str:
        return f"postgresql://{role}@127.0.0.1:{self.ports.postgres}/{database}"


def choose_ports(layout: Layout, reservations: PortReservations, *, preferred: Mapping[str, int]) -> Ports:
    """Take the preferred ports where free, else those of the last time, else any; remember the choice."""
    remembered = _remembered(layout)
    chosen = {
        name: reservations.reserve([source[name] for source in (preferred, remembered) if name in source])
        for name in (field.name for field in fields(Ports))
    }
    write_private(layout.ports, json.dumps(chosen, indent=1))
    return Ports(**chosen)


def _remembered(layout: Layout) -> dict[str, int]:
    try:
        found = json.loads(layout.ports.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port < 65536}


def client_environment(layout: Layout, addresses: Addresses) -> dict[str, str]:
    """The `MONTAGE_*` variables of a client of this stack."""
    client = layout.tls("client-dev")
    s3 = addresses.external.s3
    return {
        "MONTAGE_PIPELINE_ADDR": addresses.pipeline,
        "MONTAGE_GATEWAY_URL": addresses.gateway_url,
        "MONTAGE_S3_ENDPOINT": addresses.s3_endpoint,
        "MONTAGE_S3_BUCKET": addresses.bucket,
        "MONTAGE_S3_ACCESS_KEY_FILE": str(s3.access_key_file if s3 else layout.s3_access_key("operator")),
        "MONTAGE_S3_SECRET_KEY_FILE": str(s3.secret_key_file if s3 else layout.s3_secret_key("operator")),
        "MONTAGE_LAMBDA_ENDPOINT": addresses.lambda_endpoint,
        "MONTAGE_DATABASE_URL": addresses.database_url,
        "MONTAGE_NATS_URL": addresses.nats_url,
        "MONTAGE_CA_CERT": str(client.ca),
        "MONTAGE_CLIENT_CERT": str(client.cert),
        "MONTAGE_CLIENT_KEY": str(client.key),
    }
