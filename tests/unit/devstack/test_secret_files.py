"""Secrets of a data folder: who may read them, and that they stay the same."""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devstack.certificates import ensure_certificates
from devstack.layout import Layout
from devstack.nats_server import write_nats_config
from devstack.postgres_roles import scram_verifier
from devstack.secret_files import ensure_secrets


def everything(layout: Layout) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in layout.secrets.rglob("*") if path.is_file()}


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    ensure_secrets(layout)
    ensure_certificates(layout)
    write_nats_config(layout, port=4222)

    modes = {path: path.stat().st_mode & 0o777 for path in [layout.secrets, *layout.secrets.rglob("*")]}

    assert {path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()
    assert layout.ca_key in modes
    assert layout.nats_config in modes


def test_secrets_made_again_are_the_same(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    ensure_secrets(layout)
    before = everything(layout)

    ensure_secrets(layout)

    assert everything(layout) == before


def test_secrets_of_two_folders_share_nothing(tmp_path: Path) -> None:
    one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    ensure_secrets(one)
    ensure_secrets(other)

    assert not set(everything(one).values()) & set(everything(other).values())


def test_capability_keys_of_gateway_and_pipeline_belong_together(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    ensure_secrets(layout)

    keys = json.loads(layout.capability_keys.read_text())
    public = json.loads(layout.capability_public_keys.read_text())

    [key], [public_key] = keys["keys"], public["keys"]
    assert keys["active"] == key["id"] == public_key["id"]
    assert len(base64.b64decode(key["hmac"])) == 32
    signature = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key["ed25519_private"])).sign(b"report")
    Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key["ed25519_public"])).verify(signature, b"report")
    assert public_key.keys() == {"id", "ed25519_public"}


def test_s3_credentials_let_no_maker_delete(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    ensure_secrets(layout)

    entries = {entry["principal"]: entry for entry in json.loads(layout.s3_credentials.read_text())}

    assert entries.keys() == {"pipeline", "executor", "media", "operator"}
    assert "allow" not in entries["operator"]
    for name in ("pipeline", "executor", "media"):
        assert entries[name]["access_key"] == layout.s3_access_key(name).read_text()
        assert ("DeleteObject" in entries[name]["allow"][0]["actions"]) == (name == "pipeline")


def test_scram_verifier_of_the_rfc_example_matches() -> None:
    # Password and salt of the exchange in RFC 7677 §3; the keys follow from RFC 5802 §3.
    verifier = scram_verifier("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))

    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
