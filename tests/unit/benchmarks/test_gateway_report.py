"""What `bin/bench gateway` prints."""

import json

from benchmarks.api_report import Lap
from benchmarks.gateway_report import Alike, GatewayReport, Overload, Round


def a_round(seconds: float) -> Round:
    milliseconds = [float(number) for number in range(1, 201)]
    return Round(
        callbacks=Lap(seconds=seconds, milliseconds=milliseconds),
        floor=Lap(seconds=0.5, milliseconds=milliseconds),
        cpu_s={"gateway": 0.1, "pipeline": 0.2},
    )


REPORT = GatewayReport(
    cores=2,
    load_average=0.5,
    connections=64,
    rounds=[a_round(1.0), a_round(2.0), a_round(4.0)],
    alike=Alike(sent=1000, statuses={200: 1000}, effects=1),
    overload=Overload(statuses={200: 10, 503: 90, 429: 5, 0: 1}, recovered_s=1.25),
)


def test_object_has_the_keys_of_every_workload_and_medians_of_the_rounds() -> None:
    assert json.loads(REPORT.as_json()) == {
        "workload": "gateway",
        "connections": 64,
        "callbacks_per_s": 100.0,
        "p50_ms": 100.5,
        "p99_ms": 198.99,
        "floor": 400.0,
        "ratio": 0.25,
        "cpu_s_per_1000": {"gateway": 0.5, "pipeline": 1.0},
        "alike_effects": 1,
        "alike_statuses": {"200": 1000},
        "overload_statuses": {"200": 10, "503": 90, "429": 5, "0": 1},
        "overload_shed": 95,
        "recovered_s": 1.25,
        "load_average": 0.5,
        "cores": 2,
    }


def test_lines_tell_answers_by_status() -> None:
    *_, alike, overload = REPORT.lines()

    assert alike == "  alike         1000 at once: 1000 x 200; effects: 1"
    assert overload == "  overload      1 x broken, 10 x 200, 5 x 429, 90 x 503; as before after 1.2 s"
