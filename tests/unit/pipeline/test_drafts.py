"""Drafts: the shadow of a pipeline that costs nothing and shares no digest with anything a user wrote."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from pipeline_service.domain.document import read_document
from pipeline_service.domain.drafts import draft_document, draft_id, is_draft
from pipeline_service.domain.engine.drafting import lay_out_draft
from pipeline_service.domain.engine.runs import start_run
from pipeline_service.domain.ids import NodeId, PipelineId, PipelineUid
from pipeline_service.domain.model import Structure
from pipeline_service.domain.node_types import NodeType, build_catalogue
from pipeline_service.domain.states import MediaType, NodeState
from pipeline_service.domain.structure import ImportPlan
from pipeline_service.domain.values import Output
from tests.factories import ACTOR, World, a_document, noop

CATALOGUE = build_catalogue(with_test_types=True)
SCRIPT = {"id": "script", "type": "asset", "asset": {"type": "text", "content": "Hello"}}
VOICE = {
    "id": "voice",
    "type": "generate-voiceover",
    "inputs": {"script": "script"},
    "config": {"provider": "elevenlabs", "voiceId": "21m00Tcm4TlvDq8ikWAM", "stability": 0.5},
}


def a_head(node_id: str, **config: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "type": "generate-talking-head",
        "inputs": {"audio": "voice"},
        "config": {"provider": "heygen", "avatarId": "Anna", **config},
    }


def drafted(world: World) -> dict[str, dict[str, Any]]:
    """Config of each node of the draft."""
    document = draft_document(world.ws.structures[world.uid], CATALOGUE, title="A film", version="")
    return {node.id: dict(node.config) for node in document.nodes}


def lay_out(world: World, shadow: PipelineUid) -> ImportPlan | None:
    return lay_out_draft(world.ws, world.uid, shadow, title="A film", catalogue=CATALOGUE, new_uid=uuid4, actor=ACTOR)


def digests(structure: Structure) -> dict[str, str]:
    return {spec.id: spec.spec_digest for spec in structure.nodes.values()}


def test_id_of_a_shadow_is_one_that_no_user_can_give() -> None:
    name = draft_id(PipelineId("film"))

    _, violations = read_document(a_document(noop("a"), document_id=name), CATALOGUE)

    assert (name, is_draft(name), is_draft(PipelineId("film-draft"))) == ("film~draft", True, False)
    assert [violation.field for violation in violations] == ["id"]


def test_paid_vendors_are_swapped_and_what_the_free_one_calls_otherwise_is_left_out() -> None:
    configs = drafted(World(SCRIPT, VOICE, a_head("head", width=1920, height=1080)))

    assert configs["voice"] == {"provider": "local", "stability": 0.5, "draft": True}
    assert configs["head"]["provider"] == "local"
    assert configs["head"]["width"] == 1920
    assert configs["script"] == {"draft": True}


def test_avatar_of_a_paid_vendor_becomes_the_same_free_one_each_time_and_another_one_another() -> None:
    world = World(SCRIPT, VOICE, a_head("one"), a_head("two"), a_head("three", avatarId="Bob"))

    avatars = {node: config["avatarId"] for node, config in drafted(world).items() if "avatarId" in config}

    assert avatars["one"] == avatars["two"] != avatars["three"]
    assert set(avatars.values()) <= set(
        CATALOGUE["generate-talking-head"].fields["avatarId"].allowed_by_provider["local"]
    )


def test_names_that_the_free_vendor_knows_stay() -> None:
    voice = VOICE | {"config": {"provider": "local", "voiceId": "british"}}

    configs = drafted(World(SCRIPT, voice, a_head("head", avatarId="maple")))

    assert (configs["voice"]["voiceId"], configs["head"]["avatarId"]) == ("british", "maple")


@pytest.mark.parametrize("node_type", [one for one in CATALOGUE.values() if one.paid], ids=lambda one: one.name)
def test_everything_that_is_paid_has_a_free_twin(node_type: NodeType) -> None:
    assert "local" in node_type.queues
    assert "local" not in node_type.paid


def test_no_digest_of_a_draft_is_one_of_the_pipeline() -> None:
    world = World(SCRIPT, noop("a"), noop("b", "a"))
    shadow = PipelineUid(uuid4())

    lay_out(world, shadow)

    of_film, of_draft = digests(world.ws.structures[world.uid]), digests(world.ws.structures[shadow])
    assert of_film.keys() == of_draft.keys()
    assert not set(of_film.values()) & set(of_draft.values())


def test_work_of_a_draft_carries_the_mark_and_is_never_taken_over_by_the_pipeline() -> None:
    world = World(noop("a"), noop("b", "a"))
    shadow = PipelineUid(uuid4())
    lay_out(world, shadow)
    start_run(world.ws, shadow, targets=(), force=False, rules=world.rules, actor=ACTOR)
    world.settle()
    (draft,) = (one for one in world.ws.executions.values() if one.pipeline_uid == shadow)

    world.run()

    assert draft.work.config["draft"] is True
    assert "draft" not in world.active("a").work.config
    assert world.active("a").work_digest != draft.work_digest


def test_draft_has_no_problems_of_its_own_and_keeps_those_of_its_pipeline() -> None:
    world = World(noop("a"))
    world.import_partly(noop("a", seconds="soon"))
    shadow = PipelineUid(uuid4())

    lay_out(world, shadow)

    (spec,) = world.ws.structures[shadow].nodes.values()
    assert [problem.field for problem in spec.problems] == ["config.seconds"]


def test_uploaded_asset_is_complete_in_the_draft_at_once() -> None:
    source = f"asset:sha256/{'5' * 64}.txt"
    world = World({"id": "script", "type": "asset", "asset": {"type": "text", "source": source}}, noop("a", "script"))
    output = Output(type=MediaType.TEXT, s3_key="assets/default/sha256/5.txt", size_bytes=5, sha256="5" * 64)
    world.ws.put(replace(world.node("script"), state=NodeState.COMPLETED, output=output))
    shadow = PipelineUid(uuid4())

    lay_out(world, shadow)

    found = {world.ws.spec(node).id: node for node in world.ws.nodes.values() if node.pipeline_uid == shadow}
    assert {name: node.state for name, node in found.items()} == {"script": NodeState.COMPLETED, "a": NodeState.PENDING}
    assert found[NodeId("script")].output == output


def test_second_draft_of_the_same_pipeline_changes_nothing() -> None:
    world = World(SCRIPT, noop("a"))
    shadow = PipelineUid(uuid4())
    lay_out(world, shadow)
    events = len(world.ws.events)

    assert lay_out(world, shadow) is None
    assert len(world.ws.events) == events


def test_draft_after_an_edit_resets_only_what_was_changed() -> None:
    world = World(noop("a"), noop("b"))
    shadow = PipelineUid(uuid4())
    first = lay_out(world, shadow)
    assert first is not None
    uids = {spec.id: uid for uid, spec in first.structure.nodes.items()}
    world.import_(noop("a"), noop("b", seconds=1), noop("c"))

    plan = lay_out(world, shadow)

    assert plan is not None
    assert (plan.changed, plan.unchanged) == ((uids[NodeId("b")],), (uids[NodeId("a")],))
    assert [plan.structure.nodes[uid].id for uid in plan.added] == ["c"]
