"""What `bin/dev` refuses before it starts anything."""

import argparse

import pytest

from devstack.commands import USAGE, run_command


@pytest.mark.parametrize(
    ("variable", "meant"), [("MEDIA_WORKDIR", "MEDIA_WORK_DIR"), ("DEVSTACK_S3_BUCKETS", "DEVSTACK_S3_BUCKET")]
)
def test_variable_that_nobody_reads_is_refused(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "x")

    code = run_command(argparse.Namespace(command="dev", ephemeral=True, data=None, reset=False, vendors=None))

    assert code == USAGE
    assert f"{variable}: no such setting; did you mean {meant}?" in capsys.readouterr().err
