"""deploy/nats gives each user what devstack gives it, in a form that the server takes."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.docker.make_secrets import NODES, make_secrets
from devstack.layout import NATS_USERS, Layout
from devstack.nats_server import PERMISSIONS, find_nats_server
from tests.unit.deploy.manifests import ROOT, services

FOLDER = ROOT / "deploy/nats"
TOKEN = re.compile(r'#[^\n]*|"(?P<text>[^"]*)"|(?P<mark>[{}\[\]])|(?P<word>[^\s{}\[\]:,#"]+)')


def parsed(text: str) -> dict[str, Any]:
    """The part of the server's notation that our files use: maps, lists, quoted texts, words."""
    tokens = [match for match in TOKEN.finditer(text) if match.lastgroup]
    return _map(tokens)


def _map(tokens: list[re.Match[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while tokens and tokens[0]["mark"] != "}":
        key = tokens.pop(0)["word"]
        found[key] = _value(tokens)
    return found


def _value(tokens: list[re.Match[str]]) -> Any:
    token = tokens.pop(0)
    if token["mark"] == "{":
        inner = _map(tokens)
        tokens.pop(0)
        return inner
    if token["mark"] == "[":
        items = []
        while tokens[0]["mark"] != "]":
            items.append(_value(tokens))
        tokens.pop(0)
        return items
    return token["text"] if token["word"] is None else token["word"]


def test_users_may_do_exactly_what_devstack_allows() -> None:
    config = parsed((FOLDER / "server.conf").read_text(encoding="utf-8"))

    allowed = {
        user["user"]: {side: subjects["allow"] for side, subjects in user["permissions"].items()}
        for user in config["authorization"]["users"]
    }

    assert allowed == PERMISSIONS
    assert tuple(allowed) == NATS_USERS


def test_server_demands_certificates_and_takes_passwords_from_elsewhere() -> None:
    config = parsed((FOLDER / "server.conf").read_text(encoding="utf-8"))

    assert config["tls"]["verify"] == "true"
    assert config["http"].startswith("127.0.0.1:")
    assert config["max_payload"] == str(128 * 1024)
    assert {user["password"] for user in config["authorization"]["users"]} == {
        "$PIPELINE_PASSWORD",
        "$EXECUTOR_PASSWORD",
    }
    assert "no_auth_user" not in config


def test_nodes_of_the_cluster_check_each_other() -> None:
    config = parsed((FOLDER / "cluster.conf").read_text(encoding="utf-8"))

    assert config["cluster"]["tls"]["verify"] == "true"
    assert config["cluster"]["authorization"]["password"] == "$ROUTE_PASSWORD"
    assert {services()[name]["environment"]["NATS_SERVER_NAME"] for name in ("nats", "nats-2", "nats-3")} == set(NODES)


@pytest.mark.parametrize("name", ["server.conf", "cluster.conf"])
def test_server_takes_the_configuration(name: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    make_secrets(layout.secrets)
    folder = layout.nats_config.parent
    for source in FOLDER.glob("*.conf"):
        moved = source.read_text(encoding="utf-8")
        for there, here in (
            ("/run/montage/tls", layout.tls("nats").cert.parent),
            ("/run/secrets/tls_ca", layout.ca_cert),
        ):
            assert there in moved
            moved = moved.replace(there, str(here))
        (folder / source.name).write_text(moved, encoding="utf-8")

    # Only reads and checks the files; opens no port.
    check = subprocess.run(
        [find_nats_server(), "-t", "--config", folder / name],
        env={"NATS_SERVER_NAME": "nats-1"}, capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip

    assert check.returncode == 0, check.stderr
    assert "is valid" in check.stderr
