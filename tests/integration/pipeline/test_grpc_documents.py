"""Documents, history, types and assets over gRPC."""

from montage.v1 import node_service_pb2, pipeline_service_pb2, resources_pb2

from tests.factories import noop
from tests.integration.pipeline.grpc_client import Client


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


async def test_asset_upload_is_bound_to_its_bytes(client: Client) -> None:
    request = pipeline_service_pb2.CreateAssetRequest(
        sha256="0" * 64, size_bytes=5, content_type="text/plain", file_name="Notes.TXT"
    )

    answer = await client.pipelines.CreateAsset(request)

    assert answer.source == f"asset:sha256/{'0' * 64}.txt"
    assert not answer.already_exists
    assert "x-amz-checksum-sha256" in {header.lower() for header in answer.upload_headers}
