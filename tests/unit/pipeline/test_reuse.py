"""What is taken over instead of being made again, and who waits for whom."""

from pipeline_service.domain.engine.reports import Wake
from pipeline_service.domain.ids import ExecutionId
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition, EventType, ExecutionState, NodeState, RunDecision, RunState
from tests.factories import World, a_completion, noop

CHAIN = (noop("a"), noop("b", "a"), noop("c", "b"))
SAME = "5a" * 32
OTHER = "07" * 32


def made(*nodes: dict[str, object]) -> World:
    """Every node was completed by a run."""
    world = World(*nodes)
    world.run()
    while active := sorted(world.active_nodes()):
        for node in active:
            world.complete(node, sha256=SAME if node == "a" else "")
    return world


def test_edit_that_is_taken_back_takes_over_the_earlier_result() -> None:
    world = made(*CHAIN)
    maker = world.node("b").latest_execution_id
    before = world.node("b").output
    world.import_(noop("a"), noop("b", "a", nonce="x"), noop("c", "b"))
    world.import_(*CHAIN)

    run = world.run("b")

    assert world.ws.runs[run.id].state is RunState.SUCCEEDED
    assert world.active_nodes() == set()
    assert world.node("b").state is NodeState.COMPLETED
    assert world.node("b").output == before
    assert world.decision(run, "b").decision is RunDecision.REUSED
    assert world.decision(run, "b").reused_from == maker
    assert world.decision(run, "a").reused_from is None, "it was kept"


def test_result_that_is_taken_over_is_told_by_an_event_of_its_own() -> None:
    world = made(*CHAIN)
    maker = world.node("a").latest_execution_id
    world.import_(noop("a", nonce="x"))
    world.import_(noop("a"))
    world.ws.events.clear()

    run = world.run()

    reused = [event for event in world.ws.events if event.type is EventType.NODE_REUSED]
    assert [(event.node_id, event.old_state, event.new_state, event.run_id) for event in reused] == [
        ("a", "PENDING", "COMPLETED", run.id)
    ]
    assert str(maker) in reused[0].message


def test_input_that_comes_out_the_same_cuts_off_what_is_below_it() -> None:
    world = made(*CHAIN)
    below = world.node("b"), world.node("c")
    world.import_(noop("a", nonce="x"), *CHAIN[1:])
    run = world.run()

    world.complete("a", sha256=SAME)

    assert world.ws.runs[run.id].state is RunState.SUCCEEDED
    assert (world.node("b").output, world.node("c").output) == (below[0].output, below[1].output)
    assert world.node("b").attempts == 1
    assert world.node("c").done_spec == world.ws.spec(world.node("c")).spec_digest


def test_input_that_comes_out_otherwise_makes_what_is_below_it_anew() -> None:
    world = made(*CHAIN)
    world.import_(noop("a", nonce="x"), *CHAIN[1:])
    world.run()

    world.complete("a", sha256=OTHER)

    assert world.active_nodes() == {"b"}


def test_run_by_force_takes_over_nothing_that_was_made_before_it() -> None:
    world = made(*CHAIN)

    world.run(force=True)
    world.complete("a", sha256=SAME)

    assert world.active_nodes() == {"b"}


def test_of_two_nodes_with_the_same_work_one_is_made_and_the_other_takes_it() -> None:
    world = World(noop("a", nonce="x"), noop("b", nonce="x"), noop("c", "a", "b"))
    run = world.run()
    made_one = world.active_nodes()
    other = ({"a", "b"} - made_one).pop()
    assert world.decision(run, other).decision is RunDecision.WAITING
    assert world.decision(run, other).waiting_digest == world.active(*made_one).work_digest

    world.complete(*made_one)

    assert len(made_one) == 1
    assert world.decision(run, other).decision is RunDecision.REUSED
    assert world.decision(run, other).waiting_digest == ""
    assert world.active_nodes() == {"c"}


def test_waiter_takes_over_the_work_when_the_other_fails() -> None:
    world = World(noop("a", nonce="x"), noop("b", nonce="x"))
    run = world.run()
    (first,) = world.active_nodes()

    world.fail(first, "invalid_input")

    (second,) = world.active_nodes()
    assert second != first
    assert world.decision(run, second).decision is RunDecision.ACTIVE
    world.complete(second)
    assert world.ws.runs[run.id].state is RunState.FAILED


def test_work_that_another_pipeline_does_is_waited_for_until_a_wake() -> None:
    world = World(noop("a"))
    world.elsewhere = ExecutionId(world.rules.new_id())
    run = world.run()
    assert world.decision(run, "a").decision is RunDecision.WAITING
    assert world.active_nodes() == set()
    world.elsewhere = None

    answer = world.report(Wake(pipeline_uid=world.uid))

    assert answer is Disposition.APPLIED
    assert world.decision(run, "a").decision is RunDecision.ACTIVE
    assert world.active_nodes() == {"a"}


def test_wake_of_a_pipeline_that_is_gone_changes_nothing() -> None:
    world = World(noop("a"))
    del world.ws.structures[world.uid]

    assert world.report(Wake(pipeline_uid=world.uid)) is Disposition.SUPERSEDED


def test_late_result_of_cancelled_work_serves_the_next_run_that_wants_it() -> None:
    world = World(*CHAIN)
    world.run()
    old, claim = world.claim("a")
    world.import_(noop("a", nonce="x"), *CHAIN[1:])
    assert world.report(a_completion(old, claim)) is Disposition.SUPERSEDED
    assert world.node("a").state is NodeState.PENDING
    world.import_(*CHAIN)

    run = world.run("a")

    assert world.decision(run, "a").reused_from == old.id
    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_late_result_of_a_deleted_node_is_kept() -> None:
    world = World(*CHAIN)
    world.run()
    old, claim = world.claim("a")
    world.import_(noop("z"))

    assert world.report(a_completion(old, claim)) is Disposition.SUPERSEDED
    assert [one.execution_id for one in world.ws.artifacts] == [old.id]


def test_work_that_is_the_same_after_an_edit_above_it_goes_on() -> None:
    """The input was edited and came out the same while the work on it was under way: nothing is done twice."""
    world = made(noop("a"))
    world.import_(noop("a"), noop("b", "a"))
    world.run()
    begun, claim = world.claim("b")
    world.import_(noop("a", nonce="x"), noop("b", "a"))
    run = world.run()

    world.complete("a", sha256=SAME)

    assert world.active("b").id == begun.id
    assert world.report(a_completion(begun, claim)) is Disposition.APPLIED
    assert world.node("b").done_spec == world.ws.spec(world.node("b")).spec_digest
    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_run_by_force_that_displaces_stale_work_of_another_run_serves_both() -> None:
    world = made(*CHAIN)
    first = world.run(force=True)
    world.complete("a", sha256=OTHER)
    stale = world.active("b")
    second = world.run(force=True)

    world.complete("a", sha256=SAME)

    assert world.ws.executions[stale.id].state is ExecutionState.CANCELLED
    assert world.decision(first, "b").execution_id == world.active("b").id
    assert world.decision(second, "b").execution_id == world.active("b").id


def in_back_off(world: World, node_id: str) -> Execution:
    """The execution of a node fails, and its retry is not due yet."""
    world.fail(node_id, "timeout")
    assert world.active(node_id).dispatch_no == 0
    return world.active(node_id)


def test_retry_over_another_input_gives_way_to_a_result_that_is_there() -> None:
    """It is cancelled in its back-off, and no attempt follows it."""
    world = made(*CHAIN[:2])
    maker = world.node("b").latest_execution_id
    world.run(force=True)
    world.complete("a", sha256=OTHER)
    stale = in_back_off(world, "b")
    world.import_(noop("a", nonce="x"), CHAIN[1])
    run = world.run()

    world.complete("a", sha256=SAME)

    assert world.ws.executions[stale.id].state is ExecutionState.CANCELLED
    assert world.node("b").latest_execution_id == stale.id
    assert world.decision(run, "b").reused_from == maker
    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_retry_over_another_input_gives_way_to_work_that_somebody_else_does() -> None:
    """It is cancelled in its back-off, no attempt follows it, and whoever it served waits as well."""
    world = World(*CHAIN[:2])
    first = world.run(force=True)
    world.complete("a", sha256=OTHER)
    stale = in_back_off(world, "b")
    second = world.run(force=True)
    world.elsewhere = ExecutionId(world.rules.new_id())

    world.complete("a", sha256=SAME)

    assert world.ws.executions[stale.id].state is ExecutionState.CANCELLED
    assert world.active_nodes() == set()
    assert {world.decision(run, "b").decision for run in (first, second)} == {RunDecision.WAITING}
