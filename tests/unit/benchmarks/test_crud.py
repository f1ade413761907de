"""What is computed of the workload that makes, shows, changes and deletes."""

import json

from benchmarks.crud_report import CrudReport, CrudRound


def a_round(*, seconds: float) -> CrudRound:
    return CrudRound(
        seconds=seconds,
        floor_per_s=8.0,
        cpu_s={"pipeline": 0.01, "all": 0.02},
        milliseconds={"GetNode": (1.0, 3.0, 2.0), "DeletePipeline": (9.0,)},
    )


def test_calls_are_counted_over_all_methods_and_timed_for_each() -> None:
    report = CrudReport(
        clients=16,
        cores=2,
        load_average=0.5,
        rounds=[a_round(seconds=1.0), a_round(seconds=0.5)],
        peak_bytes={"pipeline": 100 * 1024 * 1024},
    )

    assert json.loads(report.as_json()) == {
        "workload": "w3",
        "clients": 16,
        "calls": 8,
        "calls_per_s": {"min": 4.0, "median": 6.0, "max": 8.0},
        "floor": 8.0,
        "ratio": {"min": 0.5, "median": 0.75, "max": 1.0},
        "calls_ms": {"GetNode": {"p50": 2.0, "p99": 3.0}, "DeletePipeline": {"p50": 9.0, "p99": 9.0}},
        "cpu_s_per_1000": {
            "all": {"min": 5.0, "median": 5.0, "max": 5.0},
            "pipeline": {"min": 2.5, "median": 2.5, "max": 2.5},
        },
        "peak_mib": {"pipeline": 100.0},
        "load_average": 0.5,
        "cores": 2,
    }
