"""What the parent of all processes does with the output of a foreign server."""

import json
import os
from pathlib import Path

from devstack.nursery import _WrappedOutput


def _wrapped(log: Path) -> tuple[_WrappedOutput, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    return _WrappedOutput(name="nats", pipe=read, log=os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)), write


def test_output_of_a_server_becomes_json_lines(tmp_path: Path) -> None:
    output, write = _wrapped(tmp_path / "log")
    os.write(write, b"one\ntwo")
    os.close(write)

    assert output.pump() is True
    assert output.pump() is False
    output.close()

    lines = [json.loads(line)["line"] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["one", "two"]


def test_output_that_was_closed_in_the_same_round_of_events_is_left_alone(tmp_path: Path) -> None:
    """Its process ended and its pipe was ready at once: the one closes what the other would read."""
    output, write = _wrapped(tmp_path / "log")
    os.close(write)
    output.close()

    assert output.pump() is True
