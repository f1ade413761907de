"""Who is at the other end of an HTTP connection, as far as it showed."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from servicekit.identity import InvalidIdentity, SpiffeId, identity_of_certificate

PEER_CERTIFICATE = "montage.peer_certificate"
"""Key of the ASGI scope under which the server puts the caller's verified certificate (DER), if it showed one."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Where a request came from. For the audit record: what a caller may do is said by its capability alone."""

    address: str
    identity: SpiffeId | None


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Read a caller out of an ASGI scope."""
    client = scope.get("client")
    return Caller(address=client[0] if client else "", identity=_identity(scope.get(PEER_CERTIFICATE)))


def certificate_of(tls: ssl.SSLObject | None) -> bytes | None:
    """The certificate that the peer of a connection showed and that our CA signed.

    None for a resumed session: it was looked at in a handshake before, and its CA may have been removed since.
    """
    return None if tls is None or tls.session_reused else tls.getpeercert(binary_form=True)


def _identity(certificate: bytes | None) -> SpiffeId | None:
    if certificate is None:
        return None
    try:
        return identity_of_certificate(x509.load_der_x509_certificate(certificate))
    except (InvalidIdentity, ValueError):
        return None
