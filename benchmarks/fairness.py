"""The workload `fair`: how long a small pipeline takes alone, and behind one with 2,000 nodes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from montage.v1 import resources_pb2 as resources

from benchmarks.driver import Driver
from benchmarks.outside import look_from_outside
from benchmarks.progress import say
from benchmarks.report import Spread
from benchmarks.throughput_checks import NotAsClaimed
from benchmarks.throughput_report import rounded, words
from devstack.stack import Stack, StackOptions
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

WIDTH = 2_000
LENGTH = 5
NODE_S = 1.0
SLOTS = 16
ROUNDS = 3
LONGEST_RATIO = 3.0


@dataclass(frozen=True, kw_only=True)
class FairnessReport:
    alone_ms: Sequence[float]
    behind_ms: Sequence[float]
    cores: int
    load_average: float

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return Spread.of(list(self.behind_ms)).median / Spread.of(list(self.alone_ms)).median

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"fair, on {self.cores} cores, load average {self.load_average:.2f} before"
        yield f"  work         {LENGTH} nodes in a chain, {NODE_S:g} s each; {SLOTS} slots"
        yield f"  alone        {words(Spread.of(list(self.alone_ms)), 0)} ms"
        yield f"  behind       {words(Spread.of(list(self.behind_ms)), 0)} ms, behind {WIDTH:,} such nodes"
        yield f"  ratio        {self.ratio:.2f}, to be at most {LONGEST_RATIO:g}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "fair",
                "floor": LENGTH * NODE_S * 1000,
                "alone_ms": rounded(Spread.of(list(self.alone_ms)), 1),
                "behind_ms": rounded(Spread.of(list(self.behind_ms)), 1),
                "ratio": round(self.ratio, 3),
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )


async def measure_fairness() -> FairnessReport:
    """Start a stack and measure. Raises MeasurementFailed, NotAsClaimed, StartFailed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    options = StackOptions(test_types=True, settings={"executor": {"EXECUTOR_TEST_SLOTS": str(SLOTS)}})
    async with Stack(options) as stack:
        files = stack.layout.tls("client-dev")
        tls = TlsFiles(cert=files.cert, key=files.key, ca=files.ca)
        async with (
            MontageClient(find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)) as client,
            ServiceChannel(stack.addresses.pipeline, tls=tls) as channel,
            look_from_outside(stack) as outside,
        ):
            alone, behind = await _measure(client, Driver(client, channel, outside))
    return FairnessReport(
        alone_ms=alone, behind_ms=behind, cores=len(os.sched_getaffinity(0)), load_average=load_average
    )


async def _measure(client: MontageClient, driver: Driver) -> tuple[Sequence[float], Sequence[float]]:
    await _run_small(driver, "warm", count=2)
    say(f"{ROUNDS} small pipelines, one after the other")
    alone = await _run_small(driver, "alone", count=ROUNDS)
    [big] = await driver.import_all([_document("big", {f"n{number}": () for number in range(WIDTH)})])
    run = await client.run(f"pipelines/{big}")
    # The first of them meets a queue that is filled just now.
    await _run_small(driver, "first", count=1)
    say(f"{ROUNDS} small pipelines behind {WIDTH:,} nodes")
    behind = await _run_small(driver, "behind", count=ROUNDS)
    if (await client.get_run(run.name)).state != resources.RUN_STATE_ACTIVE:
        raise NotAsClaimed(f"the {WIDTH:,} nodes were done before the small pipelines")
    await client.cancel_run(run.name)
    return alone, behind


async def _run_small(driver: Driver, word: str, *, count: int) -> Sequence[float]:
    chain = {f"n{number}": (f"n{number - 1}",) if number else () for number in range(LENGTH)}
    names = await driver.import_all([_document(f"{word}-{number}", chain) for number in range(count)])
    return (await driver.run_all(names, in_flight=1)).milliseconds


def _document(pipeline_id: str, graph: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {
        "id": pipeline_id,
        "nodes": [
            {
                "id": node,
                "type": "noop",
                "inputs": {"after": list(sources)} if sources else {},
                "config": {"provider": "local", "seconds": NODE_S, "nonce": f"{pipeline_id}/{node}"},
            }
            for node, sources in graph.items()
        ],
    }
