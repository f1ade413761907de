"""Who may sign requests, and what each of them may touch."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NewType

AccessKey = NewType("AccessKey", str)


class Action(StrEnum):
    """What a permission is given for; the names follow IAM's."""

    GET_OBJECT = "GetObject"
    PUT_OBJECT = "PutObject"
    DELETE_OBJECT = "DeleteObject"
    LIST_BUCKET = "ListBucket"
    CREATE_BUCKET = "CreateBucket"
    LIST_ALL_BUCKETS = "ListAllMyBuckets"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Permission for `actions` on keys that start with `prefix` (the empty prefix: on all)."""

    actions: frozenset[Action]
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One key pair; `grants` of None means everything."""

    access_key: AccessKey
    secret_key: str = field(repr=False)
    principal: str
    grants: tuple[Grant, ...] | None = None

    def may(self, action: Action, key: str = "") -> bool:
        """Whether this principal may do `action` to `key` (for ListBucket: to the prefix it lists)."""
        if self.grants is None:
            return True
        return any(action in grant.actions and key.startswith(grant.prefix) for grant in self.grants)

    def may_somewhere(self, action: Action) -> bool:
        """Whether any key at all is open to `action`; decides about a bucket as a whole."""
        return self.grants is None or any(action in grant.actions for grant in self.grants)


class CredentialsError(Exception):
    """The credentials file cannot be used; says why, never shows a secret."""


def load_credentials(path: Path) -> dict[AccessKey, Credential]:
    """Read the JSON list of `{access_key, secret_key, principal, allow?}`; refuses a file that others may read."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise CredentialsError(f"{path}: expected mode 0600, found {mode:04o}")
    try:
        entries = json.loads(path.read_text())
    except ValueError as err:
        raise CredentialsError(f"{path}: expected JSON, found something else") from err
    if not isinstance(entries, list) or not entries:
        raise CredentialsError(f"{path}: expected a list of at least one credential")
    by_key: dict[AccessKey, Credential] = {}
    for position, entry in enumerate(entries):
        credential = _credential(entry, place=f"{path}[{position}]")
        if credential.access_key in by_key:
            raise CredentialsError(f"{path}[{position}]: access key {credential.access_key} is listed twice")
        by_key[credential.access_key] = credential
    return by_key


def _credential(entry: object, *, place: str) -> Credential:
    if not isinstance(entry, dict):
        raise CredentialsError(f"{place}: expected an object, found {type(entry).__name__}")
    if unknown := entry.keys() - {"access_key", "secret_key", "principal", "allow"}:
        raise CredentialsError(f"{place}: unknown fields {sorted(unknown)}")
    for name in ("access_key", "secret_key", "principal"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            raise CredentialsError(f"{place}.{name}: expected a string that is not empty")
    allow = entry.get("allow")
    if allow is not None and not isinstance(allow, list):
        raise CredentialsError(f"{place}.allow: expected a list, found {type(allow).__name__}")
    return Credential(
        access_key=AccessKey(entry["access_key"]),
        secret_key=entry["secret_key"],
        principal=entry["principal"],
        grants=None
        if allow is None
        else tuple(_grant(item, place=f"{place}.allow[{position}]") for position, item in enumerate(allow)),
    )


def _grant(item: object, *, place: str) -> Grant:
    if not isinstance(item, dict) or item.keys() - {"actions", "prefix"}:
        raise CredentialsError(f"{place}: expected an object with `actions` and `prefix`")
    actions, prefix = item.get("actions"), item.get("prefix", "")
    if not isinstance(prefix, str) or not isinstance(actions, list):
        raise CredentialsError(f"{place}: expected `actions` to be a list and `prefix` a string")
    known = {action.value for action in Action}
    if unknown := [action for action in actions if not isinstance(action, str) or action not in known]:
        raise CredentialsError(f"{place}.actions: expected some of {sorted(known)}, found {unknown}")
    return Grant(actions=frozenset(Action(action) for action in actions), prefix=prefix)
