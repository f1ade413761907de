"""Work stands in line where its task queue is full; room, holds, resumes and retries move it on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pipeline_service.domain.engine.dispatching import LINE_LOOK, SCHEDULE_TO_CLOSE
from pipeline_service.domain.engine.pausing import pause_node, resume_node
from pipeline_service.domain.engine.reports import CloseDue, DispatchDue, LeaseOver, RoomFound
from pipeline_service.domain.engine.runs import start_run
from pipeline_service.domain.ids import Owner, TaskQueue
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Alarm, Disposition, ExecutionState, QueuePlace
from tests.factories import ACTOR, OWNER, World, a_beat, noop, some_rules

NOOP = TaskQueue("noop")


class Full:
    """Room that a test sets."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, _queue: TaskQueue, _owner: Owner) -> int:
        return self.room


def a_world(*nodes: Mapping[str, Any], room: int) -> tuple[World, Full]:
    full = Full(room)
    world = World(*nodes, rules=some_rules(room=full))
    return world, full


def room_found_for(world: World, execution: Execution) -> Disposition:
    assert execution.dispatch_due_at is not None
    answer = world.report(RoomFound(execution_id=execution.id, due=execution.dispatch_due_at))
    assert isinstance(answer, Disposition)
    return answer


def places(world: World) -> dict[str, QueuePlace]:
    return {one.work.node_id: one.queue_place for one in world.ws.executions.values() if one.state.is_active}


def test_run_hands_out_no_more_than_there_is_room_for() -> None:
    world, _ = a_world(noop("a"), noop("b"), noop("c"), room=2)

    world.run()

    assert sorted(places(world).values()) == [QueuePlace.IN_LINE, QueuePlace.OUT, QueuePlace.OUT]
    assert len(world.ws.dispatches) == 2
    assert world.ws.places_taken[NOOP, OWNER] == 2
    assert world.ws.lined_up == {(NOOP, OWNER)}


def test_work_in_line_was_never_published_and_is_due_much_later() -> None:
    world, _ = a_world(noop("a"), room=0)

    world.run()

    execution = world.active("a")
    assert (execution.state, execution.dispatch_no) == (ExecutionState.QUEUED, 0)
    assert execution.dispatch_due_at == world.ws.now + LINE_LOOK
    assert world.ws.dispatches == []


def test_room_hands_out_what_stands_in_line_once() -> None:
    world, _ = a_world(noop("a"), room=0)
    world.run()
    in_line = world.active("a")

    answers = [room_found_for(world, in_line), room_found_for(world, in_line)]

    assert answers == [Disposition.APPLIED, Disposition.SUPERSEDED]
    assert [dispatch.dispatch_no for dispatch in world.ws.dispatches] == [1]
    assert world.active("a").queue_place is QueuePlace.OUT
    assert world.ws.places_taken[NOOP, OWNER] == 1


def test_time_in_line_counts_neither_for_the_deadline_nor_for_the_alarm() -> None:
    world, _ = a_world(noop("a"), room=0)
    world.run()
    overdue = world.active("a")
    assert overdue.close_due_at is not None
    world.pass_time(SCHEDULE_TO_CLOSE)

    assert world.report(CloseDue(execution_id=overdue.id, due=overdue.close_due_at)) is Disposition.APPLIED
    in_line = world.active("a")
    assert (in_line.state, in_line.close_due_at) == (ExecutionState.QUEUED, world.ws.now + SCHEDULE_TO_CLOSE)

    world.pass_time(timedelta(minutes=30))
    room_found_for(world, in_line)
    out = world.active("a")
    assert out.close_due_at == world.ws.now + SCHEDULE_TO_CLOSE
    assert out.dispatch_due_at is not None
    world.report(DispatchDue(execution_id=out.id, due=out.dispatch_due_at))
    assert world.ws.alarms == []

    world.pass_time(timedelta(minutes=6))
    late = world.active("a")
    assert late.dispatch_due_at is not None
    world.report(DispatchDue(execution_id=late.id, due=late.dispatch_due_at))
    assert world.ws.alarms == [Alarm.UNCLAIMED]


def test_work_that_is_out_keeps_its_place_when_it_is_published_again() -> None:
    world, full = a_world(noop("a"), room=1)
    world.run()
    full.room = 0
    out = world.active("a")
    assert out.dispatch_due_at is not None

    world.report(DispatchDue(execution_id=out.id, due=out.dispatch_due_at))

    assert (world.active("a").queue_place, world.active("a").dispatch_no) == (QueuePlace.OUT, 2)
    assert world.ws.places_taken[NOOP, OWNER] == 1


def test_work_of_a_silent_worker_goes_out_again_without_standing_in_line() -> None:
    world, full = a_world(noop("a"), room=1)
    world.run()
    claimed, _ = world.claim("a")
    full.room = 0
    assert claimed.lease_until is not None
    world.pass_time(timedelta(minutes=2))

    world.report(LeaseOver(execution_id=claimed.id, due=claimed.lease_until))

    assert world.active("a").queue_place is QueuePlace.OUT


def test_work_that_was_put_back_for_later_gives_its_place_away_and_stands_in_line_when_its_time_comes() -> None:
    world, full = a_world(noop("a"), room=1)
    world.run()
    claimed, claim = world.claim("a")
    assert world.ws.places_taken[NOOP, OWNER] == 1

    world.report(a_beat(claimed.id, claim, requeue_after=timedelta(minutes=1)))
    assert (world.active("a").queue_place, world.ws.places_taken[NOOP, OWNER]) == (QueuePlace.BACKING_OFF, 0)
    full.room = 0
    world.pass_time(timedelta(minutes=1))
    later = world.active("a")
    assert later.dispatch_due_at is not None
    world.report(DispatchDue(execution_id=later.id, due=later.dispatch_due_at))

    assert world.active("a").queue_place is QueuePlace.IN_LINE


def test_retry_stands_in_line_when_its_back_off_is_over() -> None:
    world, full = a_world(noop("a"), room=1)
    world.run()
    world.fail("a", "internal")
    full.room = 0
    assert world.active("a").queue_place is QueuePlace.BACKING_OFF
    world.pass_time(timedelta(minutes=10))
    due = world.active("a").dispatch_due_at
    assert due is not None

    world.report(DispatchDue(execution_id=world.active("a").id, due=due))

    assert (world.active("a").attempt, world.active("a").queue_place) == (2, QueuePlace.IN_LINE)


def test_paused_work_leaves_the_line_and_joins_it_again_on_resume() -> None:
    world, _ = a_world(noop("a"), room=0)
    world.run()
    pause_node(world.ws, world.node("a"), actor=ACTOR)

    room_found_for(world, world.active("a"))
    assert world.active("a").queue_place is QueuePlace.HELD
    assert world.ws.dispatches == []

    resume_node(world.ws, world.node("a"), rules=world.rules, actor=ACTOR)
    assert world.active("a").queue_place is QueuePlace.IN_LINE


def test_end_of_work_gives_its_place_away() -> None:
    world, _ = a_world(noop("a"), room=1)
    world.run()
    world.complete("a")

    assert world.ws.places_taken[NOOP, OWNER] == 0


def test_execution_has_the_highest_priority_of_the_runs_that_want_it() -> None:
    world, _ = a_world(noop("a"), noop("b", "a"), room=0)
    for priority in (-5, 20, 3):
        start_run(world.ws, world.uid, targets=(), force=False, priority=priority, rules=world.rules, actor=ACTOR)
        world.settle()

    assert world.active("a").priority == 20
