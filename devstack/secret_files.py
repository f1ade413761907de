"""Random secrets of one data folder; made once, kept after that."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devstack.layout import (
    NATS_USERS,
    OWNER_ROLE,
    SERVICE_ROLES,
    SUPERUSER_ROLE,
    Layout,
    make_private_folder,
    write_private,
)

S3_ACTIONS: Mapping[str, tuple[str, ...] | None] = {
    "pipeline": ("GetObject", "PutObject", "DeleteObject", "ListBucket", "CreateBucket"),
    "executor": ("GetObject", "PutObject", "ListBucket"),
    "media": ("GetObject", "PutObject", "ListBucket"),
    "operator": None,
}
"""What each principal may do; who makes things deletes none. Without ListBucket a missing key would look forbidden."""
ACCESS_KEY_ALPHABET = string.ascii_uppercase + string.digits


def ensure_secrets(layout: Layout) -> None:
    """Make every password and key that is not there yet."""
    make_private_folder(layout.secrets)
    for role in (SUPERUSER_ROLE, OWNER_ROLE, *SERVICE_ROLES):
        _ensure_password(layout, layout.postgres_password(role).relative_to(layout.secrets).as_posix())
    for user in NATS_USERS:
        _ensure_password(layout, layout.nats_password(user).relative_to(layout.secrets).as_posix())
    _ensure_s3_keys(layout)
    _ensure_capability_keys(layout)
    _ensure_master_keys(layout)
    _ensure_password(layout, layout.internal_tokens.relative_to(layout.secrets).as_posix())


def _ensure_password(layout: Layout, relative: str) -> None:
    path = layout.secrets / relative
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(32))


def _ensure_s3_keys(layout: Layout) -> None:
    known = []
    for principal, actions in S3_ACTIONS.items():
        access, secret = layout.s3_access_key(principal), layout.s3_secret_key(principal)
        if not access.is_file() or not secret.is_file():
            write_private(access, "".join(secrets.choice(ACCESS_KEY_ALPHABET) for _ in range(20)))
            write_private(secret, secrets.token_urlsafe(30))
        entry: dict[str, object] = {
            "principal": principal,
            "access_key": access.read_text(),
            "secret_key": secret.read_text(),
        }
        known.append(entry if actions is None else entry | {"allow": [{"actions": list(actions)}]})
    write_private(layout.s3_credentials, json.dumps(known, indent=1))


def _ensure_capability_keys(layout: Layout) -> None:
    """The pipeline service signs with both keys; the gateway gets the public half of one of them."""
    if layout.capability_keys.is_file() and layout.capability_public_keys.is_file():
        return
    key = Ed25519PrivateKey.generate()
    key_id = f"dev-{secrets.token_hex(4)}"
    private = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    entry = {"id": key_id, "ed25519_private": _base64(private), "hmac": _base64(secrets.token_bytes(32))}
    write_private(layout.capability_keys, json.dumps({"active": key_id, "keys": [entry]}))
    # Last, because its presence says that both are whole.
    write_private(
        layout.capability_public_keys, json.dumps({"keys": [{"id": key_id, "ed25519_public": _base64(public)}]})
    )


def _ensure_master_keys(layout: Layout) -> None:
    if not layout.master_keys.is_file():
        key = {"id": f"dev-{secrets.token_hex(4)}", "key": _base64(secrets.token_bytes(32))}
        write_private(layout.master_keys, json.dumps({"active": key["id"], "keys": [key]}))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
