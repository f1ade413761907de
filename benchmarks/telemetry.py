"""The workload `telemetry`: w1 with and without traces, in turn, on the same processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.cpu import cpu_seconds, spent
from benchmarks.driver import Driver
from benchmarks.graphs import VIDEO_DAG, video_dag
from benchmarks.memory import ALL
from benchmarks.outside import look_from_outside
from benchmarks.progress import say
from benchmarks.throughput_checks import NotAsClaimed
from devstack.stack import Stack, StackOptions
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

PAIRS = 4
PIPELINES = 100
SPANS_PER_NODE = 4
"""At least: the execution, its publish, the worker, the report and its transaction, of which a batch may share some."""
MOST = 0.08
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
FOLLOWED, LEFT_ALONE = f"{_TRACE}01", f"{_TRACE}00"
"""What callers say of their runs: tell all spans of it, or none."""


@dataclass(frozen=True, kw_only=True)
class TelemetryReport:
    with_traces: Sequence[float]
    """Processor seconds of all services, Postgres and NATS for 1,000 nodes, by lap."""
    without: Sequence[float]
    spans: int
    cores: int
    load_average: float

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return median(self.with_traces) / median(self.without)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"telemetry, on {self.cores} cores, load average {self.load_average:.2f} before"
        for words, laps in (("with traces", self.with_traces), ("without", self.without)):
            yield f"  {words:<12} {median(laps):.3f} CPU s / 1000 nodes ({min(laps):.3f}-{max(laps):.3f})"
        yield f"  spans        {self.spans / (len(self.with_traces) * PIPELINES * len(VIDEO_DAG)):.1f} a node"
        yield f"  cost         {100 * (self.ratio - 1):+.1f} %, to be at most {100 * MOST:g} %"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "telemetry",
                "floor": round(median(self.without), 4),
                "cpu_s_per_1000_nodes": [round(one, 4) for one in self.with_traces],
                "cpu_s_per_1000_nodes_without": [round(one, 4) for one in self.without],
                "spans": self.spans,
                "ratio": round(self.ratio, 4),
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )


async def measure_telemetry() -> TelemetryReport:
    """Start a stack and measure. Raises MeasurementFailed, NotAsClaimed, StartFailed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - nothing in it is secret, and it is removed
    spans = folder / f"montage-spans-{os.getpid()}.jsonl"
    settings = {
        "pipeline": {"PIPELINE_OTLP_ENDPOINT": f"file://{spans}"},
        "executor": {"EXECUTOR_OTLP_ENDPOINT": f"file://{spans}", "EXECUTOR_TEST_SLOTS": "512"},
    }
    try:
        async with Stack(StackOptions(test_types=True, settings=settings)) as stack:
            with_traces, without = await _measure(stack)
        told = spans.read_text().count('"spanId"')
    finally:
        spans.unlink(missing_ok=True)
    if told < SPANS_PER_NODE * PAIRS * PIPELINES * len(VIDEO_DAG):
        raise NotAsClaimed(f"only {told} spans were told of {PAIRS} laps")
    return TelemetryReport(
        with_traces=with_traces,
        without=without,
        spans=told,
        cores=len(os.sched_getaffinity(0)),
        load_average=load_average,
    )


async def _measure(stack: Stack) -> tuple[list[float], list[float]]:
    files = stack.layout.tls("client-dev")
    tls = TlsFiles(cert=files.cert, key=files.key, ca=files.ca)
    async with (
        MontageClient(find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)) as client,
        ServiceChannel(stack.addresses.pipeline, tls=tls) as channel,
        look_from_outside(stack) as outside,
    ):
        driver = Driver(client, channel, outside)
        await _lap(driver, "warm", LEFT_ALONE)
        laps: dict[str, list[float]] = {FOLLOWED: [], LEFT_ALONE: []}
        for pair in range(PAIRS):
            # Each goes first as often as the other: the database grows meanwhile.
            for trace in (FOLLOWED, LEFT_ALONE) if pair % 2 else (LEFT_ALONE, FOLLOWED):
                laps[trace].append(await _lap(driver, f"lap-{pair}-{trace[-2:]}", trace))
            say(f"pair {pair + 1} of {PAIRS}")
    return laps[FOLLOWED], laps[LEFT_ALONE]


async def _lap(driver: Driver, word: str, trace: str) -> float:
    """Processor seconds for 1,000 nodes."""
    documents = [
        video_dag(f"{word}-{number}", salt=f"{word}-{number}", config={"inline": True}) for number in range(PIPELINES)
    ]
    names = await driver.import_all(documents)
    used = cpu_seconds(supervisor=os.getpid())
    await driver.run_all(names, trace=trace)
    return spent(used, cpu_seconds(supervisor=os.getpid()))[ALL] / (PIPELINES * len(VIDEO_DAG)) * 1000
