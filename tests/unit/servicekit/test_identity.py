"""Which texts and certificates are an identity. The certificates are those that fool gRPC's own view of the peer."""

from collections.abc import Mapping

import pytest

from servicekit.identity import InvalidIdentity, identity_of_certificate, parse_spiffe_id, peer_identity
from tests.fakes.certificates import CertificateAuthority, Issued

GOOD = "spiffe://house/kitchen"


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.mark.parametrize("text", [GOOD, "spiffe://house/a/B-c_d.e/9", "spiffe://a.b-c_d/x", "spiffe://house/..."])
def test_parse_of_a_proper_id_returns_it_unchanged(text: str) -> None:
    assert parse_spiffe_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kitchen",
        "https://house/kitchen",
        "SPIFFE://house/kitchen",
        "spiffe:/house/kitchen",
        "spiffe://house",
        "spiffe://house/",
        "spiffe://house/kitchen/",
        "spiffe://house//kitchen",
        "spiffe://house/./kitchen",
        "spiffe://house/../kitchen",
        "spiffe://house/kit%2Fchen",
        "spiffe://house/kit%63hen",
        "spiffe://House/kitchen",
        "spiffe://house:443/kitchen",
        "spiffe://cook@house/kitchen",
        "spiffe:///kitchen",
        "spiffe://house/kitchen?x=1",
        "spiffe://house/kitchen#x",
        "spiffe://house/kitchen\n",
        " spiffe://house/kitchen",
        "spiffe://house/k\u0131tchen",
        "spiffe://hoüse/kitchen",
        "spiffe://house/kitchen\x00",
        "spiffe://" + "h" * 256 + "/kitchen",
    ],
)
def test_parse_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentity):
        parse_spiffe_id(text)


def test_parse_at_the_length_limit_accepts_2048_bytes_and_refuses_2049() -> None:
    longest = GOOD + "x" * (2048 - len(GOOD))

    assert parse_spiffe_id(longest) == longest
    with pytest.raises(InvalidIdentity, match="2048"):
        parse_spiffe_id(longest + "x")


def test_certificate_with_one_uri_name_gives_its_identity(authority: CertificateAuthority) -> None:
    assert identity_of_certificate(authority.issue("kitchen", uris=[GOOD]).certificate()) == GOOD


def awkward_certificates(authority: CertificateAuthority) -> Mapping[str, Issued]:
    """Thirteen ways to look like somebody."""
    return {
        "common name only": authority.issue(GOOD, dns=[], ips=[]),
        "common name and DNS": authority.issue("kitchen"),
        "DNS name spelled as a URI": authority.issue("kitchen", dns=[GOOD]),
        "two URI names": authority.issue("kitchen", uris=[GOOD, "spiffe://house/cellar"]),
        "the same URI name twice": authority.issue("kitchen", uris=[GOOD, GOOD]),
        "SPIFFE and another URI name": authority.issue("kitchen", uris=[GOOD, "https://house/kitchen"]),
        "another scheme": authority.issue("kitchen", uris=["https://house/kitchen"]),
        "trailing slash": authority.issue("kitchen", uris=[GOOD + "/"]),
        "encoded slash": authority.issue("kitchen", uris=["spiffe://house/a%2Fb"]),
        "upper case trust domain": authority.issue("kitchen", uris=["spiffe://HOUSE/kitchen"]),
        "dot segments": authority.issue("kitchen", uris=["spiffe://house/cellar/../kitchen"]),
        "CA as leaf": authority.issue("kitchen", uris=[GOOD], ca=True),
        "leaf that may sign certificates": authority.issue("kitchen", uris=[GOOD], signs_certificates=True),
    }


@pytest.mark.parametrize("case", list(awkward_certificates(CertificateAuthority())))
def test_awkward_certificate_is_nobody(case: str, authority: CertificateAuthority) -> None:
    certificate = awkward_certificates(authority)[case].certificate()

    with pytest.raises(InvalidIdentity):
        identity_of_certificate(certificate)


class Context:
    """What gRPC tells about a peer, as far as peer_identity asks."""

    def __init__(self, **auth: list[bytes]) -> None:
        self._auth = auth

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return self._auth


def test_peer_with_matching_claim_and_leaf_is_known(authority: CertificateAuthority) -> None:
    leaf = authority.issue("kitchen", uris=[GOOD]).cert

    assert peer_identity(Context(peer_spiffe_id=[GOOD.encode()], x509_pem_cert=[leaf])) == GOOD  # type: ignore[arg-type]


def test_peer_whose_claim_differs_from_its_leaf_is_nobody(authority: CertificateAuthority) -> None:
    leaf = authority.issue("cellar", uris=["spiffe://house/cellar"]).cert

    with pytest.raises(InvalidIdentity, match="differ"):
        peer_identity(Context(peer_spiffe_id=[GOOD.encode()], x509_pem_cert=[leaf]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"x509_common_name": [GOOD.encode()]},
        {"peer_spiffe_id": [GOOD.encode()]},
        {"peer_spiffe_id": [GOOD.encode()], "x509_pem_cert": [b"no certificate"]},
        {"x509_subject_alternative_name": [GOOD.encode()]},
    ],
)
def test_peer_without_claim_and_leaf_is_nobody(auth: dict[str, list[bytes]]) -> None:
    with pytest.raises(InvalidIdentity):
        peer_identity(Context(**auth))  # type: ignore[arg-type]
