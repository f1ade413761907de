"""Closes values: AES-256-GCM under a data key of their own, and that under a master key. Both are bound to a place."""

import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline_service.commands.errors import CredentialUnreadable
from pipeline_service.domain.credentials import Sealed

KEY_BYTES = 32
NONCE_BYTES = 12
"""What GCM takes; random ones are safe here, since a data key closes one value and a master key few."""


class MasterKeys(Protocol):
    """Where master keys are: in a file, or with a key manager that never shows them."""

    @property
    def active_key_id(self) -> str:
        """The one that wraps now."""

    def knows(self, key_id: str) -> bool:
        """Whether it can unwrap what that key wrapped."""

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[str, bytes]:
        """The id of the key that wrapped, and what it made of the data key. Raises NoMasterKeys, Unavailable."""

    async def unwrap(self, key_id: str, wrapped: bytes, *, bound_to: bytes) -> bytes:
        """The data key. Raises CredentialUnreadable, Unavailable."""


class Envelope:
    """Seals and opens. `bound_to` says where the sealed value belongs: elsewhere it does not open."""

    def __init__(self, keys: MasterKeys, *older: MasterKeys) -> None:
        """`keys` wrap; `older` ones unwrap what they wrapped, until all of it was moved."""
        self._keys = keys
        self._all = (keys, *older)

    @property
    def active_key_id(self) -> str:
        return self._keys.active_key_id

    async def seal(self, value: bytes, *, bound_to: bytes) -> Sealed:
        data_key, nonce = AESGCM.generate_key(bit_length=8 * KEY_BYTES), os.urandom(NONCE_BYTES)
        key_id, wrapped_key = await self._keys.wrap(data_key, bound_to=bound_to)
        return Sealed(
            master_key_id=key_id,
            wrapped_key=wrapped_key,
            nonce=nonce,
            ciphertext=AESGCM(data_key).encrypt(nonce, value, bound_to),
        )

    async def open(self, sealed: Sealed, *, bound_to: bytes) -> bytes:
        """Raises CredentialUnreadable, Unavailable."""
        return decrypt(await self._unwrap(sealed, bound_to), sealed.nonce, sealed.ciphertext, bound_to)

    async def rewrap(self, sealed: Sealed, *, bound_to: bytes) -> Sealed:
        """The same value, its data key under the active master key. Raises CredentialUnreadable, Unavailable."""
        data_key = await self._unwrap(sealed, bound_to)
        key_id, wrapped_key = await self._keys.wrap(data_key, bound_to=bound_to)
        return Sealed(master_key_id=key_id, wrapped_key=wrapped_key, nonce=sealed.nonce, ciphertext=sealed.ciphertext)

    async def _unwrap(self, sealed: Sealed, bound_to: bytes) -> bytes:
        for keys in self._all:
            if keys.knows(sealed.master_key_id):
                return await keys.unwrap(sealed.master_key_id, sealed.wrapped_key, bound_to=bound_to)
        raise CredentialUnreadable(f"master key '{sealed.master_key_id}' is not live")


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, bound_to: bytes) -> bytes:
    """Raises CredentialUnreadable."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
    except (InvalidTag, ValueError) as error:
        raise CredentialUnreadable("it was changed, or belongs elsewhere") from error
