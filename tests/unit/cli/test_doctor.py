"""What `montage doctor` says without a service, and about certificate files."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from montage_cli.cli import cli
from montage_cli.connection import Connection
from montage_cli.doctor_papers import look_at_papers
from montage_cli.findings import Result
from servicekit.tls import TlsFiles
from tests.fakes.certificates import CertificateAuthority

CLIENT = "spiffe://montage/client/dev"
NOW = datetime.now(UTC)


def papers(files: TlsFiles, *, now: datetime = NOW) -> list[tuple[str, str, str]]:
    connection = Connection(
        address="nowhere:1", ca_cert=files.ca, client_cert=files.cert, client_key=files.key, origin="the test"
    )
    return [(one.check, one.result, one.saw) for one in look_at_papers(connection, now=now)]


def test_doctor_without_settings_says_so_and_ends_with_4() -> None:
    table = CliRunner().invoke(cli, ["doctor"], env={"MONTAGE_PIPELINE_ADDR": "x:1"})
    as_json = CliRunner().invoke(cli, ["doctor", "-o", "json"], env={"MONTAGE_PIPELINE_ADDR": "x:1"})

    lines = table.stdout.splitlines()
    assert (table.exit_code, as_json.exit_code) == (4, 4)
    assert lines[1].split()[:2] == ["connection", "failed"]
    assert "MONTAGE_CA_CERT" in lines[1]
    assert lines[-2].split(maxsplit=2)[-1].endswith("not looked at, because of 'connection'")
    assert lines[-1] == "1 failed: connection"
    assert [one["result"] for one in json.loads(as_json.stdout)["checks"]][:2] == ["failed", "skipped"]


def test_papers_that_fit_are_told_with_identity_and_days_left(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    files = authority.write(tmp_path, "a", authority.issue("a", uris=[CLIENT], ends=timedelta(days=20, minutes=1)))

    found = papers(files)

    assert [result for _, result, _ in found] == [Result.OK] * 3
    assert found[1] == ("identity", "ok", CLIENT)
    assert found[2][2].endswith(" UTC, 20 days from now")


def test_papers_that_end_within_a_week_are_a_warning(tmp_path: Path) -> None:
    files = CertificateAuthority().issue_files(tmp_path, "a", CLIENT)

    check, result, saw = papers(files)[2]

    assert (check, result) == ("expiry", Result.WARNING)
    assert saw.endswith("0 days from now")


@pytest.mark.parametrize(
    ("moved", "expected"),
    [(timedelta(days=5), "the certificate expired on "), (-timedelta(days=5), "the certificate is not valid before ")],
)
def test_papers_of_another_time_fail_with_the_date(tmp_path: Path, moved: timedelta, expected: str) -> None:
    files = CertificateAuthority().issue_files(tmp_path, "a", CLIENT)

    check, result, saw = papers(files, now=NOW + moved)[2]

    assert (check, result) == ("expiry", Result.FAILED)
    assert saw.startswith(expected)


def test_papers_of_an_authority_that_ended_fail(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    files = authority.write(tmp_path, "a", authority.issue("a", uris=[CLIENT], ends=timedelta(days=100)))

    check, result, saw = papers(files, now=NOW + timedelta(days=50))[2]

    assert (check, result) == ("expiry", Result.FAILED)
    assert saw.startswith("the CA expired on ")


def test_key_of_another_certificate_fails(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    files = authority.issue_files(tmp_path, "a", CLIENT)
    other = authority.issue_files(tmp_path, "b", CLIENT)

    found = papers(TlsFiles(cert=files.cert, key=other.key, ca=files.ca))

    assert found == [("certificate", "failed", f"{other.key} is not the key of {files.cert}")]


def test_missing_file_and_nonsense_are_named(tmp_path: Path) -> None:
    files = CertificateAuthority().issue_files(tmp_path, "a", CLIENT)
    files.cert.write_text("nonsense")
    nonsense = papers(files)
    files.cert.unlink()
    missing = papers(files)

    assert nonsense == [("certificate", "failed", f"{files.cert} holds no certificate in PEM form")]
    assert missing == [("certificate", "failed", f"cannot read {files.cert}: No such file or directory")]
