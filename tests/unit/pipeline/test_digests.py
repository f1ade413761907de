"""What makes a node another node."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline_service.domain.digest import canonical
from pipeline_service.domain.states import NodeState
from tests.factories import World, noop

VOICE = {"id": "voice", "type": "generate-voiceover", "title": "Hello", "config": {"provider": "local"}}
HEAD = {
    "id": "head",
    "type": "generate-talking-head",
    "inputs": {"audio": ["voice"]},
    "config": {"provider": "local", "avatarId": "rowan"},
}


def digests(*nodes: dict[str, Any]) -> dict[str, str]:
    return digests_of(World(*nodes))


def digests_of(world: World) -> dict[str, str]:
    return {spec.id: spec.spec_digest for spec in world.ws.structures[world.uid].nodes.values()}


def test_spec_digest_with_another_title_that_is_no_prompt_stays() -> None:
    assert digests(VOICE, HEAD | {"title": "one"}) == digests(VOICE, HEAD | {"title": "two"})


def test_spec_digest_with_another_title_that_is_the_prompt_changes_with_all_below() -> None:
    before, after = digests(VOICE, HEAD), digests(VOICE | {"title": "Goodbye"}, HEAD)

    assert before["voice"] != after["voice"]
    assert before["head"] != after["head"]


def test_spec_digest_with_a_default_written_out_stays() -> None:
    written = HEAD | {"config": {"provider": "local", "avatarId": "rowan", "width": 1280}}

    assert digests(VOICE, HEAD) == digests(VOICE, written)


def test_spec_digest_with_keys_in_another_order_stays() -> None:
    turned = HEAD | {"config": {"avatarId": "rowan", "provider": "local"}}

    assert digests(VOICE, HEAD) == digests(VOICE, turned)


def test_field_that_does_not_affect_the_output_makes_nothing_stale() -> None:
    world = World(noop("a"), noop("b", "a"))
    world.run("b")
    world.complete("a")
    world.complete("b")
    before = digests_of(world)

    world.import_(noop("a", note="mine"), noop("b", "a"))

    assert digests_of(world) == before
    assert {world.node(node).state for node in ("a", "b")} == {NodeState.COMPLETED}
    assert world.ws.structures[world.uid].nodes[world.node_uid("a")].config["note"] == "mine"


def test_spec_digest_with_other_ids_and_the_same_work_stays() -> None:
    assert digests(noop("a", nonce="x"))["a"] == digests(noop("b", nonce="x"))["b"]


def test_spec_digest_with_inputs_in_another_order_changes() -> None:
    one, two = noop("a", nonce="1"), noop("b", nonce="2")

    assert digests(one, two, noop("c", "a", "b"))["c"] != digests(one, two, noop("c", "b", "a"))["c"]


INTEGERS = st.integers(-(10**300), 10**300)
PLAIN = st.none() | st.booleans() | INTEGERS | st.text() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(st.dictionaries(st.text(), VALUES))
@example({"\U0001f600": 1, "\ufb33": 2})
@example({"a": 2**53, "b": 1e21, "c": -0.0, "d": '\x7f\u2028\x1f"\\/'})
def test_canonical_text_is_that_of_rfc_8785_whoever_writes_it(value: dict[str, Any]) -> None:
    in_doubles = json.loads(json.dumps(value), parse_int=float)

    assert canonical(value) == rfc8785.dumps(in_doubles)


@pytest.mark.parametrize("number", [2.0**53, -(2.0**53), 1e16, 1.5e300])
def test_number_that_comes_back_as_an_integer_has_the_digest_that_it_had(number: float) -> None:
    assert canonical({"seed": [number]}) == canonical({"seed": [int(number)]})
