"""From log records to readable lines, and back to last words."""

import json
from pathlib import Path

import pytest

from devstack.dev import env_file
from devstack.logs import has_errors, last_lines
from devstack.supervisor import backoff_s, describe_exit
from devstack.transitions import LogFollower, readable

EXECUTION = "01939b7a-1111-7222-8333-0123456789ab"


def test_transition_is_one_line_with_short_ids() -> None:
    record = {
        "time": "nonsense",
        "level": "info",
        "service": "pipeline",
        "event": "execution_started",
        "execution_id": EXECUTION,
        "node_id": "voice",
        "attempt": 1,
    }

    line = readable(record, process="pipeline")

    assert line == "--:--:--   pipeline  execution_started        execution_id=456789ab node_id=voice attempt=1"


@pytest.mark.parametrize("event", ["server_listening", "output", "heartbeat", "metrics_scraped"])
def test_what_is_no_transition_is_left_out(event: str) -> None:
    assert readable({"event": event, "level": "info"}, process="pipeline") is None


def test_debug_of_a_transition_is_left_out() -> None:
    assert readable({"event": "execution_polled", "level": "debug"}, process="executor") is None


def test_warning_of_any_kind_is_shown_and_marked() -> None:
    line = readable({"event": "nats_away", "level": "warning", "error": "x" * 100}, process="pipeline")

    assert line is not None
    assert "! pipeline" in line
    assert line.endswith("x…")


def test_follower_reads_what_is_new_and_keeps_half_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    follower = LogFollower(process="a", log=log)
    assert list(follower.new_records()) == []

    log.write_text('{"event": "one"}\nnot json\n{"event":')
    assert list(follower.new_records()) == [{"event": "one"}]
    with log.open("a") as file:
        file.write(' "two"}\n')
    assert list(follower.new_records()) == [{"event": "two"}]
    log.write_text('{"event": "new file"}\n')
    assert list(follower.new_records()) == [{"event": "new file"}]


def test_last_lines_unwraps_text_and_keeps_the_rest(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    lines = [
        *(f"old {n}" for n in range(30)),
        json.dumps({"event": "output", "line": "FATAL: x"}),
        '{"event": "ended"}',
    ]
    log.write_text("\n".join(lines) + "\n")

    found = last_lines(log)

    assert len(found) == 20
    assert found[-2:] == ["FATAL: x", '{"event": "ended"}']
    assert last_lines(tmp_path / "none.jsonl") == []


def test_has_errors_sees_levels_not_words(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"level": "info", "event": "error"}\nerror\n')
    assert not has_errors(log)
    log.write_text('{"level": "error", "event": "x"}\n')
    assert has_errors(log)


def test_backoff_doubles_to_five_seconds() -> None:
    assert [backoff_s(n) for n in (1, 2, 3, 4, 5, 6, 7, 5000)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_describe_exit_names_signals() -> None:
    assert [describe_exit(code) for code in (0, 3, -9)] == ["exit code 0", "exit code 3", "signal SIGKILL"]


def test_env_file_quotes_what_a_shell_would_split() -> None:
    assert env_file({"A": "/tmp/it's ü", "B": "plain"}) == "export A='/tmp/it'\"'\"'s ü'\nexport B=plain\n"
