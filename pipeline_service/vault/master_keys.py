"""The master keys of an operator: a file, read again when it is replaced, so that a rotation needs no restart.

`{"active": id, "keys": [{"id", "key"}]}`, each key 32 random bytes in base64. The active one wraps, every one unwraps.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline_service.vault.envelope import KEY_BYTES
from servicekit.config import ConfigError, read_secret
from servicekit.replaced_file import ReplacedFile

MAX_ID_CHARS = 64


class InvalidMasterKeys(ValueError):
    """The file cannot be used; the message names the file and the fault, never a key."""


@dataclass(frozen=True, kw_only=True)
class Ring:
    """The keys of one reading."""

    active: str
    keys: Mapping[str, bytes] = field(repr=False)


def master_keys(path: Path, *, on_reload: Callable[[bool], None]) -> ReplacedFile[Ring]:
    """The newest usable ring of a file. Raises InvalidMasterKeys."""
    return ReplacedFile(
        path,
        read=read_master_keys,
        refusal=InvalidMasterKeys,
        told_as=("master_keys_reloaded", "master_keys_reload_failed"),
        on_reload=on_reload,
    )


def read_master_keys(path: Path) -> Ring:
    """Read and check the file. Raises InvalidMasterKeys, also for one that others may read."""
    try:
        document = json.loads(read_secret(path))
    except ConfigError as error:
        raise InvalidMasterKeys(str(error)) from error
    except ValueError:
        raise InvalidMasterKeys(f"{path} is not JSON") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidMasterKeys(f'{path}: expected {{"active", "keys": [{{"id", "key"}}]}} with one key at least')
    keys = {_id_of(entry, path): _key_of(entry, path) for entry in entries}
    if len(keys) != len(entries):
        raise InvalidMasterKeys(f"{path}: two keys have the same id")
    active = document.get("active")
    if active not in keys:
        raise InvalidMasterKeys(f'{path}: "active" must be the id of one of the keys ({", ".join(sorted(keys))})')
    return Ring(active=active, keys=keys)


def _id_of(entry: Mapping[str, object], path: Path) -> str:
    key_id = entry.get("id")
    if not isinstance(key_id, str) or not 1 <= len(key_id) <= MAX_ID_CHARS or not key_id.isprintable():
        raise InvalidMasterKeys(f'{path}: every key needs an "id" of 1 to {MAX_ID_CHARS} printable characters')
    return key_id


def _key_of(entry: Mapping[str, object], path: Path) -> bytes:
    text = entry.get("key")
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise InvalidMasterKeys(f'{path}: "key" of {entry.get("id")!r} must be {KEY_BYTES} bytes in base64')
    return raw
