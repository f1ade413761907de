"""Mutual TLS from files: reading and checking them, and what a client makes of them."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from servicekit.identity import InvalidIdentity, SpiffeId, identity_of_certificate

Fingerprint = tuple[tuple[int, int, int], ...]


class InvalidTlsFiles(ValueError):
    """A certificate, key or CA file is missing, unreadable, expired or does not fit the others."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Where a process finds its certificate chain, its key and the CAs it trusts; all PEM."""

    cert: Path
    key: Path
    ca: Path

    def fingerprint(self) -> Fingerprint:
        """Changes whenever one of the files is replaced; costs three `stat` calls. Raises OSError."""
        stats = [path.stat() for path in (self.cert, self.key, self.ca)]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)


@dataclass(frozen=True, kw_only=True)
class TlsMaterial:
    """Checked contents of TlsFiles: the key belongs to the certificate, and the leaf is valid now."""

    cert_chain: bytes
    key: bytes
    ca: bytes
    identity: SpiffeId

    def __repr__(self) -> str:
        """Without the key."""
        return f"TlsMaterial(identity={self.identity!r})"


def read_tls_files(files: TlsFiles, *, now: datetime | None = None) -> TlsMaterial:
    """Read and check all three. Raises InvalidTlsFiles, so that a half-written rotation is never put to use."""
    cert_chain, key, ca = (_read(path) for path in (files.cert, files.key, files.ca))
    try:
        leaf = x509.load_pem_x509_certificates(cert_chain)[0]
        x509.load_pem_x509_certificates(ca)
        private_key = load_pem_private_key(key, password=None)
        identity = identity_of_certificate(leaf)
    except InvalidIdentity as err:
        raise InvalidTlsFiles(f"{files.cert}: {err}") from err
    except (ValueError, TypeError) as err:
        raise InvalidTlsFiles(f"not readable as PEM: one of {files.cert}, {files.key}, {files.ca}") from err
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private_key.public_key().public_bytes(*spki) != leaf.public_key().public_bytes(*spki):
        raise InvalidTlsFiles(f"{files.key} is not the key of {files.cert}")
    moment = now or datetime.now(UTC)
    if not leaf.not_valid_before_utc <= moment <= leaf.not_valid_after_utc:
        raise InvalidTlsFiles(
            f"{files.cert} is valid from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}, now is {moment}"
        )
    return TlsMaterial(cert_chain=cert_chain, key=key, ca=ca, identity=identity)


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """Credentials of one channel; they never reload, so a rotation needs a new channel (see grpc_client)."""
    material = read_tls_files(files)
    return grpc.ssl_channel_credentials(
        root_certificates=material.ca, private_key=material.key, certificate_chain=material.cert_chain
    )


def client_ssl_context(files: TlsFiles) -> ssl.SSLContext:
    """For protocols other than gRPC (NATS, HTTPS): verifies the server by name, shows our certificate, TLS 1.2 up."""
    read_tls_files(files)
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.cert, files.key)
    return context


def refresh_ssl_context(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Let the next handshake of `context` use what the files hold now; a CA that is gone from them stays trusted.

    Raises InvalidTlsFiles and then leaves the context as it is.
    """
    material = read_tls_files(files)
    context.load_verify_locations(cadata=material.ca.decode("ascii"))
    context.load_cert_chain(files.cert, files.key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise InvalidTlsFiles(f"cannot read {path}: {err.strerror}") from err
