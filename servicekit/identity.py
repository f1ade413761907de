"""Who the peer is: strict SPIFFE identities taken from verified certificates.

gRPC's own view is too generous: it takes the common name where there is no SAN, mixes DNS and URI names, and its
`peer_spiffe_id` lets pass a trailing slash, `%2F` and a CA certificate used as a leaf. So the identity is read from
`peer_spiffe_id` and then checked again, against the text rules and against the leaf certificate itself.
"""

import re
from functools import lru_cache
from typing import Any, NewType

import grpc
from cryptography import x509

SpiffeId = NewType("SpiffeId", str)

MAX_SPIFFE_ID_BYTES = 2048
MAX_TRUST_DOMAIN_BYTES = 255

_SHAPE = re.compile(r"spiffe://([^/]*)(/.*)?", re.DOTALL)
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]+")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+")


class InvalidIdentity(ValueError):
    """The text or the certificate is no acceptable workload identity; the message says why."""


def parse_spiffe_id(text: str) -> SpiffeId:
    """Accept exactly what the SPIFFE standard calls a workload's id; no normalising, so equal means equal."""
    if len(text.encode("utf-8", "replace")) > MAX_SPIFFE_ID_BYTES:
        raise InvalidIdentity(f"a SPIFFE id has at most {MAX_SPIFFE_ID_BYTES} bytes")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise InvalidIdentity(f"not a SPIFFE id (expected spiffe://<trust domain>/<path>): {text!r}")
    trust_domain, path = shape.group(1), shape.group(2) or ""
    if not _TRUST_DOMAIN.fullmatch(trust_domain) or len(trust_domain) > MAX_TRUST_DOMAIN_BYTES:
        raise InvalidIdentity(
            f"trust domain of a SPIFFE id must be lower case letters, digits, '.', '-', '_': {text!r}"
        )
    segments = path.split("/")[1:]
    if not segments:
        raise InvalidIdentity(f"a workload's SPIFFE id needs a path: {text!r}")
    for segment in segments:
        if segment in ("", ".", "..") or not _SEGMENT.fullmatch(segment):
            raise InvalidIdentity(f"path segment {segment!r} is not allowed in a SPIFFE id: {text!r}")
    return SpiffeId(text)


def identity_of_certificate(certificate: x509.Certificate) -> SpiffeId:
    """The one identity of a leaf certificate. Refuses a CA, no URI name, and more than one."""
    _refuse_ca(certificate)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise InvalidIdentity("certificate has no subject alternative name") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise InvalidIdentity(f"certificate must have exactly one URI name, found {len(uris)}")
    return parse_spiffe_id(uris[0])


def peer_identity(context: grpc.aio.ServicerContext[Any, Any]) -> SpiffeId:
    """The identity of the caller of this RPC. Raises InvalidIdentity when it showed none that is acceptable."""
    auth = context.auth_context()
    claimed = [bytes(value) for value in auth.get("peer_spiffe_id", ())]
    leaves = [bytes(value) for value in auth.get("x509_pem_cert", ())]
    if len(claimed) != 1 or len(leaves) != 1:
        raise InvalidIdentity("the connection carries no certificate with exactly one SPIFFE id")
    return _identity_of_peer(claimed[0], leaves[0])


# A pure function of its arguments, remembered because parsing a certificate for every RPC costs more than most checks.
@lru_cache(maxsize=256)
def _identity_of_peer(claimed: bytes, leaf_pem: bytes) -> SpiffeId:
    try:
        identity = identity_of_certificate(x509.load_pem_x509_certificate(leaf_pem))
    except InvalidIdentity:
        raise
    except ValueError as err:
        raise InvalidIdentity("the peer's certificate cannot be read") from err
    if identity.encode() != claimed:
        raise InvalidIdentity("the peer's certificate and its verified SPIFFE id differ")
    return identity


def _refuse_ca(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise InvalidIdentity("a CA certificate is nobody's identity")
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if usage.key_cert_sign or usage.crl_sign:
        raise InvalidIdentity("a certificate that may sign certificates is nobody's identity")
