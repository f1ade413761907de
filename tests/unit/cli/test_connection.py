"""Where the connection comes from."""

from pathlib import Path

import pytest

from montage_cli.connection import find_connection
from montage_cli.errors import ExitCode, MontageError

ENVIRONMENT = {
    "MONTAGE_PIPELINE_ADDR": "pipeline:50051",
    "MONTAGE_CA_CERT": "/tls/ca.pem",
    "MONTAGE_CLIENT_CERT": "/tls/cert.pem",
    "MONTAGE_CLIENT_KEY": "/tls/key.pem",
}


def write_dev_env(folder: Path, *, address: str = "127.0.0.1:50051") -> Path:
    path = folder / ".montage" / "dev.env"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"# written by bin/dev\nexport MONTAGE_PIPELINE_ADDR={address}\n"
        "MONTAGE_CA_CERT='/a folder/ca.pem'\nMONTAGE_CLIENT_CERT=/tls/cert.pem\n"
        'MONTAGE_CLIENT_KEY=".montage/secrets/key.pem"\n\nMONTAGE_OTHER=\n'
    )
    return path


def test_find_connection_environment_wins_over_dev_env(tmp_path: Path) -> None:
    write_dev_env(tmp_path)

    connection = find_connection(ENVIRONMENT, folder=tmp_path, repository=tmp_path)

    assert connection.address == "pipeline:50051"
    assert connection.client_key == Path("/tls/key.pem")


def test_find_connection_dev_env_is_found_upward(tmp_path: Path) -> None:
    path = write_dev_env(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    connection = find_connection({}, folder=below, repository=tmp_path / "none")

    assert connection.address == "127.0.0.1:50051"
    assert connection.ca_cert == Path("/a folder/ca.pem")
    assert connection.client_key == tmp_path / ".montage" / "secrets" / "key.pem"
    assert connection.origin == str(path)


def test_find_connection_dev_env_is_found_in_the_repository(tmp_path: Path) -> None:
    write_dev_env(tmp_path / "repository", address="127.0.0.1:6")

    connection = find_connection({}, folder=tmp_path, repository=tmp_path / "repository")

    assert connection.address == "127.0.0.1:6"


def test_find_connection_half_an_environment_is_refused_and_not_completed(tmp_path: Path) -> None:
    write_dev_env(tmp_path)
    half = {"MONTAGE_PIPELINE_ADDR": "pipeline:50051", "MONTAGE_CA_CERT": "/tls/ca.pem"}

    with pytest.raises(MontageError, match=r"but not --client-cert .MONTAGE_CLIENT_CERT., --client-key"):
        find_connection(half, folder=tmp_path, repository=tmp_path)


def test_find_connection_nothing_found_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MontageError, match="start bin/dev, name a --context, or set MONTAGE_PIPELINE_ADDR") as caught:
        find_connection({}, folder=tmp_path, repository=tmp_path)

    assert caught.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("content", ["MONTAGE_CA_CERT='open", "just words", "A=b c"])
def test_find_connection_damaged_dev_env_is_named_with_its_line(tmp_path: Path, content: str) -> None:
    path = write_dev_env(tmp_path)
    path.write_text(f"# first\n{content}\n")

    with pytest.raises(MontageError, match=r"dev\.env: line 2"):
        find_connection({}, folder=tmp_path, repository=tmp_path)
