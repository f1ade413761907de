"""Edits of nodes and pipelines over gRPC."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from montage.v1 import execution_service_pb2, node_service_pb2, pipeline_service_pb2, resources_pb2

from tests.factories import a_document, noop
from tests.integration.pipeline.grpc_client import Client, refusal, start_request


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
        code, reason, _ = await refusal(
            client.pipelines.RunPipeline(pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}"))
        )

        assert not made.is_valid
        assert {problem.field for problem in made.problems} == {"config.provider", "config.secnds"}
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")

    async def test_invalid_node_is_refused_when_strict(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, reason, fields = await refusal(client.create_node(name, "b", config={}, strict=True))

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

        code, _, fields = await refusal(client.create_node(name, "b", **changes))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert field in fields, fields
        assert await client.node_ids(name) == ["a"]

    async def test_id_that_is_taken_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, _ = await refusal(client.create_node(name, "a"))

        assert code is grpc.StatusCode.ALREADY_EXISTS

    async def test_edit_that_closes_a_circle_is_refused_and_changes_nothing(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), noop("b", "a"), document_id=name)
        before = await client.node(name, "a")

        code, _, _ = await refusal(client.update_node(name, "a", ["inputs"], inputs={"after": ["b"]}))

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

        code, _, _ = await refusal(client.execute(name, "b"))
        first = await client.execute(name, "a")
        again = await client.execute(name, "a")

        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert first.execution.name == again.execution.name

    async def test_mask_of_nothing_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, fields = await refusal(client.update_node(name, "a", [], title="New"))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert fields["update_mask"].startswith("expected at least one of title, ")

    async def test_edit_that_changes_nothing_is_none(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        before = await client.pipeline(name)
        given = resources_pb2.Pipeline(name=f"pipelines/{name}", title=before.title)
        rename = pipeline_service_pb2.UpdatePipelineRequest(pipeline=given, update_mask={"paths": ["title"]})

        held = MessageToDict((await client.node(name, "a")).config)
        await client.update_node(name, "a", ["title", "config"], config=held)
        renamed = (await client.pipelines.UpdatePipeline(rename)).pipeline
        after_edits = await client.pipeline(name)
        imported = (await client.import_(noop("a"), document_id=name)).pipeline

        assert renamed == after_edits == before
        assert (imported.etag, imported.update_time) == (before.etag, before.update_time)

    async def test_import_of_another_title_alone_makes_older_etags_stale(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        before = await client.pipeline(name)
        document = a_document(noop("a"), document_id=name) | {"title": "Another"}
        request = pipeline_service_pb2.ImportPipelineRequest()
        request.document.update(document)

        after = (await client.pipelines.ImportPipeline(request)).pipeline

        assert after.title == "Another"
        assert after.etag != before.etag

    @pytest.mark.parametrize("slot", ["", "a b", "after\n", "x" * 65])
    async def test_slot_without_a_proper_name_is_refused(self, client: Client, name: str, slot: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, fields = await refusal(client.create_node(name, "b", inputs={slot: ["a"]}))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert fields["node.inputs[0].slot"].startswith("expected the name of a slot: 1 to 64 of")

    async def test_config_as_deep_as_may_be_is_exported_and_deeper_ones_are_refused(
        self, client: Client, name: str
    ) -> None:
        await client.import_(noop("a"), document_id=name)
        deepest: dict[str, Any] = {}
        for _ in range(26):
            deepest = {"x": deepest}

        await client.create_node(name, "b", type="invoke-lambda", config={"payload": deepest})
        exported = await client.pipelines.ExportPipeline(
            pipeline_service_pb2.ExportPipelineRequest(name=f"pipelines/{name}")
        )
        code, _, fields = await refusal(
            client.create_node(name, "c", type="invoke-lambda", config={"payload": {"x": deepest}})
        )

        assert MessageToDict(exported.document)["nodes"][1]["config"] == {"payload": deepest}
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "nested deeper than 30 levels" in next(iter(fields.values()))

    async def test_mask_with_what_cannot_change_is_refused(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)

        code, _, fields = await refusal(client.update_node(name, "a", ["state"]))

        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "update_mask" in fields

    async def test_word_that_is_nearly_right_gets_a_hint(self, client: Client, name: str) -> None:
        await client.import_(noop("voice"), document_id=name)
        run = pipeline_service_pb2.RunPipelineRequest(
            name=f"pipelines/{name}", targets=[f"pipelines/{name}/nodes/voce"]
        )

        _, _, mask = await refusal(client.update_node(name, "voice", ["titel"]))
        _, _, source = await refusal(client.create_node(name, "b", inputs={"after": ["voise"]}))
        _, _, target = await refusal(client.pipelines.RunPipeline(run))

        assert mask["update_mask"].endswith("found 'titel'; did you mean 'title'?")
        assert source["node.inputs.after"] == "no node 'voise'; did you mean 'voice'?"
        assert target["targets"].endswith("has no node 'voce'; did you mean 'voice'?")

    async def test_pipeline_is_renamed_and_deleted(self, client: Client, name: str) -> None:
        await client.import_(noop("a"), document_id=name)
        given = resources_pb2.Pipeline(name=f"pipelines/{name}", title="New")

        renamed = await client.pipelines.UpdatePipeline(
            pipeline_service_pb2.UpdatePipelineRequest(pipeline=given, update_mask={"paths": ["title"]})
        )
        await client.pipelines.DeletePipeline(pipeline_service_pb2.DeletePipelineRequest(name=f"pipelines/{name}"))
        code, _, _ = await refusal(client.node(name, "a"))
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

        code, _, _ = await refusal(client.pipelines.DeletePipeline(delete))
        delete.force = True
        await client.pipelines.DeletePipeline(delete)
        late = await executor.executions.StartExecution(start_request(execution.uid, str(uuid4())))

        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert late.outcome == execution_service_pb2.START_OUTCOME_STALE
