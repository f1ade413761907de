"""Sealed tokens: bytes signed twice, so that a reader can check them early and only the issuer's word counts.

    base64url( 0x01 | len(kid) u8 | kid | len(body) u16 | body | Ed25519 signature 64 | HMAC-SHA256 32 )

Both signatures cover everything before them. Whoever holds the public keys checks the first (`TokenReader`); the issuer
checks the second (`TokenIssuer`), so that a reader whose keys are stolen can forge nothing.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from servicekit.config import ConfigError, read_secret

KeyId = NewType("KeyId", str)

VERSION = 1
MAX_TOKEN_CHARS = 4096
MAX_LIVE_KEYS = 2
_SIGNATURE_BYTES = 64
_MAC_BYTES = 32
_KEY_BYTES = 32


class InvalidToken(ValueError):
    """The token is not ours, was changed, or is signed by a key that is no longer live. Says no more on purpose."""


class InvalidKeyFile(ValueError):
    """A token key file cannot be used; the message names the file and the fault, never a key."""


@dataclass(frozen=True, kw_only=True)
class IssuerKey:
    """The private half of one key id."""

    id: KeyId
    ed25519_private: bytes = field(repr=False)
    hmac: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class IssuerKeys:
    """All live keys; `active` signs, every one verifies."""

    active: KeyId
    keys: tuple[IssuerKey, ...]


class TokenIssuer:
    """Issues tokens and gives the final word on them."""

    def __init__(self, keys: IssuerKeys) -> None:
        live = {key.id: key for key in keys.keys}
        _check_ids(list(live), expected=len(keys.keys))
        if keys.active not in live:
            raise InvalidKeyFile(f"active key {keys.active!r} is not among the live keys")
        self._active = live[keys.active]
        self._signer = Ed25519PrivateKey.from_private_bytes(self._active.ed25519_private)
        self._macs = {key.id: key.hmac for key in keys.keys}

    def issue(self, body: bytes) -> str:
        """Seal `body` with the active key. The body is readable by anyone: it must hold no secret."""
        head = _head(self._active.id, body)
        token = head + self._signer.sign(head) + hmac.digest(self._active.hmac, head, hashlib.sha256)
        text = base64.urlsafe_b64encode(token).rstrip(b"=").decode()
        if len(text) > MAX_TOKEN_CHARS:
            raise ValueError(
                f"a token has at most {MAX_TOKEN_CHARS} characters, this body of {len(body)} bytes needs more"
            )
        return text

    def verify(self, token: str) -> bytes:
        """The body, if one of the live HMAC keys sealed it. Raises InvalidToken."""
        parts = _split(token)
        known = parts.key_id in self._macs
        # An unknown key id costs the same as a wrong MAC, so that the time says nothing about which ids exist.
        mac = hmac.digest(self._macs.get(parts.key_id, self._active.hmac), parts.head, hashlib.sha256)
        if not (hmac.compare_digest(mac, parts.mac) and known):
            raise InvalidToken("token refused")
        return parts.body


def _head(key_id: KeyId, body: bytes) -> bytes:
    name = key_id.encode("ascii")
    return bytes((VERSION, len(name))) + name + len(body).to_bytes(2, "big") + body


# About as long as the true ones, and well formed: its number is below the group's order and has bits all over, or
# OpenSSL would be done with it sooner than with any other.
_NOBODYS_HEAD = _head(KeyId("nobody"), bytes(420))
_NOBODYS_SIGNATURE = b"\xa7" * (_SIGNATURE_BYTES - 1) + b"\x05"
_NOBODYS_TOKEN = base64.urlsafe_b64encode(_NOBODYS_HEAD + _NOBODYS_SIGNATURE + bytes(_MAC_BYTES)).rstrip(b"=").decode()


class TokenReader:
    """Checks tokens with public keys only; sorts out forgeries early, but the issuer decides."""

    def __init__(self, public_keys: Mapping[KeyId, bytes]) -> None:
        _check_ids(list(public_keys), expected=len(public_keys))
        self._keys = {key_id: Ed25519PublicKey.from_public_bytes(raw) for key_id, raw in public_keys.items()}
        self._any = next(iter(self._keys.values()))

    def verify(self, token: str) -> bytes:
        """The body, if one of the live Ed25519 keys signed it. Raises InvalidToken, at one price for every fault."""
        try:
            parts = _split(token)
        except InvalidToken:
            with contextlib.suppress(InvalidSignature):
                self._any.verify(_NOBODYS_SIGNATURE, _NOBODYS_HEAD)
            raise
        key = self._keys.get(parts.key_id)
        try:
            (key or self._any).verify(parts.signature, parts.head)
        except InvalidSignature:
            raise InvalidToken("token refused") from None
        if key is None:
            raise InvalidToken("token refused")
        return parts.body

    def refuse(self) -> None:
        """Take as long as for a token whose signature does not hold; for those who have shown none."""
        with contextlib.suppress(InvalidToken):
            self.verify(_NOBODYS_TOKEN)


def load_issuer_keys(path: Path) -> IssuerKeys:
    """`{"active": kid, "keys": [{"id", "ed25519_private", "hmac"}]}`, both keys 32 raw bytes in base64.

    Raises InvalidKeyFile, also for a file that others may read: whoever reads it can forge every token.
    """
    try:
        document = _parsed(read_secret(path), path)
    except ConfigError as err:
        raise InvalidKeyFile(str(err)) from err
    keys = tuple(
        IssuerKey(
            id=_id_of(entry, path), ed25519_private=_key(entry, "ed25519_private", path), hmac=_key(entry, "hmac", path)
        )
        for entry in _entries(document, path)
    )
    active = document.get("active")
    if not isinstance(active, str) or active not in {key.id for key in keys}:
        raise InvalidKeyFile(f'{path}: "active" must be the id of one of the keys')
    return IssuerKeys(active=KeyId(active), keys=keys)


def load_public_keys(path: Path) -> dict[KeyId, bytes]:
    """`{"keys": [{"id", "ed25519_public"}]}`, 32 raw bytes in base64."""
    try:
        document = _parsed(path.read_bytes(), path)
    except OSError as err:
        raise InvalidKeyFile(f"cannot read {path}: {err.strerror}") from err
    return {_id_of(entry, path): _key(entry, "ed25519_public", path) for entry in _entries(document, path)}


@dataclass(frozen=True, kw_only=True)
class _Parts:
    key_id: KeyId
    body: bytes
    head: bytes
    signature: bytes
    mac: bytes


def _split(token: str) -> _Parts:
    """Take a token apart without believing it. One byte string has one spelling: padding and stray bits are refused."""
    try:
        encoded = token.encode("ascii")
        raw = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidToken("token refused") from None
    if len(encoded) > MAX_TOKEN_CHARS or base64.urlsafe_b64encode(raw).rstrip(b"=") != encoded:
        raise InvalidToken("token refused")
    if len(raw) < 2 or raw[0] != VERSION:
        raise InvalidToken("token refused")
    body_at = 2 + raw[1] + 2
    body_end = body_at + int.from_bytes(raw[body_at - 2 : body_at], "big")
    if len(raw) != body_end + _SIGNATURE_BYTES + _MAC_BYTES:
        raise InvalidToken("token refused")
    return _Parts(
        key_id=KeyId(raw[2 : body_at - 2].decode("latin-1")),
        body=raw[body_at:body_end],
        head=raw[:body_end],
        signature=raw[body_end : body_end + _SIGNATURE_BYTES],
        mac=raw[body_end + _SIGNATURE_BYTES :],
    )


def _check_ids(ids: list[KeyId], *, expected: int) -> None:
    if not 1 <= expected <= MAX_LIVE_KEYS:
        raise InvalidKeyFile(f"expected one or two live keys, found {expected}")
    if len(ids) != expected:
        raise InvalidKeyFile("two keys have the same id")


def _parsed(text: str | bytes, path: Path) -> dict[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        raise InvalidKeyFile(f"{path} is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidKeyFile(f"{path}: expected an object")
    return document


def _entries(document: dict[str, object], path: Path) -> list[dict[str, object]]:
    entries = document.get("keys")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidKeyFile(f'{path}: "keys" must be a list of objects')
    ids = [_id_of(entry, path) for entry in entries]
    if len(set(ids)) != len(ids) or not 1 <= len(ids) <= MAX_LIVE_KEYS:
        raise InvalidKeyFile(f"{path}: expected one or two keys with different ids, found {len(ids)}")
    return entries


def _id_of(entry: dict[str, object], path: Path) -> KeyId:
    key_id = entry.get("id")
    if not isinstance(key_id, str) or not key_id.isascii() or not 1 <= len(key_id) <= 255:
        raise InvalidKeyFile(f'{path}: every key needs an "id" of 1 to 255 ASCII characters')
    return KeyId(key_id)


def _key(entry: dict[str, object], name: str, path: Path) -> bytes:
    text = entry.get(name)
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise InvalidKeyFile(f'{path}: "{name}" of key {entry.get("id")!r} must be {_KEY_BYTES} bytes in base64')
    return raw
