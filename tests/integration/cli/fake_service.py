"""A pipeline service in memory, behind real gRPC and mutual TLS, whose faults can be switched on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf import json_format, struct_pb2
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import node_service_pb2_grpc, pipeline_service_pb2_grpc
from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import resources_pb2 as resources

from tests.integration.cli.fake_catalogue import FakeCatalogue
from tests.integration.cli.fake_changes import FakeChanges
from tests.integration.cli.fake_refusals import refuse
from tests.integration.cli.fake_store import FakeStore

Context = Any  # grpc.aio.ServicerContext, of which the stubs know only a part
RUN_ID = "0194f1d0-0000-7000-8000-000000000001"


@dataclass
class Faults:
    """What goes wrong, and how often."""

    answers: dict[str, list[grpc.StatusCode]] = field(default_factory=dict)
    """By method: codes that the next calls end with, after the work was done."""
    hanging: set[str] = field(default_factory=set)
    """Methods that never answer."""
    break_watch_after: list[int] = field(default_factory=list)
    """Messages after which the next watches are cut off."""
    repeat_events: bool = False
    """Resumed watches begin one event too early."""
    skip_event_once: int = 0
    """This sequence number is left out of the first watch that should send it."""
    silent_watches: int = 0
    """So many watches say nothing at all."""
    failing_node: str = ""
    """This node fails in the next run, and what needs it is skipped."""
    never_ends: bool = False
    """Runs stay active."""
    hides_run_end: bool = False
    """The event that ends a run is never sent; heartbeats are."""


class FakeService(
    FakeCatalogue,
    FakeChanges,
    pipeline_service_pb2_grpc.PipelineServiceServicer,
    node_service_pb2_grpc.NodeServiceServicer,
):
    """State and both servicers."""

    def __init__(self, store: FakeStore) -> None:
        FakeChanges.__init__(self)
        self.faults = Faults()
        self.filters: list[tuple[str, str]] = []
        """Filter and order of the first pages of lists."""
        self.calls: Counter[str] = Counter()
        self.run_requests: list[api.RunPipelineRequest] = []
        self.violations: list[tuple[str, str]] = []
        self.violations_at_the_end: list[tuple[str, str]] = []
        self.omitted_violations = 0
        self.pipelines: dict[str, resources.Pipeline] = {}
        self.nodes: dict[str, list[resources.Node]] = {}
        self.events: dict[str, list[resources.Event]] = {}
        self.executions: dict[str, list[resources.Execution]] = {}
        self.runs: dict[str, resources.Run] = {}
        self.documents: list[dict[str, Any]] = []
        self.watches: list[int | None] = []
        self.store = store
        self._news = asyncio.Condition()

    def register(self, server: grpc.aio.Server) -> None:
        register_pipelines: Any = pipeline_service_pb2_grpc.add_PipelineServiceServicer_to_server
        register_nodes: Any = node_service_pb2_grpc.add_NodeServiceServicer_to_server
        register_pipelines(self, server)
        register_nodes(self, server)

    def given_pipeline(self, pipeline_id: str, *nodes: tuple[str, str, tuple[str, ...]]) -> str:
        """A pipeline of (id, type, inputs) nodes."""
        name = f"pipelines/{pipeline_id}"
        self.pipelines[name] = resources.Pipeline(
            name=name, title=pipeline_id.title(), node_count=len(nodes), etag=str(len(self.documents))
        )
        self.nodes[name] = [
            resources.Node(
                name=f"{name}/nodes/{node_id}",
                type=kind,
                state=resources.NODE_STATE_PENDING,
                inputs=[resources.NodeInput(slot="in", nodes=[f"{name}/nodes/{one}" for one in needs])],
            )
            for node_id, kind, needs in nodes
        ]
        self.events.setdefault(name, [])
        self.executions.setdefault(name, [])
        return name

    async def add_event(self, pipeline: str, kind: resources.EventType, **fields: Any) -> None:
        event = resources.Event(type=kind, sequence=len(self.events[pipeline]) + 1, **fields)
        event.create_time.GetCurrentTime()
        self.events[pipeline].append(event)
        async with self._news:
            self._news.notify_all()

    # PipelineService

    async def GetPipeline(self, request: api.GetPipelineRequest, context: Context) -> api.GetPipelineResponse:
        await self._called("GetPipeline", context)
        pipeline = await self._pipeline(request.name, context)
        pipeline.last_sequence = len(self.events[request.name])
        return api.GetPipelineResponse(pipeline=pipeline)

    async def ListPipelines(self, request: api.ListPipelinesRequest, context: Context) -> api.ListPipelinesResponse:
        await self._called("ListPipelines", context)
        self._filtered(request)
        page, token = _page(list(self.pipelines.values()), request.page_token)
        return api.ListPipelinesResponse(pipelines=page, next_page_token=token)

    async def ImportPipeline(self, request: api.ImportPipelineRequest, context: Context) -> api.ImportPipelineResponse:
        await self._called("ImportPipeline", context)
        if self.violations and request.validate_only:
            found = [api.DocumentProblem(field=place, description=words) for place, words in self.violations]
            return api.ImportPipelineResponse(problems=found)
        if self.violations:
            await self._refuse_document(context, self.violations)
        if self.violations_at_the_end and not request.validate_only:
            await self._refuse_document(context, self.violations_at_the_end)
        document = json_format.MessageToDict(request.document)
        present = self.pipelines.get(f"pipelines/{document['id']}")
        if request.etag and (present is None or request.etag != present.etag):
            await refuse(context, grpc.StatusCode.ABORTED, "ABORTED", "The etag is another one by now.")
        nodes = [
            (node["id"], node["type"], tuple(one for ids in node.get("inputs", {}).values() for one in ids))
            for node in document["nodes"]
        ]
        name = f"pipelines/{document['id']}"
        if not request.validate_only:
            self.documents.append(document)
            self.given_pipeline(document["id"], *nodes)
            self.pipelines[name].title = document.get("title", "")
        own = {field: document[field] for field in ("title", "version", "labels") if field in document}
        pipeline = resources.Pipeline(name=name, node_count=len(nodes), **own)
        return api.ImportPipelineResponse(pipeline=pipeline, added_nodes=[node[0] for node in nodes])

    async def ExportPipeline(self, request: api.ExportPipelineRequest, context: Context) -> api.ExportPipelineResponse:
        await self._called("ExportPipeline", context)
        await self._pipeline(request.name, context)
        document = next(one for one in reversed(self.documents) if request.name == f"pipelines/{one['id']}")
        return api.ExportPipelineResponse(document=json_format.ParseDict(document, struct_pb2.Struct()))

    async def CreateAsset(self, request: api.CreateAssetRequest, context: Context) -> api.CreateAssetResponse:
        await self._called("CreateAsset", context)
        extension = request.file_name.rpartition(".")[2]
        key = f"assets/default/sha256/{request.sha256}.{extension}"
        answer = api.CreateAssetResponse(source=f"asset:sha256/{request.sha256}.{extension}", s3_key=key)
        if key in self.store.objects:
            answer.already_exists = True
            return answer
        answer.upload_url = self.store.url_of(key)
        answer.upload_headers.update({"Content-Type": request.content_type, "x-amz-meta-sha256": request.sha256})
        return answer

    async def RunPipeline(self, request: api.RunPipelineRequest, context: Context) -> api.RunPipelineResponse:
        self.run_requests.append(request)
        name = f"{request.name}/runs/{RUN_ID}"
        nodes = self.nodes[request.name]
        if invalid := [node.name.rpartition("/")[2] for node in nodes if node.problems]:
            message = f"not valid, so that they cannot run: {', '.join(sorted(invalid))}"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION", message)
        run = resources.Run(name=name, uid=RUN_ID, state=resources.RUN_STATE_ACTIVE, targets=request.targets)
        run.create_time.GetCurrentTime()
        self.runs[name] = run
        await self.add_event(request.name, resources.EVENT_TYPE_RUN_CREATED, run=name)
        for node in nodes:
            await self._execute(request.name, node, run)
        if not self.faults.never_ends:
            await self._end(request.name, run)
        started = resources.Run()
        started.CopyFrom(run)
        started.state = resources.RUN_STATE_ACTIVE
        await self._called("RunPipeline", context)
        return api.RunPipelineResponse(run=started)

    async def GetRun(self, request: api.GetRunRequest, context: Context) -> api.GetRunResponse:
        await self._called("GetRun", context)
        return api.GetRunResponse(run=self.runs[request.name])

    async def ListRuns(self, request: api.ListRunsRequest, context: Context) -> api.ListRunsResponse:
        await self._called("ListRuns", context)
        self._filtered(request)
        await self._pipeline(request.parent, context)
        found = [run for name, run in reversed(self.runs.items()) if name.startswith(f"{request.parent}/")]
        page, token = _page(found, request.page_token)
        return api.ListRunsResponse(runs=page, next_page_token=token)

    async def ListEvents(self, request: api.ListEventsRequest, context: Context) -> api.ListEventsResponse:
        await self._called("ListEvents", context)
        await self._pipeline(request.parent, context)
        page, token = _page(self.events[request.parent][request.after_sequence :], request.page_token)
        return api.ListEventsResponse(events=page, next_page_token=token)

    async def WatchPipeline(
        self, request: api.WatchPipelineRequest, context: Context
    ) -> AsyncIterator[api.WatchPipelineResponse]:
        after = request.after_sequence if request.HasField("after_sequence") else None
        self.watches.append(after)
        await self._pipeline(request.name, context)
        if self.faults.silent_watches:
            self.faults.silent_watches -= 1
            await asyncio.Event().wait()
        left = self.faults.break_watch_after.pop(0) if self.faults.break_watch_after else 10**9
        async for update in self._updates(request.name, after):
            if left == 0:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")
            left -= 1
            yield update

    async def _updates(self, name: str, after: int | None) -> AsyncIterator[api.WatchPipelineResponse]:
        if after is None:
            after = len(self.events[name])
            nodes = self.nodes[name]
            half = len(nodes) // 2
            for page, is_last in ((nodes[:half], False), (nodes[half:], True)):
                snapshot = api.Snapshot(nodes=page, sequence=after, complete=is_last)
                yield api.WatchPipelineResponse(snapshot=snapshot)
        elif self.faults.repeat_events and after > 0:
            after -= 1
        while True:
            for event in self.events[name][after:]:
                after += 1
                if self.faults.skip_event_once == event.sequence:
                    self.faults.skip_event_once = 0
                    continue
                yield api.WatchPipelineResponse(event=event)
            if self.faults.hides_run_end:
                yield api.WatchPipelineResponse(heartbeat=api.Heartbeat(sequence=after))
            async with self._news:
                while len(self.events[name]) <= after:
                    await self._news.wait()

    # NodeService

    async def GetNode(self, request: node_api.GetNodeRequest, context: Context) -> node_api.GetNodeResponse:
        await self._called("GetNode", context)
        return node_api.GetNodeResponse(node=await self._node(request.name, context))

    async def ListNodes(self, request: node_api.ListNodesRequest, context: Context) -> node_api.ListNodesResponse:
        await self._called("ListNodes", context)
        self._filtered(request)
        await self._pipeline(request.parent, context)
        page, token = _page(self.nodes[request.parent], request.page_token)
        return node_api.ListNodesResponse(nodes=page, next_page_token=token)

    async def ListExecutions(
        self, request: node_api.ListExecutionsRequest, context: Context
    ) -> node_api.ListExecutionsResponse:
        await self._called("ListExecutions", context)
        self._filtered(request)
        pipeline, _, node = request.parent.partition("/nodes/")
        found = [
            one
            for one in reversed(self.executions[pipeline])
            if node == "-" or one.name.startswith(f"{request.parent}/executions/")
        ]
        page, token = _page(found, request.page_token)
        return node_api.ListExecutionsResponse(executions=page, next_page_token=token)

    async def GetExecution(
        self, request: node_api.GetExecutionRequest, context: Context
    ) -> node_api.GetExecutionResponse:
        await self._called("GetExecution", context)
        known = {one.name: one for found in self.executions.values() for one in found}
        if request.name not in known:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND", f"no execution {request.name}")
        return node_api.GetExecutionResponse(execution=known[request.name])

    async def GetNodeOutputUrl(
        self, request: node_api.GetNodeOutputUrlRequest, context: Context
    ) -> node_api.GetNodeOutputUrlResponse:
        await self._called("GetNodeOutputUrl", context)
        node = await self._node(request.name, context)
        if not node.HasField("output"):
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "OUTPUT_MISSING", f"{node.name} has no output")
        folder, _, _ = node.output.s3_key.rpartition("/")
        key = f"{folder}/{node.output.contact_sheet}" if request.contact_sheet else node.output.s3_key
        return node_api.GetNodeOutputUrlResponse(url=self.store.url_of(key), output=node.output)

    # What the work does

    async def _execute(self, pipeline: str, node: resources.Node, run: resources.Run) -> None:
        needs = {source for slot in node.inputs for source in slot.nodes}
        is_blocked = any(
            one.node in needs and one.decision in {resources.RUN_DECISION_FAILED, resources.RUN_DECISION_SKIPPED}
            for one in run.nodes
        )
        decided = run.nodes.add(node=node.name)
        if is_blocked:
            decided.decision, decided.reason = resources.RUN_DECISION_SKIPPED, "an input failed"
            return
        execution = resources.Execution(name=f"{node.name}/executions/{RUN_ID}", attempt=1, run=run.name)
        execution.state, execution.provider = resources.EXECUTION_STATE_RUNNING, "local"
        execution.start_time.GetCurrentTime()
        self.executions[pipeline].append(execution)
        node.execution = decided.execution = execution.name
        facts = {"node": node.name, "execution": execution.name, "attempt": 1, "run": run.name}
        await self.add_event(pipeline, resources.EVENT_TYPE_EXECUTION_STARTED, **facts)
        if self.faults.never_ends:
            node.state, decided.decision = resources.NODE_STATE_IN_PROGRESS, resources.RUN_DECISION_ACTIVE
            return
        execution.end_time.GetCurrentTime()
        if self.faults.failing_node == node.name.rpartition("/")[2]:
            node.state, decided.decision = resources.NODE_STATE_FAILED, resources.RUN_DECISION_FAILED
            node.failure.CopyFrom(
                resources.Failure(
                    error_type="ffmpeg_error", message="FFmpeg ended with 1", details="line 1\nno such filter"
                )
            )
            execution.state = resources.EXECUTION_STATE_FAILED
            execution.failure.CopyFrom(node.failure)
            await self.add_event(
                pipeline, resources.EVENT_TYPE_EXECUTION_FAILED, message="FFmpeg ended with 1", **facts
            )
            return
        await self._succeed(pipeline, node, run)

    async def finish(self, pipeline: str, node: resources.Node, run: resources.Run) -> None:
        """What a run that never ends lacks."""
        await self._succeed(pipeline, node, run)
        await self._end(pipeline, run)

    async def _succeed(self, pipeline: str, node: resources.Node, run: resources.Run) -> None:
        node.output.CopyFrom(self.store.given_output(f"{node.execution}/output.mp4", content=node.name.encode()))
        execution = next(one for one in reversed(self.executions[pipeline]) if one.name == node.execution)
        execution.output.CopyFrom(node.output)
        execution.state = resources.EXECUTION_STATE_SUCCEEDED
        node.state, node.is_current = resources.NODE_STATE_COMPLETED, True
        for decided in run.nodes:
            if decided.node == node.name:
                decided.decision = resources.RUN_DECISION_DONE
        facts = {"node": node.name, "execution": node.execution, "attempt": 1, "run": run.name}
        await self.add_event(pipeline, resources.EVENT_TYPE_EXECUTION_SUCCEEDED, **facts)

    async def _end(self, pipeline: str, run: resources.Run) -> None:
        has_failed = any(one.decision == resources.RUN_DECISION_FAILED for one in run.nodes)
        run.state = resources.RUN_STATE_FAILED if has_failed else resources.RUN_STATE_SUCCEEDED
        run.end_time.GetCurrentTime()
        if not self.faults.hides_run_end:
            kind = resources.EVENT_TYPE_RUN_FAILED if has_failed else resources.EVENT_TYPE_RUN_SUCCEEDED
            await self.add_event(pipeline, kind, run=run.name)

    # Faults and refusals

    async def _called(self, method: str, context: Context) -> None:
        self.calls[method] += 1
        if method in self.faults.hanging:
            await asyncio.Event().wait()
        if self.faults.answers.get(method):
            await context.abort(self.faults.answers[method].pop(0), "switched on by the test")

    def _filtered(self, request: Any) -> None:
        if not request.page_token:
            self.filters.append((request.filter, request.order_by))

    async def _pipeline(self, name: str, context: Context) -> resources.Pipeline:
        if name not in self.pipelines:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "PIPELINE_NOT_FOUND", f"no pipeline {name}", resource=name)
        return self.pipelines[name]

    async def _node(self, name: str, context: Context) -> resources.Node:
        found = [node for node in self.nodes.get(name.partition("/nodes/")[0], ()) if node.name == name]
        if not found:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "NODE_NOT_FOUND", f"no node {name}", resource=name)
        return found[0]

    async def _refuse_document(self, context: Context, violations: list[tuple[str, str]]) -> NoReturn:
        await refuse(
            context,
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_DOCUMENT",
            "the document has problems",
            violations=violations,
            omitted=self.omitted_violations,
        )


def _page(everything: list[Any], token: str, *, size: int = 2) -> tuple[list[Any], str]:
    """Pages of two, so that every list has several."""
    start = int(token or 0)
    end = start + size
    return everything[start:end], str(end) if end < len(everything) else ""
