"""Functions of a user's own: what a document may say of them, how long they have, where they report, what they make."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from pipeline_service.capabilities import CALLBACK_PATH, Capabilities
from pipeline_service.domain.document import read_document
from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types import build_catalogue
from pipeline_service.domain.node_types.invoke_lambda import KINDS
from pipeline_service.domain.states import Disposition, ExecutionState, MediaType, NodeState
from servicekit.tokens import IssuerKey, IssuerKeys, KeyId, TokenIssuer
from tests.factories import World, a_completion, a_document, noop

CATALOGUE = build_catalogue(with_test_types=True)
TEXT = {"id": "text", "type": "asset", "asset": {"type": "text", "content": "Hello"}}


def a_function(node_id: str = "f", **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "invoke-lambda", "config": {"functionName": "count-words", **config}}


def problems(*nodes: dict[str, Any]) -> dict[str, str]:
    _, violations = read_document(a_document(*nodes), CATALOGUE)
    return {violation.field: violation.description for violation in violations}


def callback_of(world: World) -> str:
    key = IssuerKey(id=KeyId("k1"), ed25519_private=bytes(range(32)), hmac=bytes(range(32)))
    capabilities = Capabilities(TokenIssuer(IssuerKeys(active=key.id, keys=(key,))), gateway_url="https://gateway/")
    execution, claim = world.claim("f")
    return urlsplit(capabilities.callback_url(execution, claim)).path.replace(str(execution.id), "ID")


def test_function_takes_any_material_and_any_payload() -> None:
    node = a_function(payload={"deep": [{"er": None}, 1.5, True]}) | {"inputs": {"any": ["text", "text"]}}

    assert problems(TEXT, node) == {}


@pytest.mark.parametrize(
    "name",
    ["arn:aws:lambda:eu-west-1:123456789012:function:x", "123456789012:function:x", "a b", "", "-a", "x" * 64, "a\n"],
)
def test_function_is_named_by_a_word_of_the_operator_and_never_by_its_arn(name: str) -> None:
    found = problems(a_function(functionName=name))

    assert list(found) == ["nodes[0].config.functionName"]
    assert found["nodes[0].config.functionName"].startswith("expected the name that the operator gave the function")


@pytest.mark.parametrize("payload", ["{}", [1], None, {"a": ["b\x00"]}, {"a\x00": 1}])
def test_payload_that_is_no_object_or_cannot_be_kept_is_refused(payload: Any) -> None:
    assert problems(a_function(payload=payload)).keys() == {"nodes[0].config.payload"}


def test_what_a_function_makes_is_held_against_the_slot_that_takes_it() -> None:
    head = {
        "id": "head",
        "type": "generate-talking-head",
        "inputs": {"audio": "f"},
        "config": {"provider": "local", "avatarId": "rowan"},
    }

    assert problems(a_function(outputType="audio"), head) == {}
    assert problems(a_function(), head) == {"nodes[1].inputs.audio": "takes audio, but node 'f' makes json"}


def test_function_has_the_time_that_its_node_says() -> None:
    world = World(a_function(timeoutSeconds=90))
    world.run()

    execution, _ = world.claim("f")

    assert execution.close_due_at == world.ws.now + timedelta(seconds=90)


def test_another_time_limit_makes_nothing_stale() -> None:
    world = World(a_function())
    before = world.ws.structures[world.uid].nodes[world.node_uid("f")].spec_digest

    world.import_(a_function(timeoutSeconds=90))

    assert world.ws.structures[world.uid].nodes[world.node_uid("f")].spec_digest == before


def test_each_kind_reports_to_the_route_of_its_family() -> None:
    found = {}
    for kind in KINDS:
        world = World(a_function(kind=kind))
        world.run()
        found[kind] = callback_of(world)

    assert found == {
        "tooling-job": "/spi/tooling_jobs/ID",
        "test-run": "/spi/test_runs/ID",
        "chatgpt-response": "/spi/chatgpt_responses",
        "ai-analysis": "/spi/ai_analysis",
    }


def test_function_without_a_kind_reports_where_media_functions_do() -> None:
    world = World(a_function())
    world.run()

    assert callback_of(world) == CALLBACK_PATH


def test_result_of_another_type_than_promised_fails_the_node_for_good_and_is_not_kept() -> None:
    world = World(a_function(outputType="video"))
    world.run()
    execution, claim = world.claim("f")

    answer = world.report(a_completion(execution, claim, is_external=True))

    node = world.node("f")
    assert answer is Disposition.APPLIED
    assert (node.state, node.failure and node.failure.error_type) == (NodeState.FAILED, "media_mismatch")
    assert world.ws.artifacts == []


def test_late_result_of_another_type_is_not_kept_for_others() -> None:
    world = World(a_function(outputType="video"))
    world.run()
    execution, claim = world.claim("f")
    world.ws.put(replace(execution, state=ExecutionState.TIMED_OUT, close_due_at=None))
    right = a_completion(execution, claim, is_external=True)

    assert world.report(right) is Disposition.SUPERSEDED
    assert world.ws.artifacts == []
    film = replace(right, output=replace(right.output, type=MediaType.VIDEO))
    assert world.report(film) is Disposition.SUPERSEDED
    assert [one.execution_id for one in world.ws.artifacts] == [execution.id]


def test_result_of_the_promised_type_completes_the_node() -> None:
    world = World(a_function())
    world.run()

    assert world.complete("f", sha256=uuid4().hex * 2) is Disposition.APPLIED
    assert world.node("f").state is NodeState.COMPLETED


def test_address_for_progress_is_a_functions_alone_ours_included_and_ends_nothing() -> None:
    key = IssuerKey(id=KeyId("k1"), ed25519_private=bytes(range(32)), hmac=bytes(range(32)))
    capabilities = Capabilities(TokenIssuer(IssuerKeys(active=key.id, keys=(key,))), gateway_url="https://gateway/")
    world = World(a_function(), noop("a"))
    world.run()

    url = urlsplit(capabilities.progress_url(*world.claim("f")))

    assert (url.netloc, url.path) == ("gateway", "/spi/progress")
    assert capabilities.verify(parse_qs(url.query)["cap"][0]).audience == "progress"
    execution, claim = world.claim("a")
    assert capabilities.progress_url(execution, claim) == ""
    assert capabilities.progress_url(replace(execution, task_queue=TaskQueue("ffmpeg")), claim) != ""
