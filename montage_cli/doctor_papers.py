"""What `montage doctor` sees in the certificate files: do they fit, whose are they, until when are they good."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from montage_cli.connection import Connection
from montage_cli.findings import Finding, failed, ok, warning
from servicekit.tls import InvalidTlsFiles, TlsFiles, read_tls_files

_SOON = timedelta(days=7)
_MAY_CALL = ("spiffe://montage/client/", "spiffe://montage/ops/")


def look_at_papers(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    """`certificate`, then `identity` and `expiry` as far as it can be read."""
    files = TlsFiles(cert=connection.client_cert, key=connection.client_key, ca=connection.ca_cert)
    try:
        leaf = read_certificates(files.cert)[0]
        # As if it were the last moment: time has a line of its own.
        identity = str(read_tls_files(files, now=leaf.not_valid_after_utc).identity)
    except InvalidTlsFiles as err:
        yield failed("certificate", str(err))
        return
    yield ok("certificate", f"{files.cert}, with its key and the CA {files.ca}")
    if identity.startswith(_MAY_CALL):
        yield ok("identity", identity)
    else:
        yield warning("identity", f"{identity}; expected one that begins with {' or '.join(_MAY_CALL)}")
    yield _expiry(leaf, read_certificates(files.ca), now=now)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """All certificates of a PEM file, at least one. Raises InvalidTlsFiles."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as err:
        raise InvalidTlsFiles(f"cannot read {path}: {err.strerror}") from err
    except ValueError as err:
        raise InvalidTlsFiles(f"{path} holds no certificate in PEM form") from err


def _expiry(leaf: x509.Certificate, authorities: list[x509.Certificate], *, now: datetime) -> Finding:
    ends = min(one.not_valid_after_utc for one in (leaf, *authorities))
    if now > leaf.not_valid_after_utc:
        return failed("expiry", f"the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if now < leaf.not_valid_before_utc:
        return failed("expiry", f"the certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    if now > ends:
        return failed("expiry", f"the CA expired on {ends:%Y-%m-%d %H:%M} UTC")
    left = ends - now
    words = f"good until {ends:%Y-%m-%d %H:%M} UTC, {left.days} days from now"
    return warning("expiry", words) if left < _SOON else ok("expiry", words)
