"""A plan says before what a run does after, and changes nothing."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_service.domain.engine.planning import Plan, PlanAction, expected_duration, plan_of, rehearsal
from pipeline_service.domain.engine.runs import start_run
from pipeline_service.domain.engine.scheduling import go_on
from pipeline_service.domain.ids import ExecutionId
from pipeline_service.domain.states import RunDecision
from tests.factories import ACTOR, World, noop

CHAIN = (noop("a"), noop("b", "a"), noop("c", "b"))
SECONDS = {("noop", "local"): timedelta(seconds=2)}
LETTERS = "abcde"
Nodes = list[dict[str, Any]]


def plan(world: World, *targets: str, force: bool = False) -> Plan:
    """As the command plans."""
    rehearsed = rehearsal(world.ws)
    uids = tuple(world.node_uid(target) for target in targets)
    run = start_run(rehearsed, world.uid, targets=uids, force=force, rules=world.rules, actor=ACTOR)
    while rehearsed.questions:
        questions = rehearsed.take_questions(1000)
        go_on(rehearsed, [(one, world.finding(one)) for one in questions], rules=world.rules)
    return plan_of(world.ws, rehearsed, run)


def actions(planned: Plan) -> dict[str, str]:
    return {node.spec.id: node.action.value for node in planned.nodes}


def finish(world: World, *, contents: str = "same") -> None:
    """Complete whatever is or becomes active: with the `same` bytes for the same node, or always with `other` ones."""
    number = 500
    while active := sorted(world.active_nodes()):
        for node in active:
            number += 1
            world.pass_time(timedelta(seconds=1))
            world.complete(node, sha256=f"{ord(node) if contents == 'same' else number:064x}")


def made(*nodes: dict[str, Any]) -> World:
    world = World(*nodes)
    world.run()
    finish(world)
    return world


def test_plan_of_a_new_pipeline_runs_what_is_ready_and_maybe_the_rest() -> None:
    planned = plan(World(*CHAIN))

    assert actions(planned) == {"a": "RUN", "b": "MAYBE", "c": "MAYBE"}
    assert [node.reason for node in planned.nodes] == [
        "has no result",
        "runs on what comes out of 'a', unless that work was done before",
        "runs on what comes out of 'b', unless that work was done before",
    ]


def test_plan_of_what_is_current_keeps_it() -> None:
    assert actions(plan(made(*CHAIN))) == {"c": "KEEP"}


def test_plan_after_an_edit_that_was_taken_back_takes_over_level_by_level() -> None:
    world = made(*CHAIN)
    world.import_(noop("a", nonce="x"), noop("b", "a", nonce="x"), noop("c", "b", nonce="x"))
    world.run()
    finish(world)
    world.import_(*CHAIN)

    planned = plan(world)

    assert actions(planned) == {"a": "REUSE", "b": "REUSE", "c": "REUSE"}
    assert planned.nodes[0].reason == "a result of the same work is there"


def test_plan_by_force_runs_everything() -> None:
    assert actions(plan(made(*CHAIN), force=True)) == {"a": "RUN", "b": "RUN", "c": "RUN"}


def test_plan_of_work_that_runs_already_says_so() -> None:
    world = World(*CHAIN)
    world.run()

    planned = plan(world)

    assert (planned.nodes[0].action, planned.nodes[0].reason) == (PlanAction.RUN, "is running already")


def test_plan_of_work_that_another_pipeline_does_reuses_it() -> None:
    world = World(*CHAIN)
    world.elsewhere = ExecutionId(world.rules.new_id())

    assert actions(plan(world)) == {"a": "REUSE", "b": "MAYBE", "c": "MAYBE"}


def test_plan_of_an_invalid_node_blocks_it_and_what_needs_it() -> None:
    world = World(noop("a"))
    world.import_partly(noop("a"), noop("b", "a", seconds="soon"), noop("c", "b"))

    planned = plan(world)

    assert actions(planned) == {"a": "RUN", "b": "BLOCKED", "c": "BLOCKED"}
    assert "config.seconds" in planned.nodes[1].reason
    assert planned.nodes[2].reason == "input 'b' cannot run"


def test_planning_changes_nothing() -> None:
    world = made(*CHAIN)
    world.import_(noop("a", nonce="x"), *CHAIN[1:])
    ws = world.ws
    before = dict(ws.run_nodes), dict(ws.nodes), dict(ws.executions), list(ws.events), dict(ws.sequences)

    plan(world)

    assert before == (ws.run_nodes, ws.nodes, ws.executions, ws.events, ws.sequences)


def test_digest_is_another_when_a_node_means_something_else() -> None:
    world = World(*CHAIN)
    before, again = plan(world), plan(world)
    world.import_(noop("a", nonce="x"), *CHAIN[1:])

    assert again.digest == before.digest
    assert actions(plan(world)) == actions(before)
    assert plan(world).digest != before.digest
    assert plan(world, force=True).digest != plan(world).digest


def test_expected_duration_follows_the_longest_path() -> None:
    world = World(noop("a"), noop("b", "a"), noop("c"), noop("d", "b", "c"))

    assert expected_duration(plan(world), SECONDS) == timedelta(seconds=6)
    assert expected_duration(plan(world), {}) is None
    assert expected_duration(plan(made(*CHAIN)), {}) == timedelta(0)


@st.composite
def documents(draw: st.DrawFn) -> Nodes:
    """Edges go from earlier letters to later ones; few nonces, so that work is often the same."""
    return [
        noop(letter, *(above for above in LETTERS[:index] if draw(st.booleans())), nonce=draw(st.sampled_from("xyz")))
        for index, letter in enumerate(LETTERS[: draw(st.integers(1, len(LETTERS)))])
    ]


@settings(max_examples=150, deadline=None)
@given(documents(), documents(), st.booleans(), st.booleans(), st.sampled_from(("same", "other")), st.data())
def test_run_does_what_the_plan_says(
    first: Nodes,
    second: Nodes,
    is_finished: bool,
    force: bool,
    contents: str,
    data: st.DataObject,
) -> None:
    world = made(*first) if is_finished else World(*first)
    world.run()
    world.import_(*second)
    targets = data.draw(st.lists(st.sampled_from([node["id"] for node in second]), unique=True))

    planned = plan(world, *targets, force=force)
    run = world.run(*targets, force=force)
    finish(world, contents=contents)

    for node in planned.nodes:
        row = world.decision(run, node.spec.id)
        was_executed = row.decision is RunDecision.DONE
        match node.action:
            case PlanAction.KEEP:
                assert (row.decision, row.reused_from) == (RunDecision.REUSED, None)
            case PlanAction.REUSE:
                assert row.reused_from
            case PlanAction.RUN:
                # By force, too, a node takes what another one of the run has just made of the same work.
                assert was_executed or (force and row.reused_from)
            case _:
                assert was_executed or row.reused_from
    assert {row.node_uid for row in world.ws.rows_of(run)} == {node.spec.uid for node in planned.nodes}
