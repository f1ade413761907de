"""Asynchronous invocations: kept on disk, run at least once, never outliving the endpoint."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.contract.lambda_endpoint.endpoints import (
    ACCESS_KEY,
    SECRET_KEY,
    OurEndpoint,
    is_running,
    lambda_client,
    wait_until,
)


class Held:
    """An event whose function waits, with a grandchild, until it is released."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.pids_file, self.done = folder / "runs", folder / "pids", folder / "done"
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.payload = json.dumps(
            {"file": str(self.runs), "pids": str(self.pids_file), "fifo": str(self.fifo), "done": str(self.done)}
        ).encode()

    def pids(self) -> tuple[int, int, int]:
        """Worker, its parent, and the grandchild, once it runs."""
        wait_until(self.pids_file.exists)
        worker, parent, grandchild = map(int, self.pids_file.read_text(encoding="ascii").split())
        return worker, parent, grandchild

    def release(self) -> None:
        """Let the function finish."""
        self.fifo.write_text("go", encoding="ascii")

    def run_count(self) -> int:
        """How often it was started."""
        return len(self.runs.read_text(encoding="ascii").splitlines()) if self.runs.exists() else 0


@pytest.fixture
def held(tmp_path: Path) -> Held:
    folder = tmp_path / "held"
    folder.mkdir()
    return Held(folder)


def send(endpoint: OurEndpoint, function: str, payload: bytes) -> None:
    with lambda_client(endpoint.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as client:
        client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)


def test_event_while_running_is_on_disk_for_its_owner_alone_and_gone_afterwards(ours: OurEndpoint, held: Held) -> None:
    send(ours, "hold", held.payload)
    held.pids()

    (event,) = ours.events()
    assert stat.S_IMODE(event.stat().st_mode) == 0o600
    assert stat.S_IMODE(event.parent.stat().st_mode) == 0o700
    held.release()
    wait_until(lambda: ours.events() == [])
    assert held.done.exists()


def test_event_of_a_killed_endpoint_runs_again_after_its_restart(ours: OurEndpoint, held: Held) -> None:
    send(ours, "hold", held.payload)
    worker, parent, grandchild = held.pids()
    assert parent == ours.pid
    assert is_running(worker)
    assert is_running(grandchild)

    ours.kill()

    wait_until(lambda: not is_running(worker) and not is_running(grandchild))
    assert not held.done.exists()
    held.pids_file.unlink()
    ours.start()
    again, parent, _ = held.pids()
    assert parent == ours.pid
    assert again != worker
    held.release()
    wait_until(lambda: ours.events() == [])
    assert held.run_count() == 2
    request_ids = set(held.runs.read_text(encoding="ascii").split())
    assert len(request_ids) == 1, "it is the same event"


def test_events_waiting_for_a_worker_survive_a_kill_in_order(stopped: OurEndpoint, tmp_path: Path) -> None:
    ours = stopped.start("--workers", "1", "--fault", "delay=600")
    for number in range(3):
        send(ours, "note", json.dumps({"file": str(tmp_path / "notes"), "number": number}).encode())
    accepted = [json.loads(path.read_text(encoding="ascii"))["request_id"] for path in ours.events()]

    ours.kill()
    ours.start("--workers", "1")

    wait_until(lambda: ours.events() == [])
    assert (tmp_path / "notes").read_text(encoding="ascii").split() == accepted


def test_stop_by_signal_ends_workers_and_grandchildren_and_keeps_the_event(ours: OurEndpoint, held: Held) -> None:
    send(ours, "hold", held.payload)
    worker, _, grandchild = held.pids()

    assert ours.stop() == 0

    wait_until(lambda: not is_running(worker) and not is_running(grandchild))
    assert len(ours.events()) == 1
    assert not (ours.folder / "ready.json").exists()


def test_event_over_its_time_is_killed_with_its_children_and_recorded(stopped: OurEndpoint, held: Held) -> None:
    stopped.start("--timeout-s", "1.5")
    send(stopped, "hold", held.payload)
    worker, _, grandchild = held.pids()

    record_file = stopped.data / "on-failure.jsonl"
    wait_until(lambda: stopped.events() == [])

    assert not is_running(worker)
    wait_until(lambda: not is_running(grandchild))
    record = json.loads(record_file.read_text(encoding="utf-8"))
    assert record["responsePayload"]["errorType"] == "Sandbox.Timedout"
    assert "timed out after 1.50 seconds" in record["responsePayload"]["errorMessage"]
    assert held.run_count() == 1
    send(stopped, "note", json.dumps({"file": str(stopped.folder / "after")}).encode())
    wait_until((stopped.folder / "after").exists)


def test_event_whose_function_fails_is_not_retried_and_recorded(ours: OurEndpoint, tmp_path: Path) -> None:
    payload = {"file": str(tmp_path / "runs")}
    send(ours, "fail", json.dumps(payload).encode())
    wait_until(lambda: ours.events() == [])

    record_file = ours.data / "on-failure.jsonl"
    (line,) = record_file.read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert stat.S_IMODE(record_file.stat().st_mode) == 0o600
    assert len((tmp_path / "runs").read_text(encoding="ascii").split()) == 1
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"] == payload
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "it went wrong"


def test_event_with_two_retries_is_run_three_times(stopped: OurEndpoint, tmp_path: Path) -> None:
    stopped.start("--max-retry-attempts", "2", "--retry-wait-s", "0.05")
    send(stopped, "fail", json.dumps({"file": str(tmp_path / "runs")}).encode())

    wait_until(lambda: stopped.events() == [])

    request_ids = (tmp_path / "runs").read_text(encoding="ascii").split()
    assert len(request_ids) == 3
    assert len(set(request_ids)) == 1
    record = json.loads((stopped.data / "on-failure.jsonl").read_text(encoding="utf-8"))
    assert record["requestContext"]["approximateInvokeCount"] == 3


def test_event_under_fault_duplicate_runs_twice_with_one_request_id(stopped: OurEndpoint, tmp_path: Path) -> None:
    stopped.start("--fault", "duplicate=1.0")
    send(stopped, "note", json.dumps({"file": str(tmp_path / "runs")}).encode())

    wait_until(lambda: stopped.events() == [])

    first, second = (tmp_path / "runs").read_text(encoding="ascii").split()
    assert first == second


def test_event_under_fault_drop_is_accepted_and_never_kept(stopped: OurEndpoint, tmp_path: Path) -> None:
    stopped.start("--fault", "drop=1.0")
    send(stopped, "note", json.dumps({"file": str(tmp_path / "runs")}).encode())

    assert stopped.events() == []
    assert '"runs": 0' in stopped.log
    assert not (tmp_path / "runs").exists()


def test_log_never_shows_a_payload_or_a_key(ours: OurEndpoint, tmp_path: Path) -> None:
    payload = {"file": str(tmp_path / "runs"), "callback_url": "https://gateway/?cap=c4pability"}
    send(ours, "fail", json.dumps(payload).encode())
    wait_until(lambda: ours.events() == [])

    assert "event_run" in ours.log
    assert "c4pability" not in ours.log
    assert SECRET_KEY not in ours.log


def test_second_endpoint_on_the_same_folder_is_refused(ours: OurEndpoint) -> None:
    second = OurEndpoint(folder=ours.folder)

    with pytest.raises(AssertionError, match="another endpoint keeps its events here"):
        second.start()

    for log in second.logs:
        log.close()
