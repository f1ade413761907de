"""A client that does not give up: the same request under the same id until it is answered, and all of it on record."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import pipeline_service_pb2_grpc

from servicekit.grpc_client import ServiceChannel
from tests.chaos.documents import Document
from tests.chaos.history import History

_ATTEMPT_S = 5.0
_PAUSE_S = 0.2
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""What a client may meet while the house burns; everything else is a refusal, and a finding."""


class RefusedForGood(RuntimeError):
    """The service said no to what it should have done."""


class Client:
    def __init__(self, channel: ServiceChannel, history: History) -> None:
        stub: Any = pipeline_service_pb2_grpc.PipelineServiceStub
        self._stub = stub(channel)
        self._history = history
        self._numbers = itertools.count(1)
        self.repeats = 0
        """Calls that had to be made again."""

    async def import_(self, document: Document) -> None:
        """Make the pipeline equal to the document."""

        def request(request_id: str) -> Any:
            struct = json_format.ParseDict(document, struct_pb2.Struct())
            return api.ImportPipelineRequest(document=struct, request_id=request_id)

        await self._insist("import", document["id"], self._stub.ImportPipeline, request)

    async def run(self, pipeline: str) -> str:
        """Ask for a run; its id."""

        def request(request_id: str) -> Any:
            return api.RunPipelineRequest(name=f"pipelines/{pipeline}", request_id=request_id)

        answer = await self._insist("run", pipeline, self._stub.RunPipeline, request)
        return str(answer.run.name.rpartition("/")[2])

    async def _insist(self, what: str, pipeline: str, method: Any, request_of: Callable[[str], Any]) -> Any:
        request_id = f"chaos-{next(self._numbers)}"
        request = request_of(request_id)
        self._history.write(what, pipeline=pipeline, request=request_id)
        while True:
            try:
                answer = await method(request, timeout=_ATTEMPT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING:
                    self._history.write("refused", pipeline=pipeline, request=request_id, code=error.code().name)
                    raise RefusedForGood(f"{what} of {pipeline}: {error.code().name}: {error.details()}") from error
                self.repeats += 1
                await asyncio.sleep(_PAUSE_S)
                continue
            run = answer.run.name.rpartition("/")[2] if what == "run" else None
            self._history.write("answered", pipeline=pipeline, request=request_id, run=run)
            return answer
