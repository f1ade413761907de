"""What `montage doctor` sees on the way to the service: does the port answer, and whose certificate does it show."""

import asyncio
import contextlib
import ssl
from pathlib import Path

from cryptography import x509

from montage_cli.connection import Connection
from montage_cli.doctor_papers import read_certificates
from montage_cli.findings import Finding, failed, ok
from servicekit.tls import InvalidTlsFiles

_PATIENCE_S = 4.0
_ALPN = "h2"
"""gRPC servers hang up on who does not offer it."""


async def look_at_port(connection: Connection) -> Finding:
    """`reachable`: a plain TCP connection."""
    host, _, port = connection.address.rpartition(":")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        return failed("reachable", f"nothing answers at {connection.address} within {_PATIENCE_S:g} s")
    except ValueError:
        return failed("reachable", f"expected host:port, found '{connection.address}'")
    except OSError as err:
        return failed("reachable", f"no connection to {connection.address}: {err.strerror or err}")
    writer.close()
    return ok("reachable", connection.address)


async def look_at_server_certificate(connection: Connection) -> Finding:
    """`server`: whether the CA of the connection signed what the service shows."""
    try:
        shown = await _shown_certificate(connection, verifies=True)
    except ssl.SSLCertVerificationError as err:
        return failed("server", await _why_not_trusted(connection, err.verify_message))
    except (ssl.SSLError, OSError, TimeoutError) as err:
        return failed("server", f"no TLS at {connection.address}: {err or 'no answer'}")
    ends = shown.not_valid_after_utc
    return ok("server", f"{_names_of(shown)}, signed by our CA, good until {ends:%Y-%m-%d %H:%M} UTC")


async def _why_not_trusted(connection: Connection, message: str) -> str:
    """The reason of the TLS library, and who signed what is shown beside whom we trust."""
    with contextlib.suppress(OSError, TimeoutError, InvalidTlsFiles):
        shown = await _shown_certificate(connection, verifies=False)
        trusted = ", ".join(_fingerprint_of(one) for one in read_certificates(connection.ca_cert))
        return f"{message}: its certificate is signed by {shown.issuer.rfc4514_string()}, our CA file holds {trusted}"
    return message


def _fingerprint_of(authority: x509.Certificate) -> str:
    """Its name and when it was made: two of the same name differ in that."""
    return f"{authority.subject.rfc4514_string()} of {authority.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"


async def _shown_certificate(connection: Connection, *, verifies: bool) -> x509.Certificate:
    host, _, port = connection.address.rpartition(":")
    async with asyncio.timeout(_PATIENCE_S):
        _, writer = await asyncio.open_connection(
            host.strip("[]"), int(port), ssl=_context(connection.ca_cert, verifies=verifies)
        )
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(shown)


def _context(ca_cert: Path, *, verifies: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca_cert))
    context.set_alpn_protocols([_ALPN])
    if not verifies:
        # Only to tell whose certificate it is that was not trusted; nothing is sent.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _names_of(certificate: x509.Certificate) -> str:
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        if uris:
            return ", ".join(uris)
    return certificate.subject.rfc4514_string()
