"""The workload `replicas`: W1 with one of each service, and with several side by side on the same database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.driver import Driver
from benchmarks.graphs import VIDEO_DAG, video_dag
from benchmarks.outside import Outside, look_from_outside
from benchmarks.progress import MeasurementFailed, say
from benchmarks.report import Spread
from benchmarks.throughput_checks import NotAsClaimed
from benchmarks.throughput_report import rounded, words
from devstack.layout import repository_root
from devstack.nursery_client import Launch
from devstack.readiness import http_answers_ok
from devstack.stack import Stack, StackOptions
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

ROUNDS = 3
PIPELINES = 200
WARM_UP = 20
READY_S = 60.0
LEAST_RATIO = 0.9
_LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class ReplicasOptions:
    replicas: int
    """Of the pipeline service."""
    executors: int


@dataclass(frozen=True, kw_only=True)
class ReplicasReport:
    options: ReplicasOptions
    one: Sequence[float]
    """Nodes a second, by round."""
    many: Sequence[float]
    deadlocks: int
    cores: int
    load_average: float

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return Spread.of(list(self.many)).median / Spread.of(list(self.one)).median

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"replicas, on {self.cores} cores, load average {self.load_average:.2f} before"
        yield f"  one          {words(Spread.of(list(self.one)), 0)} nodes/s, one pipeline service and one executor"
        many = f"{self.options.replicas} pipeline services and {self.options.executors} executors"
        yield f"  many         {words(Spread.of(list(self.many)), 0)} nodes/s, {many}"
        yield f"  ratio        {self.ratio:.2f}, to be at least {LEAST_RATIO:g}"
        yield f"  deadlocks    {self.deadlocks}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "replicas",
                "replicas": self.options.replicas,
                "executors": self.options.executors,
                "floor": round(Spread.of(list(self.one)).median, 1),
                "one_nodes_per_s": rounded(Spread.of(list(self.one)), 1),
                "many_nodes_per_s": rounded(Spread.of(list(self.many)), 1),
                "ratio": round(self.ratio, 3),
                "deadlocks": self.deadlocks,
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
            }
        )


async def measure_replicas(options: ReplicasOptions) -> ReplicasReport:
    """Start a stack and measure. Raises MeasurementFailed, NotAsClaimed, StartFailed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    settings = {"executor": {"EXECUTOR_TEST_SLOTS": "512"}}
    async with (
        Stack(StackOptions(test_types=True, settings=settings)) as stack,
        MontageClient(find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)) as client,
        ServiceChannel(stack.addresses.pipeline, tls=_tls(stack)) as channel,
        look_from_outside(stack) as outside,
    ):
        driver = Driver(client, channel, outside)
        await _lap(driver, outside, "warm", WARM_UP)
        one: list[float] = []
        many: list[float] = []
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            one.append(await _lap(driver, outside, f"one-{number}", PIPELINES))
            async with _others(stack, options) as channels:
                with driver.calling_also(channels):
                    await _lap(driver, outside, f"again-{number}", WARM_UP)
                    many.append(await _lap(driver, outside, f"many-{number}", PIPELINES))
        deadlocks = await outside.deadlocks()
    if deadlocks:
        raise NotAsClaimed(f"{deadlocks} transactions waited for each other")
    return ReplicasReport(
        options=options,
        one=one,
        many=many,
        deadlocks=deadlocks,
        cores=len(os.sched_getaffinity(0)),
        load_average=load_average,
    )


async def _lap(driver: Driver, outside: Outside, word: str, count: int) -> float:
    """Nodes a second of pipelines that are all submitted at once."""
    documents = [
        video_dag(f"{word}-{number}", salt=f"{word}-{number}", config={"inline": True}) for number in range(count)
    ]
    names = await driver.import_all(documents)
    lap = await driver.run_all(names)
    nodes = len(names) * len(VIDEO_DAG)
    counts = await outside.counts(names)
    if (counts.succeeded, counts.executions) != (nodes, nodes):
        raise NotAsClaimed(f"expected {nodes} executions that succeeded, found {counts}")
    return nodes / lap.seconds


@asynccontextmanager
async def _others(stack: Stack, options: ReplicasOptions) -> AsyncIterator[Sequence[ServiceChannel]]:
    """More of both services, spread over each other; and a channel to each further pipeline service."""
    addresses = [stack.addresses.pipeline, *(f"127.0.0.1:{_free_port()}" for _ in range(options.replicas - 1))]
    services = [
        ("pipeline", "pipeline_service", {"PIPELINE_LISTEN": address}, "PIPELINE_OPS_LISTEN")
        for address in addresses[1:]
    ] + [
        (
            "executor",
            "executor_service",
            {"EXECUTOR_PIPELINE_ADDR": addresses[number % len(addresses)]},
            "EXECUTOR_OPS_LISTEN",
        )
        for number in range(1, options.executors)
    ]
    running = []
    try:
        for number, (name, module, changed, ops) in enumerate(services):
            port = _free_port()
            environment = {**stack.settings(name), **changed, ops: f"127.0.0.1:{port}"}
            also = f"{name}-also-{number}"
            launch = Launch(
                name=also,
                argv=[sys.executable, "-m", module],
                env=environment,
                cwd=repository_root(),
                log=stack.layout.logs / f"{also}.jsonl",
            )
            running.append((also, await stack.nursery.spawn(launch)))
            await _until_ready(also, port)
        async with AsyncExitStack() as channels:
            yield [
                await channels.enter_async_context(ServiceChannel(address, tls=_tls(stack)))
                for address in addresses[1:]
            ]
    finally:
        for name, _ in reversed(running):
            stack.nursery.signal(name, signal.SIGTERM)
        await asyncio.gather(*(spawned.exited for _, spawned in running))


async def _until_ready(name: str, port: int) -> None:
    is_ready = http_answers_ok(port, "/readyz")
    try:
        async with asyncio.timeout(READY_S):
            while True:
                if await is_ready(0):
                    return
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise MeasurementFailed(f"{name} was not ready after {READY_S:g} s") from None


def _tls(stack: Stack) -> TlsFiles:
    files = stack.layout.tls("client-dev")
    return TlsFiles(cert=files.cert, key=files.key, ca=files.ca)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
