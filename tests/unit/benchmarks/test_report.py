"""What is read from the demo, and what is printed."""

import json
from pathlib import Path

import pytest

from benchmarks.demo_run import read_summary
from benchmarks.progress import MeasurementFailed
from benchmarks.report import DemoReport, Spread
from benchmarks.set_up import ColdSetUp, received_bytes

SUMMARY = """\
12:48:26 voice          completed   3.5 s
NODE    RESULT  EXECUTION                             ATTEMPT  SECONDS  ARTIFACT
script  kept    -                                     -        -        assets/default/sha256/15.txt
voice   done    01a1fe26-a4e6-76a3-b22f-16b40e053f71  1        3.5      pipelines/2e/output.m4a
film    done    01a1fe26-b2b6-703e-9a03-ce604000d9f9  1        28.0     pipelines/2e/output.mp4
in all: 58.7 s, out/film.mp4
"""
MIB = 1024 * 1024


def a_report(*, set_up: ColdSetUp | None) -> DemoReport:
    return DemoReport(
        cores=2,
        load_average=0.25,
        set_up=set_up,
        stack_start=Spread.of([3.0, 2.0, 4.5]),
        demo_s=30.0,
        floor_s=4.0,
        nodes={"voice": 3.5, "film": 28.0},
        peak_bytes={"all": 300 * MIB, "nats": 20 * MIB, "executor": 280 * MIB},
    )


def test_summary_of_the_demo_gives_seconds_of_executed_nodes() -> None:
    assert read_summary(SUMMARY) == {"voice": 3.5, "film": 28.0}


def test_output_without_a_summary_is_told() -> None:
    with pytest.raises(MeasurementFailed, match="expected a summary with the column NODE"):
        read_summary("something went wrong\n")


def test_json_is_one_line_with_every_key() -> None:
    text = a_report(set_up=ColdSetUp(seconds=12.34, megabytes=240.06)).as_json()

    assert "\n" not in text
    assert json.loads(text) == {
        "workload": "demo",
        "floor": 4.0,
        "ratio": 7.5,
        "load_average": 0.25,
        "cores": 2,
        "set_up_mb": 240.1,
        "set_up_s": 12.3,
        "stack_start_s": {"min": 2.0, "median": 3.0, "max": 4.5},
        "demo_s": 30.0,
        "nodes": {"voice": 3.5, "film": 28.0},
        "peak_mib": {"executor": 280.0, "nats": 20.0, "all": 300.0},
    }


def test_set_up_that_was_left_out_is_null_and_told() -> None:
    report = a_report(set_up=None)

    found = json.loads(report.as_json())

    assert (found["set_up_mb"], found["set_up_s"]) == (None, None)
    assert "  set-up       left out" in list(report.lines())


def test_table_shows_processes_by_size_and_their_sum_last() -> None:
    lines = list(a_report(set_up=None).lines())

    assert [line.split() for line in lines[-4:]] == [
        ["process", "peak", "MiB"],
        ["executor", "280"],
        ["nats", "20"],
        ["all", "300"],
    ]


def test_received_bytes_are_those_of_the_default_route(tmp_path: Path) -> None:
    rows = "  lo: 999 1 0\neth0: 1234 1 0\n tun0: 1000 1 0\n"
    (tmp_path / "dev").write_text(f"Inter-| Receive\n face |bytes\n{rows}")
    (tmp_path / "route").write_text("Iface Destination Gateway\neth0 00000000 0100000A\ntun0 0000000A 0\n")

    assert received_bytes(tmp_path) == 1234


def test_received_bytes_without_a_default_route_leave_loopback_out(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text("Inter-| Receive\n face |bytes\n  lo: 999 1 0\neth0: 1234 1 0\n tun0: 1000 1 0\n")
    (tmp_path / "route").write_text("Iface Destination Gateway\n")

    assert received_bytes(tmp_path) == 2234


def test_received_bytes_are_unknown_where_the_system_does_not_count(tmp_path: Path) -> None:
    assert received_bytes(tmp_path / "missing") is None
