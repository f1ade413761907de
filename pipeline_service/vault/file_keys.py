"""Master keys that this process holds itself."""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline_service.commands.errors import CredentialUnreadable
from pipeline_service.vault.envelope import NONCE_BYTES, decrypt
from pipeline_service.vault.master_keys import Ring


class FileKeys:
    """AES-256-GCM under a key of the ring; what is wrapped begins with its nonce."""

    def __init__(self, ring: Callable[[], Ring]) -> None:
        """`ring` answers the master keys that are live now."""
        self._ring = ring

    @property
    def active_key_id(self) -> str:
        return self._ring().active

    def knows(self, key_id: str) -> bool:
        return key_id in self._ring().keys

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[str, bytes]:
        ring = self._ring()
        nonce = os.urandom(NONCE_BYTES)
        return ring.active, nonce + AESGCM(ring.keys[ring.active]).encrypt(nonce, data_key, bound_to)

    async def unwrap(self, key_id: str, wrapped: bytes, *, bound_to: bytes) -> bytes:
        key = self._ring().keys.get(key_id)
        if key is None:
            # Taken out of the file since it was asked for.
            raise CredentialUnreadable(f"master key '{key_id}' is not live")
        return decrypt(key, wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
