"""Reading certificate files, and following a rotation."""

from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.server_tls import _ServerReloader
from servicekit.tls import InvalidTlsFiles, TlsFiles, read_tls_files
from tests.fakes.certificates import CertificateAuthority

KITCHEN = "spiffe://house/kitchen"


@pytest.fixture
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def files(authority: CertificateAuthority, tmp_path: Path) -> TlsFiles:
    return authority.issue_files(tmp_path, "kitchen", KITCHEN)


def test_read_of_proper_files_returns_identity_and_hides_the_key(files: TlsFiles) -> None:
    material = read_tls_files(files)

    assert material.identity == KITCHEN
    assert "PRIVATE" not in repr(material)


def test_read_of_missing_file_names_it(files: TlsFiles) -> None:
    files.key.unlink()

    with pytest.raises(InvalidTlsFiles, match=r"kitchen\.key\.pem"):
        read_tls_files(files)


def test_read_of_garbage_is_refused(files: TlsFiles) -> None:
    files.ca.write_text("nothing")

    with pytest.raises(InvalidTlsFiles, match="PEM"):
        read_tls_files(files)


def test_read_of_key_of_another_certificate_is_refused(files: TlsFiles, authority: CertificateAuthority) -> None:
    files.key.write_bytes(authority.issue("cellar", uris=[KITCHEN]).key)

    with pytest.raises(InvalidTlsFiles, match="is not the key of"):
        read_tls_files(files)


@pytest.mark.parametrize(
    ("starts", "ends"), [(timedelta(hours=-2), timedelta(hours=-1)), (timedelta(hours=1), timedelta(hours=2))]
)
def test_read_of_certificate_outside_its_time_is_refused(
    starts: timedelta, ends: timedelta, authority: CertificateAuthority, tmp_path: Path
) -> None:
    late = authority.issue("kitchen", uris=[KITCHEN], starts=starts, ends=ends)

    with pytest.raises(InvalidTlsFiles, match="valid from"):
        read_tls_files(authority.write(tmp_path, "late", late))


def test_read_of_certificate_without_identity_is_refused(authority: CertificateAuthority, tmp_path: Path) -> None:
    with pytest.raises(InvalidTlsFiles, match="URI name"):
        read_tls_files(authority.write(tmp_path, "plain", authority.issue("kitchen")))


class TestServerReloader:
    def test_unchanged_files_mean_no_change(self, files: TlsFiles) -> None:
        outcomes: list[bool] = []
        reloader = _ServerReloader(files, outcomes.append)

        assert reloader.fetch() is None
        assert outcomes == []

    def test_new_files_are_taken_once(self, files: TlsFiles, authority: CertificateAuthority) -> None:
        outcomes: list[bool] = []
        reloader = _ServerReloader(files, outcomes.append)

        authority.issue_files(files.cert.parent, "kitchen", KITCHEN)

        assert reloader.fetch() is not None
        assert reloader.fetch() is None
        assert outcomes == [True]

    def test_half_written_rotation_keeps_the_old_until_it_is_whole(
        self, files: TlsFiles, authority: CertificateAuthority
    ) -> None:
        outcomes: list[bool] = []
        reloader = _ServerReloader(files, outcomes.append)
        fresh = authority.issue("kitchen", uris=[KITCHEN])

        files.cert.write_bytes(fresh.cert)
        assert reloader.fetch() is None
        files.key.write_bytes(fresh.key)
        assert reloader.fetch() is not None

        assert outcomes == [False, True]

    def test_vanished_file_keeps_the_old(self, files: TlsFiles) -> None:
        outcomes: list[bool] = []
        reloader = _ServerReloader(files, outcomes.append)

        files.cert.unlink()

        assert reloader.fetch() is None
        assert outcomes == [False]
