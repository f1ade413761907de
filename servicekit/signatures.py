"""HMACs over what somebody sent, by one of several live secrets."""

import hmac
from collections.abc import Iterable


def is_signed(message: bytes, signatures: Iterable[bytes], *, keys: Iterable[bytes], algorithm: str) -> bool:
    """Whether one of the signatures is that of one of the keys. The time says nothing about how near one came."""
    expected = [hmac.digest(key, message, algorithm) for key in keys]
    found = [hmac.compare_digest(one, other) for one in signatures for other in expected]
    return any(found)


def of_hex(text: str) -> bytes:
    """The bytes of a signature in hex; none for what is no hex, which is nobody's signature."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
