"""The media function where it runs in earnest: in a worker process of the Lambda endpoint, invoked by boto3."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lambda_endpoint.endpoints import (
    ACCESS_KEY,
    SECRET_KEY,
    OurEndpoint,
    is_running,
    lambda_client,
    our_endpoint,
    wait_until,
)
from tests.integration.media.conftest import BUCKET, Bench


@pytest.fixture
def endpoint(bench: Bench, tmp_path: Path) -> Iterator[OurEndpoint]:
    folder = tmp_path / "lambda"
    folder.mkdir()
    with our_endpoint(folder) as found:
        found.functions = {"montage-media": "media_lambda.handler:handler"}
        found.environment = {name: value for name, value in os.environ.items() if name.startswith("MEDIA_")}
        yield found.start()


def send(endpoint: OurEndpoint, event: dict[str, Any]) -> None:
    with lambda_client(endpoint.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as client:
        client.invoke(FunctionName="montage-media", InvocationType="Event", Payload=json.dumps(event).encode())


def ffmpegs_below(pid: int) -> list[int]:
    """The FFmpeg processes among a process's descendants."""
    found = []
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(text) for text in child.read_text(encoding="ascii").split()]
            names = {pid: Path(f"/proc/{pid}/comm").read_text(encoding="ascii") for pid in pids}
        except FileNotFoundError:
            continue
        found += [pid for pid, name in names.items() if name.startswith("ffmpeg")]
        for grandchild in pids:
            found += ffmpegs_below(grandchild)
    return found


def a_long_encoding(bench: Bench) -> dict[str, Any]:
    """Long enough to be caught in the middle."""
    segment = bench.clip("long.mp4", seconds=6, size="1280x720", rate=30)
    return bench.event("merge-videos", {"segments": [segment, segment]}, transition="fade")


def test_event_through_the_endpoint_is_reported_once(bench: Bench, endpoint: OurEndpoint) -> None:
    segment = bench.clip("segment.mp4", seconds=0.4)
    event = bench.event("merge-videos", {"segments": [segment, segment]})

    send(endpoint, event)
    wait_until(lambda: endpoint.events() == [])

    (body,) = bench.callbacks.bodies
    assert body["process_uuid"] == event["process_uuid"]
    assert body == bench.manifest(event)
    assert not (endpoint.data / "on-failure.jsonl").exists()


def test_endpoint_killed_while_encoding_leaves_nothing_running_and_finishes_after_restart_and_tells_how_far_it_is(
    bench: Bench, endpoint: OurEndpoint
) -> None:
    event = a_long_encoding(bench) | {"progress_url": bench.callbacks.url.replace("executor_callback", "progress")}
    send(endpoint, event)
    wait_until(lambda: ffmpegs_below(endpoint.pid) != [])
    encoders = ffmpegs_below(endpoint.pid)

    endpoint.kill()

    wait_until(lambda: not any(map(is_running, encoders)))
    assert all("result" not in body for body in bench.callbacks.bodies)
    bench.callbacks.bodies.clear()
    leftovers = list(bench.work_dir.iterdir())
    assert len(leftovers) == 1
    endpoint.start()
    wait_until(lambda: endpoint.events() == [])
    *told, body = bench.callbacks.bodies
    assert body["result"]["duration"] == pytest.approx(12, abs=0.05)
    percents = [report["progress"] for report in told]
    assert percents
    assert percents == sorted(percents)
    assert 0 < percents[-1] <= 100
    assert told[0]["message"].startswith(("prepare segments[", "measure"))
    assert list(bench.work_dir.iterdir()) == []


def test_encoding_over_the_function_time_is_reported_before_the_kill(bench: Bench, endpoint: OurEndpoint) -> None:
    endpoint.stop()
    endpoint.start("--timeout-s", "20.2")

    event = a_long_encoding(bench)
    send(endpoint, event)
    wait_until(lambda: endpoint.events() == [])

    (body,) = bench.callbacks.bodies
    assert body["error_type"] == "ffmpeg_error"
    assert "had left" in body["error"]
    found = bench.s3.list_objects_v2(Bucket=BUCKET, Prefix=str(event["output_key"]))
    assert found["KeyCount"] == 0


def test_event_that_names_no_place_to_report_to_is_recorded_as_failed(bench: Bench, endpoint: OurEndpoint) -> None:
    event = bench.event("merge-videos", {"segments": []}) | {"callback_url": "gopher://x"}

    send(endpoint, event)
    wait_until(lambda: endpoint.events() == [])

    record = json.loads((endpoint.data / "on-failure.jsonl").read_text(encoding="utf-8"))
    assert record["responsePayload"]["errorType"] == "InvalidInput"
    assert bench.callbacks.bodies == []
