"""What ends with a run, a node or a pipeline, and what another run keeps alive."""

import pytest

from pipeline_service.domain.engine.ending import cancel_node, cancel_pipeline, cancel_run
from pipeline_service.domain.engine.reports import CloseDue
from pipeline_service.domain.states import Disposition, EventType, NodeState, RunDecision, RunState
from tests.factories import ACTOR, World, a_beat, a_completion, noop

CHAIN = (noop("a"), noop("b", "a"), noop("c", "b"))


class TestRun:
    def test_work_that_nobody_else_wants_ends_with_it(self) -> None:
        world = World(*CHAIN)
        run = world.run()
        execution = world.active("a")

        cancel_run(world.ws, run, actor=ACTOR)

        assert world.ws.executions[execution.id].state == "CANCELLED"
        assert world.node("a").state is NodeState.PENDING
        assert world.ws.runs[run.id].state is RunState.CANCELLED
        assert {world.decision(run, node).decision for node in "abc"} == {RunDecision.SKIPPED}
        assert [event.type for event in world.ws.events[-2:]] == [
            EventType.RUN_CANCELLED,
            EventType.EXECUTION_CANCELLED,
        ]

    def test_work_that_another_run_wants_goes_on(self) -> None:
        world = World(*CHAIN)
        first, second = world.run("b"), world.run("a")
        execution = world.active("a")

        cancel_run(world.ws, first, actor=ACTOR)

        assert world.active("a").id == execution.id
        world.complete("a")
        assert world.ws.runs[second.id].state is RunState.SUCCEEDED
        assert world.active_nodes() == set()

    def test_what_is_done_stays_done(self) -> None:
        world = World(*CHAIN)
        run = world.run()
        world.complete("a")

        cancel_run(world.ws, run, actor=ACTOR)

        assert world.node("a").state is NodeState.COMPLETED
        assert world.decision(run, "a").decision is RunDecision.DONE

    def test_worker_that_holds_the_work_is_told_and_its_result_is_kept_but_changes_nothing(self) -> None:
        world = World(*CHAIN)
        run = world.run()
        execution, claim = world.claim("a")

        cancel_run(world.ws, run, actor=ACTOR)

        assert world.ws.interrupted == [execution.id]
        assert world.report(a_beat(execution.id, claim)) is Disposition.SUPERSEDED
        assert world.report(a_completion(execution, claim)) is Disposition.SUPERSEDED
        assert [artifact.execution_id for artifact in world.ws.artifacts] == [execution.id]
        assert world.node("a").state is NodeState.PENDING

    def test_nobody_is_told_of_work_that_nobody_holds(self) -> None:
        world = World(*CHAIN)
        run = world.run()

        cancel_run(world.ws, run, actor=ACTOR)

        assert world.ws.interrupted == []


class TestNode:
    def test_its_runs_leave_out_what_needs_it_and_go_on_with_the_rest(self) -> None:
        world = World(*CHAIN, noop("x"))
        run = world.run()

        cancel_node(world.ws, world.active("a"), rules=world.rules, actor=ACTOR)

        assert world.decision(run, "a").reason == "the node was cancelled"
        assert world.decision(run, "c").reason == "input 'a' was cancelled"
        assert world.active_nodes() == {"x"}
        world.complete("x")
        assert world.ws.runs[run.id].state is RunState.FAILED

    @pytest.mark.parametrize("others_first", [True, False])
    def test_every_run_that_wanted_it_loses_it(self, *, others_first: bool) -> None:
        world = World(*CHAIN)
        runs = [world.run("a"), world.run("b")] if others_first else [world.run("b"), world.run("a")]

        cancel_node(world.ws, world.active("a"), rules=world.rules, actor=ACTOR)

        assert [world.ws.runs[run.id].state for run in runs] == [RunState.FAILED, RunState.FAILED]


class TestPipeline:
    def test_all_runs_and_all_work_end(self) -> None:
        world = World(*CHAIN, noop("x"))
        first, second = world.run("c"), world.run("x")
        world.complete("a")

        cancel_pipeline(world.ws, world.uid, actor=ACTOR)

        assert world.active_nodes() == set()
        assert [world.ws.runs[run.id].state for run in (first, second)] == [RunState.CANCELLED, RunState.CANCELLED]

    def test_nothing_under_way_is_no_error_and_leaves_no_trace(self) -> None:
        world = World(*CHAIN)
        before = len(world.ws.events)

        cancel_pipeline(world.ws, world.uid, actor=ACTOR)

        assert len(world.ws.events) == before


def test_deadline_tells_the_worker_that_it_is_over() -> None:
    world = World(*CHAIN)
    world.run()
    execution, _claim = world.claim("a")
    assert execution.close_due_at is not None
    world.ws.now = execution.close_due_at

    world.report(CloseDue(execution_id=execution.id, due=execution.close_due_at))

    assert world.ws.interrupted == [execution.id]


def test_edit_tells_the_worker_whose_execution_it_supersedes() -> None:
    world = World(*CHAIN)
    world.run()
    execution, _claim = world.claim("a")

    world.import_(noop("a", nonce="new"), *CHAIN[1:])

    assert world.ws.interrupted == [execution.id]
