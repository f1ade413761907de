"""What is computed of a throughput measurement, and when its figures are refused."""

import json
from dataclasses import replace

import pytest

from benchmarks.cpu import spent, ticks_of
from benchmarks.graphs import VIDEO_DAG, video_dag
from benchmarks.growth import Grown, more
from benchmarks.outside import Counts
from benchmarks.raw_floor import Floor
from benchmarks.throughput_checks import NotAsClaimed, check_durable, check_executed, check_reused
from benchmarks.throughput_report import Round, ThroughputReport, percentile
from pipeline_service.domain.document import read_document
from pipeline_service.domain.node_types import build_catalogue

AS_CLAIMED = Counts(
    succeeded=20,
    executions=20,
    queued_events=20,
    succeeded_events=20,
    sequences_with_gaps=0,
    reuse_hits=0,
    made_by=frozenset({"77"}),
)


def a_round(*, seconds: float) -> Round:
    return Round(
        nodes=1000,
        seconds=seconds,
        floor_nodes_per_s=4000.0,
        cpu_s={"pipeline": 0.5, "all": 0.75, "client": 0.25},
        transactions=100,
        work_messages=1000,
        reuse_hits=0,
    )


def test_json_has_every_key_and_the_spread_of_what_each_round_measured() -> None:
    report = ThroughputReport(
        workload="w1",
        in_flight=16,
        cores=2,
        load_average=0.5,
        floor=Floor(nodes_per_s=4100.0, batch=64, connections=2),
        rounds=[a_round(seconds=0.5), a_round(seconds=1.0), a_round(seconds=0.25)],
        loaded_ms=[100.0, 300.0, 200.0],
        alone_ms=[10.0, 30.0, 20.0, 40.0],
        wal_syncs=150,
        peak_bytes={"pipeline": 100 * 1024 * 1024},
        grown=[
            Grown(
                condition="history",
                rows=999_999,
                nodes=2000,
                nodes_per_s=1800.0,
                ratio=0.9,
                resident_mib=more({"pipeline": 100.0, "gone": 1.0}, {"pipeline": 101.5, "new": 1.0}),
            )
        ],
    )

    assert json.loads(report.as_json()) == {
        "workload": "w1",
        "in_flight": 16,
        "nodes": 3000,
        "nodes_per_s": {"min": 1000.0, "median": 2000.0, "max": 4000.0},
        "floor": 4000.0,
        "floor_nodes_per_s": {"min": 4000.0, "median": 4000.0, "max": 4000.0},
        "floor_batch": 64,
        "floor_connections": 2,
        "ratio": {"min": 0.25, "median": 0.5, "max": 1.0},
        "alone_ms_p50": 20.0,
        "alone_ms_p99": 40.0,
        "loaded_ms_p50": 200.0,
        "loaded_ms_p99": 300.0,
        "cpu_s_per_1000": {
            "all": {"min": 0.75, "median": 0.75, "max": 0.75},
            "client": {"min": 0.25, "median": 0.25, "max": 0.25},
            "pipeline": {"min": 0.5, "median": 0.5, "max": 0.5},
        },
        "peak_mib": {"pipeline": 100.0},
        "transactions_per_node": 0.1,
        "wal_syncs_per_node": 0.05,
        "work_messages": 3000,
        "reuse_hits": 0,
        "grown": [
            {
                "condition": "history",
                "rows": 999_999,
                "nodes": 2000,
                "nodes_per_s": 1800.0,
                "ratio": 0.9,
                "resident_mib": {"pipeline": 1.5},
            }
        ],
        "load_average": 0.5,
        "cores": 2,
    }


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (50.0, 99.0, 7.0)


def test_round_that_did_what_it_says_passes() -> None:
    check_executed(AS_CLAIMED, nodes=20, messages=20, executor_pid=77)


@pytest.mark.parametrize(
    ("counts", "messages", "told"),
    [
        (replace(AS_CLAIMED, succeeded=19), 20, "SUCCEEDED executions: expected 20, found 19"),
        (replace(AS_CLAIMED, executions=21), 20, "executions: expected 20, found 21"),
        (replace(AS_CLAIMED, queued_events=0), 20, "EXECUTION_QUEUED: expected 20, found 0"),
        (replace(AS_CLAIMED, succeeded_events=19), 20, "EXECUTION_SUCCEEDED: expected 20, found 19"),
        (replace(AS_CLAIMED, sequences_with_gaps=1), 20, "gaps in their events: expected 0, found 1"),
        (replace(AS_CLAIMED, reuse_hits=3), 20, "reuse hits: expected 0, found 3"),
        (AS_CLAIMED, 18, "messages in WORK: expected 20, found 18"),
        (replace(AS_CLAIMED, made_by=frozenset({"1", "77"})), 20, "expected those of process 77, found 1, 77"),
    ],
)
def test_round_that_did_something_else_is_refused(counts: Counts, messages: int, told: str) -> None:
    with pytest.raises(NotAsClaimed, match=told):
        check_executed(counts, nodes=20, messages=messages, executor_pid=77)


def test_reuse_that_executed_something_is_refused() -> None:
    with pytest.raises(NotAsClaimed, match="reuse hits: expected 20, found 0"):
        check_reused(AS_CLAIMED, nodes=20)


def test_commits_that_did_not_wait_for_the_disk_are_refused() -> None:
    check_durable(transactions=100, syncs=50, sessions=2, is_durable=True)

    with pytest.raises(NotAsClaimed, match="expected at least 100 / 2 sessions, found 49"):
        check_durable(transactions=100, syncs=49, sessions=2, is_durable=True)
    with pytest.raises(NotAsClaimed, match="synchronous_commit: expected on"):
        check_durable(transactions=100, syncs=100, sessions=2, is_durable=False)


def test_processor_time_is_that_of_a_process_and_its_ended_children() -> None:
    stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 900 0 0 0 11 22 33 44 20 0 1 0 100 1 1"

    assert ticks_of(stat) == 11 + 22 + 33 + 44
    assert spent({"a": 1.0}, {"a": 1.5, "b": 2.0}) == {"a": 0.5, "b": 2.0}


def test_video_dag_is_a_document_of_ten_nodes_that_all_do_different_work() -> None:
    raw = video_dag("film", salt="one", config={"inline": True})

    document, problems = read_document(raw, build_catalogue(with_test_types=True))

    assert (list(problems), len(VIDEO_DAG)) == ([], 10)
    assert document is not None
    assert len({str(node.config["nonce"]) for node in document.nodes}) == 10
