"""Closes values: AES-256-GCM under a data key of their own, and that under a master key. Both are bound to a place."""

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline_service.commands.errors import CredentialUnreadable
from pipeline_service.domain.credentials import Sealed
from pipeline_service.vault.master_keys import KEY_BYTES, Ring

NONCE_BYTES = 12
"""What GCM takes; random ones are safe here, since a data key closes one value and a master key few."""


class Envelope:
    """Seals and opens. `bound_to` says where the sealed value belongs: elsewhere it does not open."""

    def __init__(self, ring: Callable[[], Ring]) -> None:
        """`ring` answers the master keys that are live now."""
        self._ring = ring

    @property
    def active_key_id(self) -> str:
        return self._ring().active

    def seal(self, value: bytes, *, bound_to: bytes) -> Sealed:
        data_key, nonce = AESGCM.generate_key(bit_length=8 * KEY_BYTES), os.urandom(NONCE_BYTES)
        key_id, wrapped_key = self._wrap(data_key, bound_to)
        return Sealed(
            master_key_id=key_id,
            wrapped_key=wrapped_key,
            nonce=nonce,
            ciphertext=AESGCM(data_key).encrypt(nonce, value, bound_to),
        )

    def open(self, sealed: Sealed, *, bound_to: bytes) -> bytes:
        """Raises CredentialUnreadable."""
        return _decrypt(self._unwrap(sealed, bound_to), sealed.nonce, sealed.ciphertext, bound_to)

    def rewrap(self, sealed: Sealed, *, bound_to: bytes) -> Sealed:
        """The same value, its data key under the active master key. Raises CredentialUnreadable."""
        key_id, wrapped_key = self._wrap(self._unwrap(sealed, bound_to), bound_to)
        return Sealed(master_key_id=key_id, wrapped_key=wrapped_key, nonce=sealed.nonce, ciphertext=sealed.ciphertext)

    def _wrap(self, data_key: bytes, bound_to: bytes) -> tuple[str, bytes]:
        ring = self._ring()
        nonce = os.urandom(NONCE_BYTES)
        return ring.active, nonce + AESGCM(ring.keys[ring.active]).encrypt(nonce, data_key, bound_to)

    def _unwrap(self, sealed: Sealed, bound_to: bytes) -> bytes:
        key = self._ring().keys.get(sealed.master_key_id)
        if key is None:
            raise CredentialUnreadable(f"master key '{sealed.master_key_id}' is not live")
        nonce, wrapped = sealed.wrapped_key[:NONCE_BYTES], sealed.wrapped_key[NONCE_BYTES:]
        return _decrypt(key, nonce, wrapped, bound_to)


def _decrypt(key: bytes, nonce: bytes, ciphertext: bytes, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
    except (InvalidTag, ValueError) as error:
        raise CredentialUnreadable("it was changed, or belongs elsewhere") from error
