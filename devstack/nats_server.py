"""The embedded NATS server: JetStream over TLS, one user per service and what each may say and hear."""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from devstack.layout import NATS_USERS, Layout, repository_root, write_private
from devstack.readiness import nats_has_jetstream
from devstack.supervisor import ProcessSpec

STREAM = "WORK"
PERMISSIONS: Mapping[str, Mapping[str, list[str]]] = {
    # Makes the stream and its consumers, fills it and takes out what is needless; may neither take work nor purge.
    "pipeline": {
        "publish": [
            "work.>",
            "control.>",
            "events.>",
            "$JS.API.INFO",
            "$JS.API.STREAM.NAMES",
            f"$JS.API.STREAM.INFO.{STREAM}",
            f"$JS.API.STREAM.CREATE.{STREAM}",
            f"$JS.API.STREAM.UPDATE.{STREAM}",
            f"$JS.API.STREAM.MSG.GET.{STREAM}",
            f"$JS.API.STREAM.MSG.DELETE.{STREAM}",
            f"$JS.API.CONSUMER.CREATE.{STREAM}",
            f"$JS.API.CONSUMER.CREATE.{STREAM}.>",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.>",
            f"$JS.API.CONSUMER.INFO.{STREAM}.>",
            f"$JS.API.CONSUMER.NAMES.{STREAM}",
            f"$JS.API.CONSUMER.LIST.{STREAM}",
        ],
        "subscribe": ["_INBOX_pipeline.>", "events.>", "slots.*", f"$JS.EVENT.ADVISORY.CONSUMER.*.{STREAM}.>"],
    },
    # Takes work from durables that are there, and acknowledges it.
    "executor": {
        "publish": [
            "$JS.API.INFO",
            f"$JS.API.STREAM.INFO.{STREAM}",
            f"$JS.API.CONSUMER.INFO.{STREAM}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.>",
            f"$JS.ACK.{STREAM}.>",
            "slots.*",
        ],
        "subscribe": ["_INBOX_executor.>", "control.>"],
    },
}


class NatsUnavailable(RuntimeError):
    """There is no nats-server to run."""


def write_nats_config(layout: Layout, *, port: int) -> Path:
    """Write the server's configuration, which holds the passwords: 0600 like the password files beside it."""
    tls = layout.tls("nats")
    users = [
        {"user": user, "password": layout.nats_password(user).read_text(), "permissions": _allowed(PERMISSIONS[user])}
        for user in NATS_USERS
    ]
    config = {
        "server_name": "montage-dev",
        "host": "127.0.0.1",
        "port": port,
        "max_payload": 128 * 1024,
        "jetstream": {"store_dir": str(layout.nats)},
        "tls": {"cert_file": str(tls.cert), "key_file": str(tls.key), "ca_file": str(tls.ca), "verify": True},
        "authorization": {"timeout": 5, "users": users},
    }
    # JSON is a subset of the server's own notation, and quotes paths for us.
    write_private(layout.nats_config, json.dumps(config, indent=1, ensure_ascii=False))
    return layout.nats_config


def nats_spec(layout: Layout, *, port: int) -> ProcessSpec:
    return ProcessSpec(
        name="nats",
        argv=[str(find_nats_server()), "--config", str(write_nats_config(layout, port=port))],
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        probe=nats_has_jetstream(port),
        log=layout.log("nats"),
        cwd=repository_root(),
        wraps_output=True,
    )


def find_nats_server() -> Path:
    """The binary in this interpreter's environment; `DEVSTACK_NATS_SERVER_FILE` puts another in its place."""
    override = os.environ.get("DEVSTACK_NATS_SERVER_FILE")
    found = override or shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if not found or not Path(found).is_file():
        raise NatsUnavailable(f"expected nats-server at {override or sysconfig.get_path('scripts')}, found none")
    return Path(found)


def _allowed(permissions: Mapping[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    return {side: {"allow": subjects} for side, subjects in permissions.items()}
