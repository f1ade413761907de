"""Held work is not begun and not handed out; what runs goes on; a resume hands out what was kept back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from pipeline_service.domain.engine.dispatching import SCHEDULE_TO_CLOSE
from pipeline_service.domain.engine.ending import cancel_run
from pipeline_service.domain.engine.pausing import (
    pause_node,
    pause_pipeline,
    pause_run,
    resume_node,
    resume_pipeline,
    resume_run,
)
from pipeline_service.domain.engine.reports import CloseDue, DispatchDue, LeaseOver, Start, StartAnswer
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.model import Execution, Run
from pipeline_service.domain.states import EventType, ExecutionState, RunState, StartOutcome
from tests.factories import ACTOR, LEASE, World, a_beat, a_completion, noop

CHAIN = (noop("a"), noop("b", "a"))
Hold = Callable[[World, Run], None]


def hold_run(world: World, run: Run) -> None:
    pause_run(world.ws, world.ws.runs[run.id], actor=ACTOR)


def hold_node(world: World, _run: Run) -> None:
    pause_node(world.ws, world.node("a"), actor=ACTOR)


def hold_pipeline(world: World, _run: Run) -> None:
    pause_pipeline(world.ws, world.uid, actor=ACTOR)


def let_run_go_on(world: World, run: Run) -> None:
    resume_run(world.ws, world.ws.runs[run.id], rules=world.rules, actor=ACTOR)
    world.settle()


def let_node_go_on(world: World, _run: Run) -> None:
    resume_node(world.ws, world.node("a"), rules=world.rules, actor=ACTOR)
    world.settle()


def let_pipeline_go_on(world: World, _run: Run) -> None:
    resume_pipeline(world.ws, world.uid, rules=world.rules, actor=ACTOR)
    world.settle()


every_hold = pytest.mark.parametrize(
    ("hold", "let_go_on"),
    [(hold_run, let_run_go_on), (hold_node, let_node_go_on), (hold_pipeline, let_pipeline_go_on)],
    ids=["run", "node", "pipeline"],
)


def start(world: World, execution: Execution) -> StartOutcome:
    """A worker wants it, with the newest message."""
    dispatch_no = world.ws.executions[execution.id].dispatch_no
    report = Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=dispatch_no, actor="worker")
    answer = world.report(report)
    assert isinstance(answer, StartAnswer)
    return answer.outcome


@every_hold
def test_message_that_is_out_is_answered_paused_and_sent_again_on_resume(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    execution = world.active("a")
    hold(world, run)

    assert start(world, execution) is StartOutcome.PAUSED
    assert world.active("a").state is ExecutionState.QUEUED
    world.ws.dispatches.clear()
    let_go_on(world, run)

    assert [(one.execution_id, one.dispatch_no) for one in world.ws.dispatches] == [(execution.id, 2)]
    assert start(world, execution) is StartOutcome.CLAIMED


@every_hold
def test_running_work_goes_on(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    execution, claim = world.claim("a")
    hold(world, run)

    assert world.report(a_beat(execution.id, claim)) == "APPLIED"
    assert world.report(a_completion(execution, claim)) == "APPLIED"
    let_go_on(world, run)
    assert world.active_nodes() == {"b"}


@every_hold
def test_due_dispatch_is_put_off_instead_of_published(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    hold(world, run)
    world.ws.dispatches.clear()
    due = world.active("a").dispatch_due_at
    assert due is not None
    world.ws.now = due

    world.report(DispatchDue(execution_id=world.active("a").id, due=due))

    put_off = world.active("a").dispatch_due_at
    assert world.ws.dispatches == []
    assert put_off is not None
    assert put_off > due
    let_go_on(world, run)
    assert len(world.ws.dispatches) == 1


@every_hold
def test_lost_lease_puts_the_work_back_without_publishing_it(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    execution, _claim = world.claim("a")
    hold(world, run)
    world.ws.dispatches.clear()
    world.pass_time(LEASE)
    assert execution.lease_until is not None

    world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))

    assert world.active("a").state is ExecutionState.QUEUED
    assert world.ws.dispatches == []
    let_go_on(world, run)
    assert len(world.ws.dispatches) == 1


@every_hold
def test_nobody_takes_held_work_over_from_a_silent_worker(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    execution, _claim = world.claim("a")
    hold(world, run)
    world.pass_time(LEASE)

    assert start(world, execution) is StartOutcome.PAUSED
    let_go_on(world, run)
    assert start(world, execution) is StartOutcome.CLAIMED


def test_what_becomes_ready_is_queued_only_on_resume() -> None:
    world = World(*CHAIN)
    run = world.run()
    execution, claim = world.claim("a")
    hold_run(world, run)

    world.report(a_completion(execution, claim))

    assert world.active_nodes() == set()
    assert world.ws.runs[run.id].state is RunState.PAUSED
    let_run_go_on(world, run)
    assert world.active_nodes() == {"b"}


def test_work_that_an_active_run_wants_too_is_not_held_by_the_paused_one() -> None:
    world = World(*CHAIN)
    first, second = world.run(), world.run("a")
    hold_run(world, first)

    assert start(world, world.active("a")) is StartOutcome.CLAIMED
    world.report(a_completion(world.active("a"), world.ws.executions[world.active("a").id].claim or Claim(uuid4())))
    assert world.ws.runs[second.id].state is RunState.SUCCEEDED
    assert world.active_nodes() == set()


def test_new_run_that_wants_held_work_sets_it_going() -> None:
    world = World(*CHAIN)
    first = world.run()
    hold_run(world, first)
    world.ws.dispatches.clear()

    world.run("a")

    assert [one.execution_id for one in world.ws.dispatches] == [world.active("a").id]


def test_held_work_stays_held_when_the_active_run_that_wanted_it_is_cancelled() -> None:
    world = World(*CHAIN)
    first = world.run()
    second = world.run("a")
    hold_run(world, first)

    cancel_run(world.ws, second, actor=ACTOR)

    assert start(world, world.active("a")) is StartOutcome.PAUSED


def test_new_run_of_a_paused_pipeline_waits() -> None:
    world = World(*CHAIN)
    pause_pipeline(world.ws, world.uid, actor=ACTOR)

    run = world.run()

    assert world.ws.runs[run.id].state is RunState.ACTIVE
    assert world.active_nodes() == set()
    let_pipeline_go_on(world, run)
    assert world.active_nodes() == {"a"}


def test_paused_node_is_left_alone_while_the_rest_goes_on() -> None:
    world = World(*CHAIN, noop("x"))
    pause_node(world.ws, world.node("a"), actor=ACTOR)

    run = world.run()

    assert world.active_nodes() == {"x"}
    world.complete("x")
    assert world.ws.runs[run.id].state is RunState.ACTIVE


def test_paused_run_with_nothing_left_to_do_ends() -> None:
    world = World(noop("a"))
    run = world.run()
    execution, claim = world.claim("a")
    hold_run(world, run)

    world.report(a_completion(execution, claim))

    assert world.ws.runs[run.id].state is RunState.SUCCEEDED


def test_clock_of_work_that_nobody_has_begun_stands_still() -> None:
    world = World(*CHAIN)
    run = world.run()
    hold_run(world, run)
    execution = world.active("a")
    assert execution.close_due_at is not None
    world.ws.now = execution.close_due_at

    world.report(CloseDue(execution_id=execution.id, due=execution.close_due_at))

    assert world.active("a").state is ExecutionState.QUEUED
    world.pass_time(timedelta(hours=1))
    let_run_go_on(world, run)
    assert world.active("a").close_due_at == world.ws.now + SCHEDULE_TO_CLOSE


def test_back_off_goes_on_after_a_resume() -> None:
    """A vendor that asked for a minute gets its minute."""
    world = World(*CHAIN)
    run = world.run()
    execution, claim = world.claim("a")
    world.report(a_beat(execution.id, claim, requeue_after=timedelta(minutes=1)))
    due = world.active("a").dispatch_due_at
    world.ws.dispatches.clear()

    hold_run(world, run)
    let_run_go_on(world, run)

    assert world.ws.dispatches == []
    assert world.active("a").dispatch_due_at == due


def test_resume_of_one_node_leaves_the_messages_of_others_alone() -> None:
    world = World(*CHAIN, noop("x"))
    run = world.run()
    hold_node(world, run)
    world.ws.dispatches.clear()

    let_node_go_on(world, run)

    assert [one.execution_id for one in world.ws.dispatches] == [world.active("a").id]
    assert world.active("x").dispatch_no == 1


@every_hold
def test_repeats_of_hold_and_resume_change_nothing(hold: Hold, let_go_on: Hold) -> None:
    world = World(*CHAIN)
    run = world.run()
    before = len(world.ws.events)

    for step in (hold, hold, let_go_on, let_go_on):
        step(world, run)

    names = [event.type.value for event in world.ws.events[before:]]
    assert [name.rpartition("_")[2] for name in names] == ["PAUSED", "RESUMED"]


def test_run_events_tell_the_states() -> None:
    world = World(*CHAIN)
    run = world.run()

    hold_run(world, run)

    event = world.ws.events[-1]
    assert (event.type, event.old_state, event.new_state) == (EventType.RUN_PAUSED, "ACTIVE", "PAUSED")
    assert (event.run_id, event.actor) == (run.id, ACTOR)
