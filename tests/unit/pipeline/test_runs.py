"""What a run starts, keeps, and leaves out."""

from datetime import timedelta

from pipeline_service.domain.engine.reports import CloseDue
from pipeline_service.domain.engine.runs import is_current
from pipeline_service.domain.states import Disposition, EventType, NodeState, RunDecision, RunState
from tests.factories import World, a_completion, noop

DIAMOND = (noop("a"), noop("b", "a"), noop("c", "a"), noop("d", "b", "c"))


def test_run_of_a_graph_queues_only_what_is_ready() -> None:
    world = World(*DIAMOND)

    world.run()

    assert world.active_nodes() == {"a"}
    assert [dispatch.dispatch_no for dispatch in world.ws.dispatches] == [1]


def test_run_goes_on_with_all_successors_at_once() -> None:
    world = World(*DIAMOND)
    run = world.run()

    world.complete("a")
    assert world.active_nodes() == {"b", "c"}
    world.complete("b")
    assert world.active_nodes() == {"c"}
    world.complete("c")
    world.complete("d")

    assert world.ws.runs[run.id].state is RunState.SUCCEEDED
    assert world.active_nodes() == set()
    assert {world.decision(run, node).decision for node in "abcd"} == {RunDecision.DONE}


def test_run_of_a_target_leaves_the_rest_alone() -> None:
    world = World(*DIAMOND)

    run = world.run("b")
    world.complete("a")

    assert world.active_nodes() == {"b"}
    world.complete("b")
    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_run_again_keeps_what_is_current() -> None:
    world = World(*DIAMOND)
    world.run()
    for node in "abcd":
        world.complete(node)

    again = world.run()

    assert again.state is RunState.SUCCEEDED
    assert world.active_nodes() == set()
    assert world.decision(again, "d").decision is RunDecision.REUSED


def test_run_with_force_runs_everything_again() -> None:
    world = World(*DIAMOND)
    world.run()
    for node in "abcd":
        world.complete(node)

    again = world.run(force=True)

    assert again.state is RunState.ACTIVE
    assert world.active_nodes() == {"a"}


def test_run_after_an_edit_runs_the_node_and_what_depends_on_it() -> None:
    world = World(*DIAMOND)
    world.run()
    for node in "abcd":
        world.complete(node)

    world.import_(noop("a"), noop("b", "a", nonce="new"), noop("c", "a"), noop("d", "b", "c"))
    run = world.run()

    assert world.active_nodes() == {"b"}
    assert world.node("d").output is not None, "the last good output stays readable"
    world.complete("b")
    assert world.active_nodes() == {"d"}
    world.complete("d")
    assert world.ws.runs[run.id].state is RunState.SUCCEEDED
    assert world.decision(run, "c").decision is RunDecision.REUSED


def test_failure_stops_only_what_depends_on_it() -> None:
    world = World(noop("a"), noop("b"), noop("c", "a"), noop("d", "b"), noop("e", "c", "d"))
    run = world.run()

    world.fail("a", "invalid_input")

    assert world.node("a").state is NodeState.FAILED
    assert world.decision(run, "c").decision is RunDecision.SKIPPED
    assert world.decision(run, "e").reason == "input 'a' failed"
    assert world.ws.runs[run.id].state is RunState.ACTIVE
    world.complete("b")
    world.complete("d")
    assert world.ws.runs[run.id].state is RunState.FAILED


def test_two_runs_that_want_one_node_share_its_execution() -> None:
    world = World(*DIAMOND)
    first, second = world.run("b"), world.run("c")

    assert world.decision(first, "a").execution_id == world.decision(second, "a").execution_id
    world.complete("a")
    assert world.active_nodes() == {"b", "c"}


def test_edit_of_a_running_node_ends_its_execution_and_its_run() -> None:
    world = World(*DIAMOND)
    run = world.run()
    execution, _claim = world.claim("a")

    world.import_(noop("a", nonce="new"), *DIAMOND[1:])

    assert world.ws.executions[execution.id].state == "CANCELLED"
    assert world.node("a").state is NodeState.PENDING
    assert world.ws.runs[run.id].state is RunState.CANCELLED
    assert world.ws.events[-2].type is EventType.NODE_UPDATED or world.ws.events[-1].type is EventType.NODE_UPDATED


def test_run_after_an_edit_further_up_does_not_take_what_was_begun_before_it() -> None:
    world = World(*DIAMOND)
    first = world.run()
    world.complete("a")
    old, claim = world.claim("b")
    world.import_(noop("a", nonce="new"), *DIAMOND[1:])
    second = world.run("b")

    world.complete("a")

    assert world.active("b").id != old.id
    assert world.ws.executions[old.id].state == "CANCELLED"
    assert world.report(a_completion(old, claim)) is Disposition.SUPERSEDED
    assert world.ws.runs[first.id].state is RunState.CANCELLED
    world.complete("b")
    assert world.ws.runs[second.id].state is RunState.SUCCEEDED
    assert world.node("b").done_spec == world.ws.spec(world.node("b")).spec_digest


def test_work_that_nobody_takes_has_a_deadline_too() -> None:
    world = World(noop("a"))
    run = world.run()
    execution = world.active("a")
    assert execution.close_due_at is not None
    world.pass_time(timedelta(hours=4))

    for _ in range(3):
        active = world.active("a")
        assert active.close_due_at is not None
        world.ws.now = active.close_due_at
        world.report(CloseDue(execution_id=active.id, due=active.close_due_at))

    assert world.node("a").state is NodeState.FAILED
    assert world.ws.runs[run.id].state is RunState.FAILED


def test_sequences_are_dense() -> None:
    world = World(*DIAMOND)
    world.run()
    for node in "abcd":
        world.complete(node)

    assert [event.sequence for event in world.ws.events] == list(range(1, len(world.ws.events) + 1))


def test_edit_of_a_node_that_a_run_has_made_ends_the_run_before_it_builds_on_the_old_output() -> None:
    """What is below means something else too, but the run has only the old output to make it of."""
    world = World(noop("a"), noop("b"), noop("c", "a", "b"))
    run = world.run()
    world.complete("a")

    world.import_(noop("a", nonce="new"), noop("b"), noop("c", "a", "b"))
    world.complete("b")

    assert world.ws.runs[run.id].state is RunState.CANCELLED
    assert world.node("c").state is NodeState.PENDING


def test_edit_elsewhere_leaves_a_run_alone() -> None:
    world = World(noop("a"), noop("b", "a"), noop("x"))
    run = world.run("b")

    world.import_(noop("a"), noop("b", "a"), noop("x", nonce="new"))
    world.complete("a")
    world.complete("b")

    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_run_by_force_does_not_take_what_is_made_of_the_inputs_before() -> None:
    """Else a film would join a new voice with a face that speaks the old one."""
    world = World(noop("a"), noop("b", "a"))
    first = world.run()
    world.complete("a")
    old = world.active("b")

    forced = world.run(force=True)
    world.complete("a")

    assert world.ws.executions[old.id].state == "CANCELLED"
    assert world.decision(first, "b").execution_id == world.decision(forced, "b").execution_id
    world.complete("b")
    assert {world.ws.runs[run.id].state for run in (first, forced)} == {RunState.SUCCEEDED}


def test_run_by_force_whose_inputs_came_out_the_same_shares_what_is_made_of_them() -> None:
    world = World(noop("a"), noop("b", "a"))
    world.run()
    world.complete("a", sha256="a" * 64)
    old = world.active("b")

    world.run(force=True)
    world.complete("a", sha256="a" * 64)

    assert world.active("b").id == old.id


def test_failure_leaves_out_nothing_of_a_run_that_kept_the_output_before() -> None:
    world = World(noop("a"), noop("b"), noop("c", "a", "b"))
    world.run("a")
    world.complete("a")
    kept = world.run()
    world.run("a", force=True)

    world.fail("a", "invalid_input")
    world.complete("b")
    world.complete("c")

    assert world.ws.runs[kept.id].state is RunState.SUCCEEDED


def test_failure_of_old_work_leaves_out_nothing_of_a_run_that_makes_it_anew() -> None:
    world = World(noop("a"), noop("b", "a"), noop("c", "b"))
    old = world.run()
    world.complete("a")
    anew = world.run(force=True)

    world.fail("b", "invalid_input")

    assert world.ws.runs[old.id].state is RunState.FAILED
    for node in "abc":
        world.complete(node)
    assert world.ws.runs[anew.id].state is RunState.SUCCEEDED


def test_execution_over_a_stale_input_makes_a_stale_output() -> None:
    world = World(noop("a"), noop("b", "a"), noop("c", "b"))
    world.run()
    for node in "abc":
        world.complete(node)
    world.import_(noop("a", nonce="new"), noop("b", "a"), noop("c", "b", nonce="new"))

    world.execute("c")
    world.complete("c")

    assert not is_current(world.node("c"), world.ws.structures[world.uid])
    world.run()
    assert world.active_nodes() == {"a"}
