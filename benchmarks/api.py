"""The workload `api`: what calls of clients cost the pipeline service, beside their bare statements."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from montage.v1 import node_service_pb2, node_service_pb2_grpc, pipeline_service_pb2, pipeline_service_pb2_grpc

from benchmarks.api_floor import Names, Script, bare, floor_pool, record
from benchmarks.api_report import ApiReport, Lap, Operation
from benchmarks.cpu import process_seconds
from benchmarks.progress import say
from devstack.stack import Stack, StackOptions
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline")
NODES, PAGE_SIZE, CALL_S = 10, 25, 30.0
PIPELINES = 400
"""Made before anything is measured; `update` changes each in turn."""
FLOOR_UPDATES = 300
Call = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    callers: int
    """Calls at the same time."""
    seconds: float
    """How long each kind of call is made."""


async def measure_api(options: ApiOptions) -> ApiReport:
    """Start a stack and measure. Raises StartFailed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    async with Stack(StackOptions(processes=PROCESSES, test_types=True)) as stack:
        files = stack.layout.tls("client-dev")
        tls = TlsFiles(cert=files.cert, key=files.key, ca=files.ca)
        async with ServiceChannel(stack.addresses.pipeline, tls=tls) as channel:
            operations = await _Bench(options, stack, channel).measure()
    return ApiReport(
        cores=len(os.sched_getaffinity(0)), load_average=load_average, callers=options.callers, operations=operations
    )


class _Bench:
    """One measurement on a stack that nobody else uses."""

    def __init__(self, options: ApiOptions, stack: Stack, channel: ServiceChannel) -> None:
        self._options = options
        self._stack = stack
        pipelines: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        nodes: Any = node_service_pb2_grpc.NodeServiceStub
        self._pipelines, self._nodes = pipelines(channel), nodes(channel)

    async def measure(self) -> dict[str, Operation]:
        say(f"making {PIPELINES} pipelines of {NODES} nodes")
        await self._lap(self._create("made"), calls=PIPELINES)
        scripts = await record(self._stack, _document, page_size=PAGE_SIZE)
        calls = {"create": self._create("new"), "get": self._get, "list": self._list, "update": self._update}
        return {
            name: await self._operation(name, call, getattr(scripts, name), create=scripts.create)
            for name, call in calls.items()
        }

    async def _operation(self, name: str, call: Call, script: Script, *, create: Script) -> Operation:
        say(f"{name}: the service, then its statements")
        await self._lap(call, seconds=1.0)
        lap = await self._lap(call, seconds=self._options.seconds)
        async with floor_pool(self._stack, size=self._options.callers) as pool:

            async def run(script: Script, names: Names) -> None:
                async with pool.acquire() as connection:
                    await script.run(bare(connection), names)

            prefix = f"floor-{name}"
            if name == "update":
                # What was recorded is an edit of a pipeline that was just made: each is edited once.
                kept = [Names(f"{prefix}-{number}") for number in range(FLOOR_UPDATES)]
                await self._lap(lambda number: run(create, kept[number]), calls=FLOOR_UPDATES)
                floor = await self._lap(lambda number: run(script, kept[number]), calls=FLOOR_UPDATES)
            elif name == "create":
                seconds = self._options.seconds
                floor = await self._lap(lambda number: run(script, Names(f"{prefix}-{number}")), seconds=seconds)
            else:
                names = Names("made-0")
                floor = await self._lap(lambda _: run(script, names), seconds=self._options.seconds)
        targets = {"get": (1500.0, None), "list": (600.0, None), "create": (None, 1000.0)}
        by_cpu, by_time = targets.get(name, (None, None))
        return Operation(
            call=lap,
            floor=floor,
            statements=len(script.statements),
            target_per_cpu_s=by_cpu,
            target_per_s=by_time,
        )

    async def _lap(self, call: Call, *, seconds: float = 3600.0, calls: int = 1_000_000) -> Lap:
        """Make calls for some seconds, or so many of them; each has a number of its own."""
        numbers, taken = count(), []
        pid = self._stack.process("pipeline").pid
        assert pid is not None
        used, began = process_seconds(pid), time.perf_counter()

        async def caller() -> None:
            while (number := next(numbers)) < calls and time.perf_counter() - began < seconds:
                start = time.perf_counter()
                await call(number)
                taken.append((time.perf_counter() - start) * 1000)

        await asyncio.gather(*(caller() for _ in range(self._options.callers)))
        return Lap(seconds=time.perf_counter() - began, milliseconds=taken, cpu_s=process_seconds(pid) - used)

    def _create(self, prefix: str) -> Call:
        begin = count()

        async def create(_number: int) -> None:
            request = pipeline_service_pb2.ImportPipelineRequest()
            request.document.update(_document(f"{prefix}-{next(begin)}"))
            await self._pipelines.ImportPipeline(request, timeout=CALL_S)

        return create

    async def _get(self, number: int) -> None:
        name = f"pipelines/made-{number % PIPELINES}/nodes/n{number % NODES}"
        await self._nodes.GetNode(node_service_pb2.GetNodeRequest(name=name), timeout=CALL_S)

    async def _list(self, _number: int) -> None:
        request = pipeline_service_pb2.ListPipelinesRequest(page_size=PAGE_SIZE)
        await self._pipelines.ListPipelines(request, timeout=CALL_S)

    async def _update(self, number: int) -> None:
        node = {"name": f"pipelines/made-{number % PIPELINES}/nodes/n0", "title": f"Title {number}"}
        request = node_service_pb2.UpdateNodeRequest(node=node, update_mask={"paths": ["title"]})
        await self._nodes.UpdateNode(request, timeout=CALL_S)


def _document(name: str) -> dict[str, Any]:
    """A chain of nodes."""
    return {
        "id": name,
        "title": f"Film {name}",
        "nodes": [
            {
                "id": f"n{number}",
                "type": "noop",
                "title": f"Node {number}",
                "inputs": {"after": [f"n{number - 1}"]} if number else {},
                "config": {"provider": "local"},
            }
            for number in range(NODES)
        ],
    }
