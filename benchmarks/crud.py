"""The workload `w3`: making, looking at, changing and deleting pipelines, by clients that do so at the same time."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format, struct_pb2
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import node_service_pb2_grpc, pipeline_service_pb2_grpc
from montage.v1 import pipeline_service_pb2 as api
from montage.v1.resources_pb2 import Pipeline

from benchmarks.cpu import cpu_seconds, spent
from benchmarks.crud_report import CrudReport, CrudRound
from benchmarks.graphs import VIDEO_DAG, video_dag
from benchmarks.memory import MemorySampler
from benchmarks.outside import Outside, look_from_outside
from benchmarks.progress import say
from benchmarks.raw_floor import find_floor
from benchmarks.throughput_checks import NotAsClaimed
from devstack.layout import SUPERUSER_ROLE
from devstack.stack import Stack, StackOptions
from servicekit.grpc_client import ServiceChannel
from servicekit.telemetry import configure_logging
from servicekit.tls import TlsFiles

ROUNDS = 3
CLIENTS = 16
PIPELINES = 10
"""Of each client and round."""
LOOKS = 5
"""Reads of each kind, for each pipeline."""
CALL_S = 60.0


@dataclass(frozen=True, kw_only=True)
class CrudOptions:
    clients: int
    """At the same time."""


async def measure_crud(options: CrudOptions) -> CrudReport:
    """Start a stack and measure. Raises MeasurementFailed, NotAsClaimed, StartFailed."""
    load_average = os.getloadavg()[0]
    configure_logging(service="bench", level="error")
    say("starting the stack")
    async with Stack(StackOptions(test_types=True)) as stack:
        files = stack.layout.tls("client-dev")
        tls = TlsFiles(cert=files.cert, key=files.key, ca=files.ca)
        async with ServiceChannel(stack.addresses.pipeline, tls=tls) as channel, look_from_outside(stack) as outside:
            return await _measure(options, stack, _Calls(channel), outside, load_average)


async def _measure(
    options: CrudOptions, stack: Stack, calls: _Calls, outside: Outside, load_average: float
) -> CrudReport:
    memory = MemorySampler(os.getpid())
    password = stack.layout.postgres_password(SUPERUSER_ROLE).read_text()
    await asyncio.gather(*(_use(calls, f"warm-{number}") for number in range(options.clients)))
    rounds = []
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        floor = await find_floor(stack.addresses.superuser_database_url, password, batches=(1,))
        memory.sample()
        calls.milliseconds.clear()
        used, began = cpu_seconds(supervisor=os.getpid()), time.perf_counter()
        await asyncio.gather(*(_client(calls, f"round-{number}-{one}") for one in range(options.clients)))
        seconds, used = time.perf_counter() - began, spent(used, cpu_seconds(supervisor=os.getpid()))
        memory.sample()
        rounds.append(
            CrudRound(
                seconds=seconds,
                floor_per_s=floor.nodes_per_s,
                cpu_s=used,
                milliseconds={name: tuple(values) for name, values in calls.milliseconds.items()},
            )
        )
    left = await outside.pipelines()
    if left:
        raise NotAsClaimed(f"pipelines: expected that all were deleted, found {left}")
    return CrudReport(
        clients=options.clients,
        cores=len(os.sched_getaffinity(0)),
        load_average=load_average,
        rounds=rounds,
        peak_bytes=memory.peak_bytes,
    )


async def _client(calls: _Calls, name: str) -> None:
    for number in range(PIPELINES):
        await _use(calls, f"{name}-{number}")


async def _use(calls: _Calls, name: str) -> None:
    """The life of one pipeline, checked as it goes."""
    pipeline = f"pipelines/{name}"
    document = video_dag(name, salt=name, config={"inline": True})
    request = api.ImportPipelineRequest(document=json_format.ParseDict(document, struct_pb2.Struct()), create_only=True)
    await calls.make("ImportPipeline", calls.pipelines.ImportPipeline, request)
    for _ in range(LOOKS):
        shown = await calls.make("GetPipeline", calls.pipelines.GetPipeline, api.GetPipelineRequest(name=pipeline))
        nodes = await calls.make("ListNodes", calls.nodes.ListNodes, node_api.ListNodesRequest(parent=pipeline))
        _expect("nodes", len(nodes.nodes), len(VIDEO_DAG))
        _expect("node_count", shown.pipeline.node_count, len(VIDEO_DAG))
        await calls.make("GetNode", calls.nodes.GetNode, node_api.GetNodeRequest(name=f"{pipeline}/nodes/f"))
    change = api.UpdatePipelineRequest(pipeline=Pipeline(name=pipeline, title="changed"))
    change.update_mask.paths.append("title")
    await calls.make("UpdatePipeline", calls.pipelines.UpdatePipeline, change)
    events = await calls.make("ListEvents", calls.pipelines.ListEvents, api.ListEventsRequest(parent=pipeline))
    _expect("sequence", events.events[-1].sequence, len(events.events))
    await calls.make("DeletePipeline", calls.pipelines.DeletePipeline, api.DeletePipelineRequest(name=pipeline))


def _expect(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise NotAsClaimed(f"{what}: expected {wanted}, found {found}")


class _Calls:
    """The stubs, with the time that each call took."""

    def __init__(self, channel: ServiceChannel) -> None:
        pipelines: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        nodes: Any = node_service_pb2_grpc.NodeServiceStub
        self.pipelines = pipelines(channel)
        self.nodes = nodes(channel)
        self.milliseconds: dict[str, list[float]] = defaultdict(list)

    async def make(self, name: str, method: Callable[..., Awaitable[Any]], request: object) -> Any:
        began = time.perf_counter()
        answer = await method(request, timeout=CALL_S)
        self.milliseconds[name].append((time.perf_counter() - began) * 1000)
        return answer
