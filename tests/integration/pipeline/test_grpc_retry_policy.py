"""A node's own retry policy over gRPC: kept, shown, exported, changed without running anything again."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from montage.v1 import pipeline_service_pb2, resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client, refusal

POLICY = {"maxAttempts": 5, "initialInterval": 0.5, "jitter": 0.25}


async def test_policy_of_a_document_is_shown_and_exported(client: Client, name: str) -> None:
    await client.import_(noop("a") | {"retry": POLICY}, noop("b"), document_id=name)

    shown = (await client.node(name, "a")).retry
    exported = await client.pipelines.ExportPipeline(
        pipeline_service_pb2.ExportPipelineRequest(name=f"pipelines/{name}")
    )

    assert shown == resources_pb2.RetryPolicy(max_attempts=5, initial_interval=Duration(nanos=500_000_000), jitter=0.25)
    nodes = MessageToDict(exported.document)["nodes"]
    assert [node.get("retry") for node in nodes] == [POLICY, None]
    assert not (await client.node(name, "b")).HasField("retry")


async def test_policy_is_changed_by_its_mask_alone(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    changed = await client.update_node(name, "a", ["retry"], retry=resources_pb2.RetryPolicy(max_attempts=7))
    cleared = await client.update_node(name, "a", ["retry"])

    assert (changed.retry.max_attempts, changed.title) == (7, "")
    assert not cleared.HasField("retry")


async def test_policy_that_cannot_be_is_refused_with_its_place(client: Client, name: str) -> None:
    await client.import_(noop("a"), document_id=name)

    _, reason, fields = await refusal(
        client.update_node(name, "a", ["retry"], retry=resources_pb2.RetryPolicy(max_attempts=0))
    )

    assert reason == "INVALID_DOCUMENT"
    assert list(fields) == ["node.retry.maxAttempts"]
