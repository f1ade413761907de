"""A certificate authority for tests, which can also issue what no honest authority would."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from servicekit.tls import TlsFiles


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key, both PEM."""

    cert: bytes
    key: bytes

    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.cert)


class CertificateAuthority:
    """A root that signs leaves; each instance is another one, with another key."""

    def __init__(self, name: str = "Test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = _key_usage(signs_certificates=True)
        builder = (
            _builder(self._name, self._name, self._key.public_key(), timedelta(days=-1), timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.cert = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    @classmethod
    def of_files(cls, cert: Path, key: Path) -> "CertificateAuthority":
        """An authority that there is already, to sign in its name."""
        found = cls.__new__(cls)
        loaded = load_pem_private_key(key.read_bytes(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        found._key, found.cert = loaded, cert.read_bytes()
        found._name = x509.load_pem_x509_certificate(found.cert).subject
        return found

    def issue(
        self,
        name: str,
        *,
        uris: Sequence[str] = (),
        dns: Sequence[str] | None = None,
        ips: Sequence[str] = ("127.0.0.1",),
        ca: bool = False,
        signs_certificates: bool = False,
        starts: timedelta = timedelta(hours=-1),
        ends: timedelta = timedelta(hours=1),
    ) -> Issued:
        """Sign a leaf with common name `name`; DNS names are `name` and localhost unless given."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(one) for one in ([name, "localhost"] if dns is None else dns)]
        names += [x509.UniformResourceIdentifier(one) for one in uris]
        names += [x509.IPAddress(ipaddress.ip_address(one)) for one in ips]
        builder = (
            _builder(subject, self._name, key.public_key(), starts, ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=ca or signs_certificates), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(cert=certificate.public_bytes(Encoding.PEM), key=pem_key)

    def write(self, folder: Path, name: str, issued: Issued) -> TlsFiles:
        """Put a leaf beside this CA's certificate, replacing what was there."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = TlsFiles(cert=folder / f"{name}.cert.pem", key=folder / f"{name}.key.pem", ca=folder / f"{name}.ca.pem")
        for path, content in ((files.cert, issued.cert), (files.key, issued.key), (files.ca, self.cert)):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.chmod(0o600)
            fresh.replace(path)
        return files

    def issue_files(self, folder: Path, name: str, uri: str) -> TlsFiles:
        """An ordinary leaf with one URI name, written to files."""
        return self.write(folder, name, self.issue(name, uris=[uri]))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
