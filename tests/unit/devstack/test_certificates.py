"""The development CA and what it signs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from devstack.certificates import (
    IDENTITIES,
    LEAF_LIFE,
    InvalidClientName,
    ensure_certificates,
    issue_client_certificate,
)
from devstack.layout import Layout

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    ensure_certificates(Layout(tmp_path), now=NOW)
    return Layout(tmp_path)


CLUSTER = {"nats": ["nats-1", "nats-2", "nats-3"]}


@pytest.mark.parametrize(("name", "identity"), IDENTITIES.items())
def test_certificate_of_a_service_names_it_once(layout: Layout, name: str, identity: str) -> None:
    certificate = read(layout.tls(name).cert)

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [identity]
    assert names.get_values_for_type(x509.DNSName) == [name, *CLUSTER.get(name, []), "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_certificate_verifies_against_the_ca_as_server_and_client(layout: Layout) -> None:
    authority, leaf = read(layout.ca_cert), read(layout.tls("pipeline").cert)

    leaf.verify_directly_issued_by(authority)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_certificates_asked_for_again_are_kept(layout: Layout) -> None:
    before = layout.tls("pipeline").cert.read_bytes()

    ensure_certificates(layout, now=NOW + timedelta(days=30))

    assert layout.tls("pipeline").cert.read_bytes() == before


def test_certificates_near_their_end_are_renewed_by_the_same_ca(layout: Layout) -> None:
    authority, later = layout.ca_cert.read_bytes(), NOW + LEAF_LIFE - timedelta(days=29)

    ensure_certificates(layout, now=later)

    assert layout.ca_cert.read_bytes() == authority
    assert read(layout.tls("executor").cert).not_valid_after_utc == later + LEAF_LIFE


def test_lost_authority_renews_every_certificate(layout: Layout) -> None:
    issue_client_certificate(layout, "alice", now=NOW)
    layout.ca_key.unlink()

    ensure_certificates(layout, now=NOW)

    authority = read(layout.ca_cert)
    for name in (*IDENTITIES, "client-alice"):
        read(layout.tls(name).cert).verify_directly_issued_by(authority)


def test_pair_without_certificate_is_made_again(layout: Layout) -> None:
    layout.tls("nats").cert.unlink()

    ensure_certificates(layout, now=NOW)

    certificate = read(layout.tls("nats").cert)
    certificate.verify_directly_issued_by(read(layout.ca_cert))


def test_client_certificate_names_the_client(tmp_path: Path) -> None:
    files = issue_client_certificate(Layout(tmp_path), "alice", now=NOW)

    names = read(files.cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://montage/client/alice"]
    read(files.cert).verify_directly_issued_by(read(files.ca))


@pytest.mark.parametrize("name", ["", "../ops", "Alice", "a/b", "-a", "a" * 64, "ä"])
def test_client_certificate_for_a_bad_name_is_refused_and_nothing_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidClientName, match="expected a name like"):
        issue_client_certificate(Layout(tmp_path), name, now=NOW)

    assert list(tmp_path.iterdir()) == []
