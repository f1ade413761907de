"""What `bin/bench api` prints, and how it names what it runs again."""

import json
from uuid import uuid4

from benchmarks.api_floor import Names
from benchmarks.api_report import ApiReport, Lap, Operation


def _report() -> ApiReport:
    call = Lap(seconds=2.0, milliseconds=[float(number) for number in range(1, 201)], cpu_s=0.5)
    floor = Lap(seconds=1.0, milliseconds=[1.0] * 400)
    get = Operation(call=call, floor=floor, statements=1, target_per_cpu_s=1500.0)
    return ApiReport(cores=2, load_average=0.5, callers=16, operations={"get": get})


def test_object_has_the_keys_of_every_workload_and_those_of_each_call() -> None:
    found = json.loads(_report().as_json())

    assert found == {
        "workload": "api",
        "callers": 16,
        "floor": {"get": 400.0},
        "ratio": {"get": 0.25},
        "load_average": 0.5,
        "cores": 2,
        "get": {
            "calls_per_s": 100.0,
            "calls_per_cpu_s": 400.0,
            "p50_ms": 100.5,
            "p99_ms": 198.99,
            "floor_p50_ms": 1.0,
            "floor_p99_ms": 1.0,
            "statements": 1,
        },
    }


def test_line_of_a_call_has_its_target() -> None:
    [_, _, line] = _report().lines()

    assert " ".join(line.split()) == "get 100 400 100.5 199.0 400 1.0 1.0 0.25 1 1,500 by CPU s"


def test_recorded_ids_get_other_names_and_the_same_one_each_time() -> None:
    names, recorded = Names("floor-1"), uuid4()

    other = names.of(recorded)

    assert other != recorded
    assert names.of([recorded]) == [other]
    assert names.of(f'{{"uid": "{recorded}", "id": "recorded"}}') == f'{{"uid": "{other}", "id": "floor-1"}}'
    assert names.of(7) == 7
