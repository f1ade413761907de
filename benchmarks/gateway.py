"""The workload `gateway`: verified callbacks a second, beside the same commits without HTTP; too many; many alike."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import callback_service_pb2_grpc

from benchmarks.api_report import Lap
from benchmarks.callback_work import CALL_S, Waiting, Work, open_work, tls_of
from benchmarks.cpu import cpu_seconds, spent
from benchmarks.gateway_report import Alike, GatewayReport, Overload, Round
from benchmarks.https_post import Connection, post
from benchmarks.progress import say
from benchmarks.throughput_checks import NotAsClaimed
from devstack.stack import Stack, StackOptions
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "gateway")
# One machine is one peer, and repeats name one execution: without buckets, the slots bound what is taken at once.
SETTINGS = {"gateway": {"GATEWAY_PEER_PER_S": "0", "GATEWAY_EXECUTION_PER_S": "0"}}
ROUNDS = 3
CALLBACKS = 2_000
ALIKE = 1_000
ALIKE_CONNECTIONS = 250
OVERLOAD = 10
OVERLOAD_S = 5.0
FLOOR_BATCH, FLOOR_CALLS = 64, 2
CALM_MS = 250.0
CALM_ANSWERS = 20


@dataclass(frozen=True, kw_only=True)
class GatewayOptions:
    connections: int
    """That callers keep open; each sends one callback at a time."""


async def measure_gateway(options: GatewayOptions) -> GatewayReport:
    """Start a stack and measure. Raises StartFailed, NotAsClaimed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    async with (
        Stack(StackOptions(processes=PROCESSES, test_types=True, settings=SETTINGS)) as stack,
        open_work(stack) as work,
        ServiceChannel(stack.addresses.pipeline, tls=tls_of(stack, "callback-gateway")) as channel,
    ):
        bench = _Bench(options, stack, work, channel)
        rounds = [await bench.round(number) for number in range(ROUNDS)]
        return GatewayReport(
            cores=len(os.sched_getaffinity(0)),
            load_average=load_average,
            connections=options.connections,
            rounds=rounds,
            alike=await bench.alike(),
            overload=await bench.overload(),
        )


class _Bench:
    """One measurement on a stack that nobody else uses."""

    def __init__(self, options: GatewayOptions, stack: Stack, work: Work, channel: ServiceChannel) -> None:
        stub: Any = callback_service_pb2_grpc.CallbackServiceStub
        self._stub = stub(channel)
        self._options = options
        self._work = work
        self._host, self._port = "127.0.0.1", stack.addresses.ports.gateway
        self._tls = ssl.create_default_context(cafile=str(stack.layout.ca_cert))
        self._done: list[Waiting] = []

    async def round(self, number: int) -> Round:
        """First without HTTP, then through the gateway."""
        say(f"round {number + 1} of {ROUNDS}")
        floor = await self._without_http(await self._work.waiting(CALLBACKS))
        waiting = await self._work.waiting(CALLBACKS)
        before = cpu_seconds(supervisor=os.getpid())
        # Handshakes are no callbacks.
        connections = [await self._connect() for _ in range(self._options.connections)]
        lap, statuses = await self._through_gateway(waiting, connections)
        used = spent(before, cpu_seconds(supervisor=os.getpid()))
        if set(statuses) != {200}:
            raise NotAsClaimed(f"expected every callback to be answered 200, found {dict(statuses)}")
        self._done = waiting
        return Round(callbacks=lap, floor=floor, cpu_s=used)

    async def alike(self) -> Alike:
        """The same callback, from many at once."""
        say(f"{ALIKE} times the same callback")
        [one, *_] = await self._work.waiting(200)
        _, statuses = await self._through_gateway([one] * ALIKE, [None] * ALIKE_CONNECTIONS)
        effects = await self._work.outcomes(one.execution)
        if effects != 1:
            raise NotAsClaimed(f"expected {ALIKE} times the same callback to have one effect, found {effects}")
        return Alike(sent=ALIKE, statuses=dict(statuses), effects=effects)

    async def overload(self) -> Overload:
        """Ten times the callers, without a pause; then how long until all is as before."""
        say(f"{OVERLOAD} times the callers for {OVERLOAD_S:g} s")
        statuses: Counter[int] = Counter()
        end = time.perf_counter() + OVERLOAD_S

        async def caller(number: int) -> None:
            connection: Connection | None = None
            while time.perf_counter() < end:
                one = self._done[number % len(self._done)]
                try:
                    connection = connection or await self._connect()
                    statuses[await self._send(connection, one)] += 1
                except (OSError, asyncio.IncompleteReadError):
                    statuses[0] += 1
                    connection = None
            if connection:
                connection[1].transport.abort()

        await asyncio.gather(*(caller(number) for number in range(OVERLOAD * self._options.connections)))
        return Overload(statuses=dict(statuses), recovered_s=await self._until_calm())

    async def _until_calm(self) -> float:
        """Seconds until 20 callbacks in a row were answered 200 within 250 ms."""
        began, calm = time.perf_counter(), 0
        while calm < CALM_ANSWERS and time.perf_counter() - began < 60:
            sent = time.perf_counter()
            with suppress(OSError, asyncio.IncompleteReadError):
                connection = await self._connect()
                status = await self._send(connection, self._done[0])
                connection[1].transport.abort()
                is_calm = status == 200 and (time.perf_counter() - sent) * 1000 < CALM_MS
                calm = calm + 1 if is_calm else 0
        return time.perf_counter() - began

    async def _through_gateway(
        self, waiting: Sequence[Waiting], connections: Sequence[Connection | None]
    ) -> tuple[Lap, Counter[int]]:
        """Send each once, by as many callers as there are connections; one that is None is opened by its caller."""
        todo, statuses = iter(waiting), Counter[int]()
        taken: list[float] = []
        began = time.perf_counter()

        async def caller(given: Connection | None) -> None:
            connection = given or await self._connect()
            for one in todo:
                start = time.perf_counter()
                statuses[await self._send(connection, one)] += 1
                taken.append((time.perf_counter() - start) * 1000)
            connection[1].transport.abort()

        await asyncio.gather(*map(caller, connections))
        return Lap(seconds=time.perf_counter() - began, milliseconds=taken), statuses

    async def _without_http(self, waiting: Sequence[Waiting]) -> Lap:
        """The same reports in calls of 64, two of them at a time."""
        requests = [one.request for one in waiting]
        batches = iter([requests[at : at + FLOOR_BATCH] for at in range(0, len(requests), FLOOR_BATCH)])
        taken: list[float] = []
        began = time.perf_counter()

        async def caller() -> None:
            for batch in batches:
                start = time.perf_counter()
                request = callbacks.ReportExternalsRequest(reports=batch)
                answers = (await self._stub.ReportExternals(request, timeout=CALL_S)).answers
                if any(answer.WhichOneof("answer") == "error" for answer in answers):
                    raise NotAsClaimed("expected every report to be recorded, found an error")
                taken.extend([(time.perf_counter() - start) * 1000] * len(batch))

        await asyncio.gather(*(caller() for _ in range(FLOOR_CALLS)))
        return Lap(seconds=time.perf_counter() - began, milliseconds=taken)

    async def _connect(self) -> Connection:
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls)

    async def _send(self, connection: Connection, one: Waiting) -> int:
        return await post(connection, target=one.target, host=self._host, body=one.body)
