"""The services over real gRPC and mutual TLS: shapes, pages, refusals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from montage.v1 import (
    execution_service_pb2,
    execution_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    resources_pb2,
)

from devstack.stack import Stack, StackOptions
from servicekit.tls import TlsFiles, channel_credentials
from tests.factories import a_document, noop
from tests.stacks import running_stack

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=PROCESSES, test_types=True)) as stack:
        yield stack


class Client:
    """Stubs with one identity."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.pipelines = pipeline_service_pb2_grpc.PipelineServiceStub(channel)
        self.nodes = node_service_pb2_grpc.NodeServiceStub(channel)
        self.executions = execution_service_pb2_grpc.ExecutionServiceStub(channel)

    async def import_(self, *nodes: dict[str, Any], document_id: str) -> Any:
        request = pipeline_service_pb2.ImportPipelineRequest()
        request.document.update(a_document(*nodes, document_id=document_id))
        return await self.pipelines.ImportPipeline(request)

    async def create_node(self, pipeline: str, node_id: str, *, strict: bool = False, **parts: Any) -> Any:
        """Add a noop node unless the parts say otherwise. Inputs are ids by slot."""
        node = _node(pipeline, {"type": "noop", "config": {"provider": "local"}} | parts)
        request = node_service_pb2.CreateNodeRequest(
            parent=f"pipelines/{pipeline}", node_id=node_id, node=node, strict=strict
        )
        return (await self.nodes.CreateNode(request)).node

    async def update_node(self, pipeline: str, node_id: str, mask: list[str], **parts: Any) -> Any:
        node = _node(pipeline, {"name": f"pipelines/{pipeline}/nodes/{node_id}"} | parts)
        request = node_service_pb2.UpdateNodeRequest(node=node, update_mask={"paths": mask})
        return (await self.nodes.UpdateNode(request)).node

    async def node(self, pipeline: str, node_id: str) -> Any:
        request = node_service_pb2.GetNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        return (await self.nodes.GetNode(request)).node

    async def node_ids(self, pipeline: str) -> list[str]:
        listed = await self.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{pipeline}"))
        return [node.name.split("/")[3] for node in listed.nodes]

    async def execute(self, pipeline: str, node_id: str) -> Any:
        request = node_service_pb2.ExecuteNodeRequest(name=f"pipelines/{pipeline}/nodes/{node_id}")
        return await self.nodes.ExecuteNode(request)

    async def fail(self, client: "Client", pipeline: str, node_id: str) -> None:
        """As the executor: take the node's execution and give it up for good."""
        execution_id = (await client.node(pipeline, node_id)).execution.split("/")[5]
        claim = str(uuid4())
        await self.executions.StartExecution(_start(execution_id, claim))
        failure = resources_pb2.Failure(error_type="invalid_input", message="it broke")
        await self.executions.FailExecution(
            execution_service_pb2.FailExecutionRequest(execution_id=execution_id, claim=claim, failure=failure)
        )


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with _channel(stack, "client-dev") as channel:
        yield Client(channel)


@pytest.fixture
async def executor(stack: Stack) -> AsyncIterator[Client]:
    async with _channel(stack, "executor") as channel:
        yield Client(channel)


@pytest.fixture
def name() -> str:
    return f"film-{uuid4().hex[:8]}"


async def test_pages_of_nodes_hold_every_node_once_and_in_order(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}") for number in range(7)), document_id=name)

    seen: list[str] = []
    token = ""
    while True:
        page = await client.nodes.ListNodes(
            node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_size=3, page_token=token)
        )
        seen += [node.name.split("/")[3] for node in page.nodes]
        token = page.next_page_token
        if not token:
            break

    assert seen == [f"n{number}" for number in range(7)]


async def test_pages_of_pipelines_do_not_shift_when_others_are_made(client: Client) -> None:
    made = [f"page-{uuid4().hex[:8]}" for _ in range(5)]
    for pipeline in made:
        await client.import_(noop("a"), document_id=pipeline)

    first = await client.pipelines.ListPipelines(pipeline_service_pb2.ListPipelinesRequest(page_size=3))
    await client.import_(noop("a"), document_id=f"page-{uuid4().hex[:8]}")
    second = await client.pipelines.ListPipelines(
        pipeline_service_pb2.ListPipelinesRequest(page_size=2, page_token=first.next_page_token)
    )

    names = [pipeline.name for pipeline in (*first.pipelines, *second.pipelines)]
    assert names == [f"pipelines/{pipeline}" for pipeline in reversed(made)]


@pytest.mark.parametrize("token", ["x", "bm90LWpzb24", "W10", "%%%", "WyIwMDAwMDAwMDAwMDAwMDAwIiwiMSJd"])
async def test_page_token_that_is_none_of_ours_is_refused(client: Client, name: str, token: str) -> None:
    await client.import_(noop("a"), document_id=name)

    code, reason, _ = await _refusal(
        client.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_token=token))
    )

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_page_token_of_other_arguments_is_refused(client: Client, name: str) -> None:
    await client.import_(*(noop(f"n{number}") for number in range(3)), document_id=name)
    await client.import_(noop("a"), document_id=f"{name}-2")
    page = await client.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}", page_size=1))

    code, reason, _ = await _refusal(
        client.nodes.ListNodes(
            node_service_pb2.ListNodesRequest(parent=f"pipelines/{name}-2", page_token=page.next_page_token)
        )
    )

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (
            lambda one: one.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name="pipelines/nobody")),
            "PIPELINE",
        ),
        (lambda one: one.nodes.GetNode(node_service_pb2.GetNodeRequest(name="pipelines/nobody/nodes/a")), "NODE"),
        (lambda one: one.nodes.ListNodes(node_service_pb2.ListNodesRequest(parent="pipelines/nobody")), "PIPELINE"),
        (
            lambda one: one.nodes.GetExecution(
                node_service_pb2.GetExecutionRequest(name=f"pipelines/x/nodes/a/executions/{uuid4()}")
            ),
            "EXECUTION",
        ),
        (lambda one: one.nodes.GetNodeType(node_service_pb2.GetNodeTypeRequest(name="nodeTypes/nop")), "NODE_TYPE"),
        (
            lambda one: one.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent="pipelines/nobody")),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.ListEvents(pipeline_service_pb2.ListEventsRequest(parent="pipelines/nobody")),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.ExportPipeline(
                pipeline_service_pb2.ExportPipelineRequest(name="pipelines/nobody")
            ),
            "PIPELINE",
        ),
        (
            lambda one: one.pipelines.GetRun(pipeline_service_pb2.GetRunRequest(name=f"pipelines/x/runs/{'0' * 36}")),
            "RUN",
        ),
        (
            lambda one: one.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name="pipelines/nobody")),
            "PIPELINE",
        ),
    ],
)
async def test_what_does_not_exist_is_not_found(client: Client, call: Any, reason: str) -> None:
    code, found, _ = await _refusal(call(client))

    assert (code, found) == (grpc.StatusCode.NOT_FOUND, f"{reason}_NOT_FOUND")


@pytest.mark.parametrize("bad", ["", "pipelines/", "pipelines/A", "pipelines/a/b", "pipelines/..", "x" * 10_000])
async def test_name_that_is_none_is_refused_with_its_field(client: Client, bad: str) -> None:
    code, reason, fields = await _refusal(
        client.pipelines.GetPipeline(pipeline_service_pb2.GetPipelineRequest(name=bad))
    )

    assert (code, reason, list(fields)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["name"])


async def test_method_that_is_not_built_yet_says_so_with_a_reason(client: Client) -> None:
    code, reason, _ = await _refusal(
        client.nodes.ApproveNode(
            node_service_pb2.ApproveNodeRequest(name="pipelines/x/nodes/a", approval="APPROVAL_APPROVED")
        )
    )

    assert (code, reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


async def test_target_of_another_pipeline_is_refused(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    code, _, fields = await _refusal(
        client.pipelines.RunPipeline(
            pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}", targets=["pipelines/other/nodes/a"])
        )
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "expected 'pipelines/" in fields["targets"]


async def test_export_is_what_an_import_takes(client: Client, name: str) -> None:
    asset = {"id": "text", "type": "asset", "asset": {"type": "text", "content": "hi"}}
    await client.import_(asset, noop("a", "text"), noop("b", "a", nonce="x"), document_id=name)

    exported = (
        await client.pipelines.ExportPipeline(pipeline_service_pb2.ExportPipelineRequest(name=f"pipelines/{name}"))
    ).document
    again = await client.pipelines.ImportPipeline(pipeline_service_pb2.ImportPipelineRequest(document=exported))
    twice = (
        await client.pipelines.ExportPipeline(pipeline_service_pb2.ExportPipelineRequest(name=f"pipelines/{name}"))
    ).document

    assert list(again.unchanged_nodes) == ["text", "a", "b"]
    assert list(again.changed_nodes) == []
    assert twice == exported


async def test_history_tells_of_runs_and_events_in_order(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)
    runs = [
        (await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))).run.name
        for _ in range(3)
    ]

    listed = await client.pipelines.ListRuns(
        pipeline_service_pb2.ListRunsRequest(parent=f"pipelines/{name}", page_size=2)
    )
    rest = await client.pipelines.ListRuns(
        pipeline_service_pb2.ListRunsRequest(parent=f"pipelines/{name}", page_size=2, page_token=listed.next_page_token)
    )
    events = await client.pipelines.ListEvents(
        pipeline_service_pb2.ListEventsRequest(parent=f"pipelines/{name}", page_size=500, after_sequence=1)
    )

    assert [run.name for run in (*listed.runs, *rest.runs)] == list(reversed(runs))
    assert [event.sequence for event in events.events] == list(range(2, len(events.events) + 2))
    assert events.events[-1].type == resources_pb2.EVENT_TYPE_RUN_CREATED
    assert {event.actor for event in events.events} == {"spiffe://montage/client/dev"}


async def test_node_types_tell_an_editor_all_that_a_document_may_hold(client: Client) -> None:
    found = (await client.nodes.ListNodeTypes(node_service_pb2.ListNodeTypesRequest())).node_types

    by_name = {node_type.name: node_type for node_type in found}
    merge = by_name["nodeTypes/merge-videos"]
    assert [(slot.name, slot.min_count, slot.max_count) for slot in merge.slots] == [("segments", 2, 64)]
    transition = next(field for field in merge.config_fields if field.name == "transition")
    assert transition.default_value.string_value == "cut"
    one = await client.nodes.GetNodeType(node_service_pb2.GetNodeTypeRequest(name=merge.name))
    assert one.node_type == merge


async def test_reports_of_one_call_have_answers_of_their_own(client: Client, executor: Client, name: str) -> None:
    await client.import_(noop("a"), noop("b"), document_id=name)
    await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
    listed = await client.nodes.ListExecutions(
        node_service_pb2.ListExecutionsRequest(parent=f"pipelines/{name}/nodes/-")
    )
    one, other = listed.executions
    claim, lost = str(uuid4()), str(uuid4())
    reports = [
        execution_service_pb2.ExecutionReport(start=_start(one.uid, claim)),
        execution_service_pb2.ExecutionReport(start=_start(str(uuid4()), claim)),
        execution_service_pb2.ExecutionReport(
            heartbeat=execution_service_pb2.HeartbeatExecutionRequest(execution_id=one.uid, claim=lost)
        ),
        execution_service_pb2.ExecutionReport(
            complete=execution_service_pb2.CompleteExecutionRequest(
                execution_id=one.uid,
                claim=claim,
                output=resources_pb2.Output(type=resources_pb2.MEDIA_TYPE_JSON, s3_key="../../etc", size_bytes=1),
            )
        ),
        execution_service_pb2.ExecutionReport(start=_start(other.uid, claim)),
    ]

    answers = (
        await executor.executions.ReportExecutions(execution_service_pb2.ReportExecutionsRequest(reports=reports))
    ).answers

    assert [answer.WhichOneof("answer") for answer in answers] == ["start", "error", "heartbeat", "error", "start"]
    assert answers[0].start.outcome == execution_service_pb2.START_OUTCOME_CLAIMED
    assert answers[1].error.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert answers[2].heartbeat.disposition == execution_service_pb2.DISPOSITION_LOST
    assert _reason(answers[3].error.details) == "KEY_OUTSIDE_PREFIX"
    assert answers[4].start.outcome == execution_service_pb2.START_OUTCOME_CLAIMED


async def test_asset_upload_is_bound_to_its_bytes(client: Client) -> None:
    request = pipeline_service_pb2.CreateAssetRequest(
        sha256="0" * 64, size_bytes=5, content_type="text/plain", file_name="Notes.TXT"
    )

    answer = await client.pipelines.CreateAsset(request)

    assert answer.source == f"asset:sha256/{'0' * 64}.txt"
    assert not answer.already_exists
    assert "x-amz-checksum-sha256" in {header.lower() for header in answer.upload_headers}


class TestEdits:
    """One node at a time, as an editor does it."""

    async def test_node_is_added_connected_and_run(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        made = await client.create_node(name, "b", inputs={"after": ["a"]})

        assert made.is_valid
        run = await client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
        assert [row.node.split("/")[3] for row in run.run.nodes] == ["a", "b"]

    async def test_invalid_node_is_saved_with_its_problems_and_does_not_run(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        made = await client.create_node(name, "b", config={"provider": "nobody", "secnds": 1})
        code, reason, _ = await _refusal(
            client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
        )

        assert not made.is_valid
        assert {problem.field for problem in made.problems} == {"config.provider", "config.secnds"}
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")

    async def test_invalid_node_is_refused_when_strict(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, reason, fields = await _refusal(client.create_node(name, "b", config={}, strict=True))

        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DOCUMENT")
        assert "needs the config field 'provider'" in fields["node.config.provider"]
        assert await client.node_ids(name) == ["a"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"type": "nop"}, "node.type"),
            ({"inputs": {"after": ["nobody"]}}, "node.inputs.after"),
            ({"asset": {"type": "text"}}, "node.asset.type"),
        ],
    )
    async def test_node_that_cannot_be_is_refused(
        self, client: Client, name: str, changes: dict[str, Any], field: str
    ) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, fields = await _refusal(client.create_node(name, "b", **changes))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert field in fields, fields
        assert await client.node_ids(name) == ["a"]

    async def test_id_that_is_taken_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, _ = await _refusal(client.create_node(name, "a"))

        assert code is grpc.StatusCode.ALREADY_EXISTS

    async def test_edit_that_closes_a_circle_is_refused_and_changes_nothing(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), noop("b", "a"), document_id=name)
        before = await client.node(name, "a")

        code, _, _ = await _refusal(client.update_node(name, "a", ["inputs"], inputs={"after": ["b"]}))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert await client.node(name, "a") == before

    async def test_two_edits_that_close_a_circle_together_are_not_both_made(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), noop("b"), document_id=name)

        answers = await asyncio.gather(
            client.update_node(name, "a", ["inputs"], inputs={"after": ["b"]}),
            client.update_node(name, "b", ["inputs"], inputs={"after": ["a"]}),
            return_exceptions=True,
        )

        assert sum(isinstance(answer, grpc.aio.AioRpcError) for answer in answers) == 1

    async def test_edit_of_structure_resets_the_node_and_another_title_does_not(
        self, client: Client, executor: Client, name: str
    ) -> None:
        await client.import_(noop("a"), document_id=name)
        await client.execute(name, "a")
        await executor.fail(client, name, "a")

        titled = await client.update_node(name, "a", ["title"], title="Another")
        edited = await client.update_node(name, "a", ["config"], config={"provider": "local", "nonce": "new"})

        assert titled.state == resources_pb2.NODE_STATE_FAILED
        assert titled.title == "Another"
        assert edited.state == resources_pb2.NODE_STATE_PENDING
        assert edited.title == "Another"

    async def test_two_writers_with_the_same_etag_are_one_winner(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        etag = (await client.node(name, "a")).etag

        answers = await asyncio.gather(
            *(client.update_node(name, "a", ["title"], title=f"title {n}", etag=etag) for n in range(5)),
            return_exceptions=True,
        )

        refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
        assert len(refused) == 4
        assert {answer.code() for answer in refused} == {grpc.StatusCode.ABORTED}

    async def test_deleted_node_is_forgotten_by_those_that_took_from_it(self, client: Client, name: str) -> None:
        merge = {
            "id": "film",
            "type": "merge-videos",
            "inputs": {"segments": ["one", "two"]},
            "config": {"provider": "ffmpeg"},
        }
        clips = [
            {"id": clip, "type": "generate-animation", "title": clip, "config": {"provider": "local"}}
            for clip in ("one", "two")
        ]
        await client.import_(*clips, merge, document_id=name)

        await client.nodes.DeleteNode(node_service_pb2.DeleteNodeRequest(name=f"pipelines/{name}/nodes/one"))

        film = await client.node(name, "film")
        assert [list(one.nodes) for one in film.inputs] == [[f"pipelines/{name}/nodes/two"]]
        assert not film.is_valid
        assert film.problems[0].field == "inputs.segments"

    async def test_execute_needs_complete_inputs_and_answers_what_runs(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), noop("b", "a"), document_id=name)

        code, _, _ = await _refusal(client.execute(name, "b"))
        first = await client.execute(name, "a")
        again = await client.execute(name, "a")

        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert first.execution.name == again.execution.name

    async def test_mask_with_what_cannot_change_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, fields = await _refusal(client.update_node(name, "a", ["state"]))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "update_mask" in fields

    async def test_pipeline_is_renamed_and_deleted(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        given = resources_pb2.Pipeline(name=f"pipelines/{name}", title="New")

        renamed = await client.pipelines.UpdatePipeline(
            pipeline_service_pb2.UpdatePipelineRequest(pipeline=given, update_mask={"paths": ["title"]})
        )
        await client.pipelines.DeletePipeline(pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}"))
        code, _, _ = await _refusal(client.node(name, "a"))
        await client.import_(noop("z"), document_id=name)

        assert renamed.pipeline.title == "New"
        assert code is grpc.StatusCode.NOT_FOUND
        assert await client.node_ids(name) == ["z"]

    async def test_pipeline_that_runs_is_deleted_only_by_force(
        self, client: Client, executor: Client, name: str
    ) -> None:
        await client.import_(noop("a"), document_id=name)
        execution = (await client.execute(name, "a")).execution
        delete = pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}")

        code, _, _ = await _refusal(client.pipelines.DeletePipeline(delete))
        delete.force = True
        await client.pipelines.DeletePipeline(delete)
        late, _, _ = await _refusal(executor.executions.StartExecution(_start(execution.uid, str(uuid4()))))

        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert late is grpc.StatusCode.NOT_FOUND


class TestRepeats:
    """A call that the network swallowed is made again under the same request id."""

    async def test_run_again_under_its_id_is_the_same_run(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        request = pipeline_service_pb2.RunPipelineRequest(
            name=f"pipelines/{name}", force=True, request_id=f"{name}-click"
        )

        answers = await asyncio.gather(*(client.pipelines.RunPipeline(request) for _ in range(8)))
        later = await client.pipelines.RunPipeline(request)
        runs = await client.pipelines.ListRuns(pipeline_service_pb2.ListRunsRequest(parent=f"pipelines/{name}"))

        assert {answer.run.name for answer in (*answers, later)} == {runs.runs[0].name}
        assert len(runs.runs) == 1

    async def test_other_request_under_the_same_id_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        request = pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}", request_id=f"{name}-click")
        await client.pipelines.RunPipeline(request)
        request.force = True

        code, reason, _ = await _refusal(client.pipelines.RunPipeline(request))

        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")

    async def test_answer_is_the_first_one_although_the_node_changed_since(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        node = _node(name, {"type": "noop", "title": "first", "config": {"provider": "local"}})
        request = node_service_pb2.CreateNodeRequest(
            parent=f"pipelines/{name}", node_id="b", node=node, request_id=f"{name}-make"
        )
        first = await client.nodes.CreateNode(request)
        await client.update_node(name, "b", ["title"], title="second")

        again = await client.nodes.CreateNode(request)

        assert again == first

    async def test_refused_request_may_be_made_again(self, client: Client, executor: Client, name: str) -> None:
        await client.import_(noop("a"), noop("b", "a"), document_id=name)
        request = node_service_pb2.ExecuteNodeRequest(name=f"pipelines/{name}/nodes/b", request_id=f"{name}-run")
        refused, _, _ = await _refusal(client.nodes.ExecuteNode(request))
        await client.import_(noop("b"), document_id=name)

        answer = await client.nodes.ExecuteNode(request)

        assert refused is grpc.StatusCode.FAILED_PRECONDITION
        assert answer.execution.state == resources_pb2.EXECUTION_STATE_QUEUED

    async def test_deleting_again_is_answered_although_nothing_is_there(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        request = pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}", request_id=f"{name}-away")

        await client.pipelines.DeletePipeline(request)
        await client.pipelines.DeletePipeline(request)

        code, _, _ = await _refusal(client.node(name, "a"))
        assert code is grpc.StatusCode.NOT_FOUND


def _start(execution_id: str, claim: str) -> execution_service_pb2.StartExecutionRequest:
    return execution_service_pb2.StartExecutionRequest(execution_id=execution_id, claim=claim, dispatch_no=1)


def _node(pipeline: str, parts: dict[str, Any]) -> resources_pb2.Node:
    node = resources_pb2.Node(**{key: parts[key] for key in ("name", "type", "title", "etag") if key in parts})
    for slot, sources in parts.get("inputs", {}).items():
        node.inputs.add(slot=slot, nodes=[f"pipelines/{pipeline}/nodes/{source}" for source in sources])
    if "config" in parts:
        node.config.update(parts["config"])
    if "asset" in parts:
        node.asset.content = "x"
    return node


async def _refusal(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Code, reason and field violations of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = refused.value
    status = rpc_status.from_call(error)
    assert status is not None
    fields: dict[str, str] = {}
    for detail in status.details:
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request):
            fields = {violation.field: violation.description for violation in bad_request.field_violations}
    return error.code(), _reason(status.details), fields


def _reason(details: Any) -> str:
    info = error_details_pb2.ErrorInfo()
    for detail in details:
        if detail.Unpack(info):
            assert info.domain == "montage"
            return info.reason
    raise AssertionError("an error without ErrorInfo")


def _channel(stack: Stack, identity: str) -> grpc.aio.Channel:
    files = stack.layout.tls(identity)
    credentials = channel_credentials(TlsFiles(cert=files.cert, key=files.key, ca=files.ca))
    return grpc.aio.secure_channel(stack.addresses.pipeline, credentials)
