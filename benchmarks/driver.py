"""Imports pipelines, runs them through the API, and notes when each of them is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import pipeline_service_pb2_grpc

from benchmarks.outside import Outside
from benchmarks.progress import MeasurementFailed
from montage_cli.client import MontageClient
from servicekit.grpc_client import ServiceChannel
from servicekit.tracing import HEADER

IMPORTS_AT_ONCE = 8
CALLS_AT_ONCE = 64
"""Half of the streams that the service grants to a connection."""
RUN_S = 120.0
LOOKS_PER_RUN_S = 0.004
"""A look at the database for each few runs in flight: fine enough for one alone, cheap enough for two hundred."""
LONGEST_LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Lap:
    """Pipelines that were run, each once."""

    seconds: float
    """From the first call to the last end."""
    milliseconds: Sequence[float]
    """Of each pipeline, from its call to its end."""


class Driver:
    """A client like any other, but it learns from the database when runs end: watching costs the services nothing."""

    def __init__(self, client: MontageClient, channel: ServiceChannel, outside: Outside) -> None:
        stub: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        self._stub = stub
        self._calls = [stub(channel)]
        self._turn = count()
        self._client = client
        self._outside = outside
        self._calling = asyncio.Semaphore(CALLS_AT_ONCE)
        self._ends: dict[str, asyncio.Future[float]] = {}

    @contextmanager
    def calling_also(self, channels: Sequence[ServiceChannel]) -> Iterator[None]:
        """Meanwhile, call these in turn as well."""
        alone = self._calls
        self._calls = [*alone, *map(self._stub, channels)]
        try:
            yield
        finally:
            self._calls = alone

    async def import_all(self, documents: Sequence[Mapping[str, object]]) -> list[str]:
        """Their ids."""
        room = asyncio.Semaphore(IMPORTS_AT_ONCE)

        async def one(document: Mapping[str, object]) -> str:
            async with room:
                answer = await self._client.import_pipeline(document)
            return answer.pipeline.name.removeprefix("pipelines/")

        return await asyncio.gather(*(one(document) for document in documents))

    async def run_all(self, pipelines: Sequence[str], *, in_flight: int | None = None, trace: str = "") -> Lap:
        """Run each once, at most `in_flight` of them at a time. Raises MeasurementFailed when one does not end.

        `trace` is the context that the calls say they belong to.
        """
        room = asyncio.Semaphore(in_flight or len(pipelines))
        looking = asyncio.create_task(self._look())
        began = time.perf_counter()
        try:
            async with asyncio.timeout(RUN_S):
                ended = await asyncio.gather(*(self._run(pipeline, room, trace) for pipeline in pipelines))
        except TimeoutError:
            raise MeasurementFailed(f"{len(self._ends)} runs were not over after {RUN_S:g} s") from None
        finally:
            looking.cancel()
        return Lap(
            seconds=max(end for _, end in ended) - began, milliseconds=[(end - start) * 1000 for start, end in ended]
        )

    async def _run(self, pipeline: str, room: asyncio.Semaphore, trace: str) -> tuple[float, float]:
        async with room:
            began = time.perf_counter()
            request = api.RunPipelineRequest(name=f"pipelines/{pipeline}")
            async with self._calling:
                calls = self._calls[next(self._turn) % len(self._calls)]
                metadata = ((HEADER, trace),) if trace else None
                answer = await calls.RunPipeline(request, timeout=RUN_S, metadata=metadata)
            run = answer.run.name.rpartition("/")[2]
            self._ends[run] = asyncio.get_running_loop().create_future()
            return began, await self._ends[run]

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(min(LOOKS_PER_RUN_S * max(len(self._ends) / 4, 0.5), LONGEST_LOOK_S))
            if not self._ends:
                continue
            for run in await self._outside.over(list(self._ends)):
                self._ends.pop(run).set_result(time.perf_counter())
