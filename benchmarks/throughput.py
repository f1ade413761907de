"""The workloads `w1`, `w2` and `w4`: how many nodes a second the real processes start, complete and follow up."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.cpu import cpu_seconds, spent
from benchmarks.driver import Driver, Lap
from benchmarks.graphs import VIDEO_DAG, video_dag
from benchmarks.growth import Grown, more, resident_mib
from benchmarks.memory import MemorySampler
from benchmarks.outside import Outside, look_from_outside
from benchmarks.progress import say
from benchmarks.raw_floor import Floor, find_floor, measure_floor
from benchmarks.throughput_checks import check_durable, check_executed, check_reused
from benchmarks.throughput_report import Round, ThroughputReport
from benchmarks.vendor import Vendor
from devstack.layout import SUPERUSER_ROLE
from devstack.stack import Stack, StackOptions
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

ROUNDS = 3
PIPELINES = 200
ALONE = 100
WARM_UP = 20
FLOOR_S = 1.0
LAST_LAPS = 3
"""Of many, those whose median is compared with the rounds."""
SETTLE_S = 11.0
"""PostgreSQL lets a session that is idle keep for itself, for up to 10 s, what it has counted."""


@dataclass(frozen=True, kw_only=True)
class ThroughputOptions:
    workload: str
    """`w1`, `w2` or `w4`."""
    in_flight: int | None
    """Pipelines that run at the same time; None submits all at once."""
    history: int | None = None
    """Rows of the past to be there for one more lap."""
    growth: int | None = None
    """So many more laps of a round's pipelines."""
    within_s: float | None = None
    """No further lap of these begins after so many seconds; None makes all of them."""
    seals: bool = True
    """Whether the pipeline service seals its record meanwhile."""


async def measure_throughput(options: ThroughputOptions) -> ThroughputReport:
    """Start a stack and measure. Raises MeasurementFailed, NotAsClaimed, StartFailed."""
    load_average = os.getloadavg()[0]
    # What our own clients tell of their lives is not what somebody who measures wants to read.
    configure_logging(service="bench", level="error")
    say("starting the stack")
    # Room for the width of the workload; work of a real node type has as much as there are processors for it.
    settings = {"executor": {"EXECUTOR_TEST_SLOTS": "512"}}
    if not options.seals:
        settings["pipeline"] = {"PIPELINE_SEAL_INTERVAL_S": "0"}
    async with Stack(StackOptions(test_types=True, settings=settings)) as stack, _open(stack, options) as bench:
        return await bench.measure(load_average)


@asynccontextmanager
async def _open(stack: Stack, options: ThroughputOptions) -> AsyncIterator[_Bench]:
    files = stack.layout.tls("client-dev")
    tls = TlsFiles(cert=files.cert, key=files.key, ca=files.ca)
    async with (
        MontageClient(find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)) as client,
        ServiceChannel(stack.addresses.pipeline, tls=tls) as channel,
        look_from_outside(stack) as outside,
        Vendor(ca_cert=stack.layout.ca_cert) as vendor,
    ):
        yield _Bench(options, stack, Driver(client, channel, outside), outside, vendor)


class _Bench:
    """One measurement on a stack that nobody else uses."""

    def __init__(
        self, options: ThroughputOptions, stack: Stack, driver: Driver, outside: Outside, vendor: Vendor
    ) -> None:
        self._options = options
        self._stack = stack
        self._driver = driver
        self._outside = outside
        self._config: Mapping[str, object] = (
            {"vendor": vendor.address} if options.workload == "w2" else {"inline": True}
        )
        self._memory = MemorySampler(os.getpid())
        password = stack.layout.postgres_password(SUPERUSER_ROLE).read_text()
        self._database = (stack.addresses.superuser_database_url, password)

    async def measure(self, load_average: float) -> ThroughputReport:
        say(f"importing {ROUNDS} x {PIPELINES} pipelines")
        await self._driver.run_all(await self._import("warm", WARM_UP))
        batches = [await self._import_round(number) for number in range(1, ROUNDS + 1)]
        alone = await self._import("alone", ALONE)
        say("the floor: bare asyncpg at every size")
        floor = await find_floor(*self._database)
        await asyncio.sleep(SETTLE_S)
        syncs = await self._outside.wal_syncs()
        laps = [await self._round(number, names, floor) for number, names in enumerate(batches, 1)]
        await asyncio.sleep(SETTLE_S)
        syncs = await self._outside.wal_syncs() - syncs
        rounds = [one for _, one in laps]
        await self._check_durable(rounds, syncs)
        say(f"{ALONE} pipelines, one after the other")
        single = await self._driver.run_all(alone, in_flight=1)
        usual = statistics.median(one.nodes_per_s for one in rounds)
        grown = [one async for one in self._grown(usual)]
        return ThroughputReport(
            workload=self._options.workload,
            in_flight=self._options.in_flight,
            cores=len(os.sched_getaffinity(0)),
            load_average=load_average,
            floor=floor,
            rounds=rounds,
            loaded_ms=[one for lap, _ in laps for one in lap.milliseconds],
            alone_ms=single.milliseconds,
            wal_syncs=syncs,
            peak_bytes=self._memory.peak_bytes,
            grown=grown,
        )

    async def _import(self, word: str, count: int, *, copy_of: str | None = None) -> list[str]:
        """Pipelines of one batch. A copy has the nonces of the batch that it is a copy of: it does the same work."""
        return await self._driver.import_all(
            [
                video_dag(f"{word}-{number}", salt=f"{copy_of or word}-{number}", config=self._config)
                for number in range(count)
            ]
        )

    async def _import_round(self, number: int) -> list[str]:
        names = await self._import(f"round-{number}", PIPELINES)
        if self._options.workload != "w4":
            return names
        await self._driver.run_all(names)
        return await self._import(f"again-{number}", PIPELINES, copy_of=f"round-{number}")

    async def _round(self, number: int, names: Sequence[str], floor: Floor) -> tuple[Lap, Round]:
        """The floor, then one lap, checked."""
        say(f"round {number} of {ROUNDS}")
        floor_now = await measure_floor(
            *self._database, batch=floor.batch, connections=floor.connections, seconds=FLOOR_S
        )
        self._memory.sample()
        written, messages = await self._outside.transactions(), await self._outside.work_messages()
        used = cpu_seconds(supervisor=os.getpid())
        lap = await self._driver.run_all(names, in_flight=self._options.in_flight)
        used = spent(used, cpu_seconds(supervisor=os.getpid()))
        self._memory.sample()
        nodes = len(names) * len(VIDEO_DAG)
        counts = await self._outside.counts(names)
        one = Round(
            nodes=nodes,
            seconds=lap.seconds,
            floor_nodes_per_s=floor_now,
            cpu_s=used,
            transactions=await self._outside.transactions() - written,
            work_messages=await self._outside.work_messages() - messages,
            reuse_hits=counts.reuse_hits,
        )
        if self._options.workload == "w4":
            check_reused(counts, nodes=nodes)
        else:
            check_executed(counts, nodes=nodes, messages=one.work_messages, executor_pid=self._executor_pid())
        return lap, one

    async def _grown(self, usual: float) -> AsyncIterator[Grown]:
        """One lap for each condition that was asked for."""
        if self._options.growth is not None:
            yield await self._growth(self._options.growth, usual=usual)
        if self._options.history is not None:
            say(f"{self._options.history} rows of history")
            names = await self._import("late", PIPELINES)
            rows = await self._outside.write_history(self._options.history)
            yield await self._grown_lap("history", names, rows=rows, usual=usual)

    async def _growth(self, laps: int, *, usual: float) -> Grown:
        """Laps of a round's size, so that what differs in the end is what has been done before."""
        before, began = resident_mib(os.getpid()), time.monotonic()
        made: list[float] = []
        while len(made) < laps and not self._is_late(began):
            names = await self._import(f"grown-{len(made)}", PIPELINES)
            lap = await self._driver.run_all(names, in_flight=self._options.in_flight)
            made.append(PIPELINES * len(VIDEO_DAG) / lap.seconds)
            say(f"lap {len(made)} of {laps}: {made[-1]:.0f} nodes/s")
        last = statistics.median(made[-LAST_LAPS:])
        return Grown(
            condition="growth",
            rows=0,
            nodes=len(made) * PIPELINES * len(VIDEO_DAG),
            nodes_per_s=last,
            ratio=last / usual,
            resident_mib=more(before, resident_mib(os.getpid())),
        )

    def _is_late(self, began: float) -> bool:
        within_s = self._options.within_s
        return within_s is not None and time.monotonic() - began > within_s

    async def _grown_lap(self, condition: str, names: Sequence[str], *, rows: int, usual: float) -> Grown:
        before = resident_mib(os.getpid())
        lap = await self._driver.run_all(names, in_flight=self._options.in_flight)
        nodes = len(names) * len(VIDEO_DAG)
        return Grown(
            condition=condition,
            rows=rows,
            nodes=nodes,
            nodes_per_s=nodes / lap.seconds,
            ratio=nodes / lap.seconds / usual,
            resident_mib=more(before, resident_mib(os.getpid())),
        )

    async def _check_durable(self, rounds: Sequence[Round], syncs: int) -> None:
        check_durable(
            transactions=sum(one.transactions for one in rounds),
            syncs=syncs,
            sessions=await self._outside.sessions(),
            is_durable=await self._outside.is_durable(),
        )

    def _executor_pid(self) -> int | None:
        """None in `w2`, where the outputs come from outside."""
        return None if self._options.workload == "w2" else self._stack.process("executor").pid
