"""Requests that are repeated under their id."""

import asyncio

import grpc
from montage.v1 import node_service_pb2, pipeline_service_pb2, resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, node_message, refusal


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

        code, reason, _ = await refusal(client.pipelines.RunPipeline(request))

        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")

    async def test_answer_is_the_first_one_although_the_node_changed_since(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        node = node_message(name, {"type": "noop", "title": "first", "config": {"provider": "local"}})
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
        refused, _, _ = await refusal(client.nodes.ExecuteNode(request))
        await client.import_(noop("b"), document_id=name)

        answer = await client.nodes.ExecuteNode(request)

        assert refused is grpc.StatusCode.FAILED_PRECONDITION
        assert answer.execution.state == resources_pb2.EXECUTION_STATE_QUEUED

    async def test_deleting_again_is_answered_although_nothing_is_there(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        request = pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}", request_id=f"{name}-away")

        await client.pipelines.DeletePipeline(request)
        await client.pipelines.DeletePipeline(request)

        code, _, _ = await refusal(client.node(name, "a"))
        assert code is grpc.StatusCode.NOT_FOUND
