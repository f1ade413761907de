"""A user tries a failed node again; a person decides about a waiting one."""

from pipeline_service.domain.engine.approving import approve, reject
from pipeline_service.domain.engine.retrying import retry_node
from pipeline_service.domain.states import EventType, ExecutionState, NodeState, RunDecision, RunState, WaitingFor
from tests.factories import ACTOR, World, a_beat, noop

CHAIN = (noop("a"), noop("b", "a"), noop("c", "b"), noop("x"))


def failed_world() -> World:
    """Node `a` has used up its attempts; `b` and `c` were left out."""
    world = World(*CHAIN)
    world.run("c")
    for _ in range(3):
        world.fail("a", "internal")
    assert world.node("a").state is NodeState.FAILED
    return world


class TestRetry:
    def test_node_and_what_was_left_out_are_made(self) -> None:
        world = failed_world()
        left_out = [world.node_uid("b"), world.node_uid("c")]

        run = retry_node(world.ws, world.node("a"), left_out=left_out, rules=world.rules, actor=ACTOR)
        world.settle()

        for node in "abc":
            world.complete(node)
        assert world.ws.runs[run.id].state is RunState.SUCCEEDED
        assert world.node("x").state is NodeState.PENDING

    def test_attempts_are_counted_anew(self) -> None:
        world = failed_world()

        retry_node(world.ws, world.node("a"), left_out=(), rules=world.rules, actor=ACTOR)
        world.settle()

        assert (world.active("a").attempt, world.active("a").first_attempt) == (4, 4)
        world.fail("a", "internal")
        assert world.active("a").attempt == 5

    def test_what_was_left_out_for_another_reason_is_not_made(self) -> None:
        world = failed_world()

        run = retry_node(world.ws, world.node("a"), left_out=[world.node_uid("x")], rules=world.rules, actor=ACTOR)
        world.settle()

        assert world.ws.runs[run.id].targets == (world.node_uid("a"),)

    def test_node_that_failed_by_force_has_its_result_from_before(self) -> None:
        """A retry wants a result, not another one: that takes another run by force."""
        world = World(*CHAIN)
        world.run("b")
        world.complete("a")
        world.complete("b")
        world.run("b", force=True)
        world.fail("a", "invalid_input")

        run = retry_node(world.ws, world.node("a"), left_out=[world.node_uid("b")], rules=world.rules, actor=ACTOR)
        world.settle()

        assert world.ws.runs[run.id].state is RunState.SUCCEEDED
        assert [world.decision(run, node).decision for node in "ab"] == [RunDecision.REUSED] * 2

    def test_history_tells_who_asked(self) -> None:
        world = failed_world()
        before = len(world.ws.events)

        retry_node(world.ws, world.node("a"), left_out=(), rules=world.rules, actor=ACTOR)
        world.settle()

        asked, created = world.ws.events[before : before + 2]
        assert (asked.type, asked.node_id, asked.actor) == (EventType.NODE_RETRIED, "a", ACTOR)
        assert created.type is EventType.RUN_CREATED


class TestApproval:
    def waiting_world(self) -> World:
        world = World(*CHAIN)
        world.run("b")
        execution, claim = world.claim("a")
        beat = a_beat(execution.id, claim, details={"take": "2"}, waiting_for=WaitingFor.HUMAN)
        world.report(beat)
        world.ws.dispatches.clear()
        return world

    def test_approved_execution_goes_on_where_it_was(self) -> None:
        world = self.waiting_world()
        execution = world.active("a")

        approve(world.ws, execution, message="good take", rules=world.rules, actor=ACTOR)

        approved = world.active("a")
        assert (approved.id, approved.state, approved.attempt) == (execution.id, ExecutionState.QUEUED, 1)
        assert approved.details == {"take": "2", "approval": "approved"}
        assert [one.execution_id for one in world.ws.dispatches] == [execution.id]
        event = world.ws.events[-1]
        assert (event.type, event.message, event.actor) == (EventType.EXECUTION_APPROVED, "good take", ACTOR)

    def test_rejected_execution_fails_and_is_not_tried_again(self) -> None:
        world = self.waiting_world()

        reject(world.ws, world.active("a"), message="wrong face", rules=world.rules, actor=ACTOR)

        node = world.node("a")
        assert node.state is NodeState.FAILED
        assert node.failure is not None
        assert (node.failure.error_type, node.failure.message) == ("cancelled", "rejected: wrong face")
        assert any(event.type is EventType.EXECUTION_FAILED and event.actor == ACTOR for event in world.ws.events)
