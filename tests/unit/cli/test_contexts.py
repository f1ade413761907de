"""Connections by the name of a context."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from montage_cli.cli import cli
from montage_cli.connection import find_connection
from montage_cli.errors import ExitCode, MontageError

CONTEXTS = """\
[contexts.staging]
address = "montage.example:50051"
ca_cert = "staging/ca.pem"
client_cert = "/etc/montage/client.pem"
client_key = "staging/client.key"

[contexts.half]
address = "montage.example:50051"
client_key = 5
"""


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    folder = tmp_path / ".config" / "montage"
    folder.mkdir(parents=True)
    (folder / "contexts.toml").write_text(CONTEXTS)
    return tmp_path


def refusal(variables: dict[str, str], folder: Path, *, code: ExitCode = ExitCode.UNREACHABLE) -> str:
    with pytest.raises(MontageError) as refused:
        find_connection(variables, folder=folder, repository=folder)
    assert refused.value.exit_code is code
    return str(refused.value)


def test_context_has_its_paths_relative_to_its_file(home: Path) -> None:
    found = find_connection({"HOME": str(home), "MONTAGE_CONTEXT": "staging"}, folder=home, repository=home)

    assert found.address == "montage.example:50051"
    assert found.ca_cert == home / ".config" / "montage" / "staging" / "ca.pem"
    assert found.client_cert == Path("/etc/montage/client.pem")
    assert found.origin == f"context staging of {home}/.config/montage/contexts.toml"


def test_context_lies_where_xdg_says(home: Path) -> None:
    variables = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(home / ".config"), "MONTAGE_CONTEXT": "staging"}

    assert find_connection(variables, folder=home, repository=home).address == "montage.example:50051"


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("stagin", 2, "no context 'stagin'; did you mean 'staging'? It has staging, half"),
        ("zebra", 2, "no context 'zebra'; it has staging, half"),
        ("half", 4, "context 'half' needs address, ca_cert, client_cert, client_key as text; missing or wrong: "
         "ca_cert, client_cert, client_key"),
    ],
)  # fmt: skip
def test_context_that_cannot_be_used_says_why(home: Path, name: str, code: int, expected: str) -> None:
    assert expected in refusal({"HOME": str(home), "MONTAGE_CONTEXT": name}, home, code=ExitCode(code))


def test_contexts_that_cannot_be_read_are_named(home: Path) -> None:
    path = home / ".config" / "montage" / "contexts.toml"
    path.write_text("[contexts")
    broken = refusal({"HOME": str(home), "MONTAGE_CONTEXT": "staging"}, home)
    path.unlink()
    missing = refusal({"HOME": str(home), "MONTAGE_CONTEXT": "staging"}, home)

    assert broken.startswith(f"cannot use {path}: ")
    assert missing == f"cannot use {path}: No such file or directory"


def test_values_of_the_environment_count_before_its_context(home: Path) -> None:
    parts = {"MONTAGE_PIPELINE_ADDR": "here:1", "MONTAGE_CA_CERT": "a", "MONTAGE_CLIENT_CERT": "b"}
    variables = {"HOME": str(home), "MONTAGE_CONTEXT": "staging", "MONTAGE_CLIENT_KEY": "c", **parts}

    assert find_connection(variables, folder=home, repository=home).address == "here:1"


def test_option_counts_before_the_environment_and_stands_alone(home: Path) -> None:
    environment = {"HOME": str(home), "XDG_CONFIG_HOME": "", "MONTAGE_PIPELINE_ADDR": "here:1"}

    chosen = CliRunner().invoke(cli, ["--context", "staging", "list"], env=environment)
    both = CliRunner().invoke(cli, ["--context", "staging", "--address", "x:1", "list"], env=environment)

    # Its certificates do not exist; that they are missed shows that the context was taken.
    assert chosen.exit_code == ExitCode.UNREACHABLE
    assert "context staging of" in chosen.stderr
    assert both.exit_code == ExitCode.USAGE
