"""Secrets that are live together."""

import os
from pathlib import Path

import pytest

from servicekit.config import ConfigError
from servicekit.secret_lines import secret_lines


def written(path: Path, text: str) -> Path:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)
    return path


def test_every_line_is_live(tmp_path: Path) -> None:
    path = written(tmp_path / "secrets", "old\n\n new \r\n")

    assert secret_lines(path, on_reload=lambda _: None).content() == ("old", "new")


def test_replaced_file_is_read_again_and_a_broken_one_leaves_the_old_secrets(tmp_path: Path) -> None:
    path, told = written(tmp_path / "secrets", "old"), []
    secrets = secret_lines(path, on_reload=told.append)

    found = []
    for text in ("old\nnew", "", "new"):
        written(path, text)
        os.utime(path, ns=(0, len(found)))
        found.append((secrets.content(), secrets.content()))

    assert found == [(("old", "new"),) * 2, (("old", "new"),) * 2, (("new",),) * 2]
    assert told == [True, False, True]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_file_without_a_secret_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        secret_lines(written(tmp_path / "secrets", text), on_reload=lambda _: None)


def test_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        secret_lines(tmp_path / "none", on_reload=lambda _: None)
