"""Makes every secret that docker-compose.yml asks for: `.venv/bin/python -m deploy.docker.make_secrets FOLDER`.

Certificates come from a development authority in the same folder. Safe to repeat: what is there and fresh is kept.
"""

import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.certificates import ensure_certificates
from devstack.layout import NATS_USERS, Layout, write_private
from devstack.secret_files import ensure_secrets

NODES = ("nats-1", "nats-2", "nats-3")


class FolderNameExpected(ValueError):
    """The files lie where devstack puts them, so that one description fits both."""


def make_secrets(folder: Path) -> None:
    """`folder` must be called `secrets`. Raises FolderNameExpected."""
    if folder.name != "secrets":
        raise FolderNameExpected(f"expected a folder called 'secrets', found {folder}")
    layout = Layout(folder.parent)
    ensure_secrets(layout)
    ensure_certificates(layout)
    _write_nats_passwords(layout)
    grafana = layout.secrets / "grafana.password"
    if not grafana.is_file():
        write_private(grafana, secrets.token_urlsafe(32))


def _write_nats_passwords(layout: Layout) -> None:
    """NATS reads no password from a file of its own, but its configuration may include one."""
    passwords = {f"{user.upper()}_PASSWORD": layout.nats_password(user).read_text() for user in NATS_USERS}
    folder = layout.nats_config.parent
    write_private(folder / "passwords.conf", _assignments(passwords))
    routes = folder / "routes.conf"
    if not routes.is_file():
        password = secrets.token_urlsafe(32)
        addresses = [f"tls://route:{password}@{node}:6222" for node in NODES]
        write_private(routes, _assignments({"ROUTE_PASSWORD": password, "ROUTES": addresses}))


def _assignments(values: Mapping[str, str | list[str]]) -> str:
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())


if __name__ == "__main__":
    make_secrets(Path(sys.argv[1]).absolute())
