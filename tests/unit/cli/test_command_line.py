"""The command without a service: usage, refusals that need none, and a fast start."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from montage_cli.cli import cli
from montage_cli.options import is_document

UUID = "0194f1d0-0000-7000-8000-000000000001"


def run_cli(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, list(arguments), env={"MONTAGE_PIPELINE_ADDR": "x:1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("get",),
        ("get", "NOT A NAME"),
        ("list", "-o", "xml"),
        ("list", "-l", 'team=a b"c'),
        ("list", "-l", "Team"),
        ("run", "welcome/voice"),
        ("run", "p.yaml", "--no-wait", "--summary"),
        ("download", "a/b/c"),
        ("describe", "welcome"),
        ("events", "welcome/voice"),
        ("events", "welcome", "--after", "-1"),
        ("events", "welcome", "-o", "name"),
        ("runs", "welcome/voice"),
        ("executions", "pipelines/welcome/runs/" + UUID),
        ("export", "welcome/voice"),
        ("export", "welcome", "-o", "table"),
        ("export", "welcome", "--with-assets"),
        ("completion", "tcsh"),
        ("create", "welcome", "--type", "noop"),
        ("create", "welcome/film"),
        ("create", "welcome/film", "--type", "noop", "--set", "seconds"),
        ("edit", "welcome/film"),
        ("delete", "welcome"),
        ("execute", "welcome"),
        ("cancel", f"pipelines/welcome/nodes/film/executions/{UUID}"),
        ("plan", "welcome/film"),
        ("run", "welcome", "--priority", "101"),
    ],
)
def test_cli_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    code, stdout, stderr = run_cli(*arguments)

    assert code == 2
    assert stdout == ""
    assert "Error" in stderr


def commands_with_output(group: click.Group) -> Iterator[tuple[str, click.Option]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", option) for below, option in commands_with_output(command))
        for option in command.params:
            if isinstance(option, click.Option) and "--output" in option.opts:
                yield name, option


def test_every_command_that_answers_takes_json_and_its_own_default() -> None:
    found = dict(commands_with_output(cli))

    assert set(cli.commands) - {name.partition(" ")[0] for name in found} == {"init", "completion"}
    for name, option in found.items():
        assert isinstance(option.type, click.Choice), name
        assert "json" in option.type.choices, name
        assert option.to_info_dict()["default"] in {None, *option.type.choices}, name


def test_cli_incomplete_settings_exit_2_and_say_what_is_missing() -> None:
    code, stdout, stderr = run_cli("--ca-cert", "ca.pem", "list")

    assert (code, stdout) == (2, "")
    assert stderr == (
        "error: found --address (MONTAGE_PIPELINE_ADDR), --ca-cert (MONTAGE_CA_CERT), but not --client-cert "
        "(MONTAGE_CLIENT_CERT), --client-key (MONTAGE_CLIENT_KEY); give all four, or none of them for a --context or a "
        "running bin/dev\n"
    )


def test_cli_unknown_context_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "montage" / "contexts.toml"
    path.parent.mkdir()
    path.write_text("[contexts.staging]\n")
    result = CliRunner().invoke(cli, ["--context", "stagin", "list"], env={"XDG_CONFIG_HOME": str(tmp_path)})

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {path} has no context 'stagin'; did you mean 'staging'? It has staging\n"


def test_cli_unusable_certificate_exits_4(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("nonsense")
    given = ("--address", "x:1", "--ca-cert", str(tmp_path / "ca"), "--client-cert", str(tmp_path / "cert"))

    code, _, stderr = run_cli(*given, "--client-key", str(tmp_path / "key"), "list")

    assert code == 4
    assert "cannot use the certificates" in stderr
    assert "Traceback" not in stderr


def test_cli_mistyped_command_is_told_what_may_have_been_meant() -> None:
    code, _, stderr = run_cli("exprot", "welcome")

    assert code == 2
    assert "Did you mean" in stderr
    assert "export" in stderr


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("bash", "complete -o nosort -F _montage_completion montage"),
        ("zsh", "compdef _montage_completion montage"),
        ("fish", "complete --no-files --command montage"),
    ],
)
def test_completion_prints_the_script_of_the_shell(shell: str, expected: str) -> None:
    code, stdout, _ = run_cli("completion", shell)

    assert code == 0
    assert expected in stdout
    assert f"_MONTAGE_COMPLETE={shell}_complete" in stdout


def test_completion_answers_commands_without_a_service_and_fast() -> None:
    script = (
        "import os, sys\n"
        "os.environ.update(_MONTAGE_COMPLETE='bash_complete', COMP_WORDS='montage ex', COMP_CWORD='1')\n"
        "from montage_cli.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert 'grpc' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["plain,execute", "plain,executions", "plain,export"]


def test_help_lists_every_command_once_with_its_whole_sentence() -> None:
    code, stdout, _ = run_cli("--help")

    listed = stdout.partition("Documents:")[2]
    names = re.findall(r"^  (\w+) ", listed, re.MULTILINE)
    assert code == 0
    assert sorted(names) == sorted(cli.commands)
    assert "..." not in listed


def test_cli_version_needs_nothing() -> None:
    code, stdout, _ = run_cli("version", "-o", "json")

    assert code == 0
    assert '"version": "0.1.0"' in stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("welcome", False),
        ("pipelines/welcome", False),
        ("welcome.yaml", True),
        ("welcome.yml", True),
        ("pipelines/welcome.json", True),
        ("./welcome", True),
        ("/tmp/welcome", True),
        ("examples/welcome", False),
    ],
)
def test_is_document_tells_files_from_names(text: str, expected: bool) -> None:
    assert is_document(text) is expected


def test_help_starts_without_what_is_heavy_to_import() -> None:
    script = (
        "import sys; from montage_cli.cli import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'grpc', 'google', 'httpx', 'rich', 'yaml', 'structlog', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=20)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
