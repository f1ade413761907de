"""The development certificate authority and the certificates it signs."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devstack.layout import Layout, TlsFiles, write_private

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
IDENTITIES = {
    "pipeline": "spiffe://montage/pipeline",
    "executor": "spiffe://montage/executor",
    "callback-gateway": "spiffe://montage/callback-gateway",
    "internal-gateway": "spiffe://montage/internal-gateway",
    "client-dev": "spiffe://montage/client/dev",
    "ops-dev": "spiffe://montage/ops/dev",
    "nats": "spiffe://montage/nats",
}
"""Certificate folder → the one URI SAN it carries."""
MORE_HOSTS = {"nats": ("nats-1", "nats-2", "nats-3")}
"""Host names besides the folder's own: those of the compose file's cluster."""
CLIENT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class InvalidClientName(ValueError):
    """A name that cannot stand in an identity."""


def ensure_certificates(layout: Layout, *, now: datetime | None = None) -> None:
    """Make what is missing and renew what ends within 30 days; a new authority renews every certificate."""
    now = now or datetime.now(UTC)
    renewed = _ensure_authority(layout, now=now)
    extra = {path.parent.name for path in layout.ca_cert.parent.glob("client-*/cert.pem")} - IDENTITIES.keys()
    identities = IDENTITIES | {name: f"spiffe://montage/client/{name.removeprefix('client-')}" for name in extra}
    for name, identity in identities.items():
        if renewed or not _is_fresh(layout.tls(name), now=now):
            _issue(layout, name=name, identity=identity, now=now)


def issue_client_certificate(layout: Layout, name: str, *, now: datetime | None = None) -> TlsFiles:
    """Sign a new certificate for `spiffe://montage/client/<name>`, replacing an older one of that name."""
    if not CLIENT_NAME.fullmatch(name):
        raise InvalidClientName(f"expected a name like 'alice' ({CLIENT_NAME.pattern}), found {name!r}")
    now = now or datetime.now(UTC)
    _ensure_authority(layout, now=now)
    return _issue(layout, name=f"client-{name}", identity=f"spiffe://montage/client/{name}", now=now)


def _ensure_authority(layout: Layout, *, now: datetime) -> bool:
    files = TlsFiles(ca=layout.ca_cert, cert=layout.ca_cert, key=layout.ca_key)
    if _is_fresh(files, now=now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Montage development CA")])
    certificate = (
        _builder(name, name, key, now=now, life=CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_pair(files, certificate, key)
    return True


def _issue(layout: Layout, *, name: str, identity: str, now: datetime) -> TlsFiles:
    authority = x509.load_pem_x509_certificate(layout.ca_cert.read_bytes())
    authority_key = serialization.load_pem_private_key(layout.ca_key.read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"expected an EC key in {layout.ca_key}, found {type(authority_key).__name__}")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    alternative_names = x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier(identity),
            *map(x509.DNSName, (name, *MORE_HOSTS.get(name, ()), "localhost")),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
    )
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        _builder(subject, authority.subject, key, now=now, life=LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(alternative_names, critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = layout.tls(name)
    _write_pair(files, certificate, key)
    return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back: a container's clock may run a little behind its host's.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_fresh(files: TlsFiles, *, now: datetime) -> bool:
    if not files.cert.is_file() or not files.key.is_file():
        return False
    return x509.load_pem_x509_certificate(files.cert.read_bytes()).not_valid_after_utc - now > RENEW_BEFORE


def _write_pair(files: TlsFiles, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    # The certificate last: a pair cut in half by a crash then still looks stale and is made again.
    files.cert.unlink(missing_ok=True)
    write_private(files.key, _pem(key))
    write_private(files.cert, certificate.public_bytes(serialization.Encoding.PEM))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_folder(layout: Layout) -> Path:
    return layout.ca_cert.parent
