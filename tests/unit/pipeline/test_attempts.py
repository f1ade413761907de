"""What counts as an attempt, how long the next one waits, and when work is not handed out any more."""

from datetime import timedelta

import pytest

from pipeline_service.domain.engine.attempts import MAX_RATE_LIMITS, back_off, has_attempt_left
from pipeline_service.domain.engine.reports import DispatchDue, LeaseOver
from pipeline_service.domain.engine.timers import MAX_LOST_LEASES, SCHEDULE_TO_START
from pipeline_service.domain.model import RetryPolicy
from pipeline_service.domain.states import Alarm, EventType, NodeState
from pipeline_service.domain.values import Failure
from tests.factories import LEASE, World, a_completion, noop


@pytest.fixture
def world() -> World:
    world = World(noop("a"), noop("b", "a"))
    world.run()
    return world


def test_every_attempt_has_an_id_and_a_place_of_its_own(world: World) -> None:
    ids = [world.active("a").id]
    for _ in range(2):
        world.fail("a", "internal")
        ids.append(world.active("a").id)

    assert len(set(ids)) == 3
    assert [world.ws.executions[one].attempt for one in ids] == [1, 2, 3]


def test_rate_limits_consume_no_attempt(world: World) -> None:
    for _ in range(5):
        world.fail("a", "rate_limited")

    for _ in range(3):
        assert world.node("a").state is NodeState.IN_PROGRESS
        world.fail("a", "internal")
    assert world.node("a").state is NodeState.FAILED


def test_rate_limits_are_not_waited_for_for_ever(world: World) -> None:
    for _ in range(MAX_RATE_LIMITS):
        world.fail("a", "rate_limited")
    assert world.node("a").state is NodeState.IN_PROGRESS

    world.fail("a", "rate_limited")

    assert world.node("a").state is NodeState.FAILED


def test_new_run_forgets_the_rate_limits_before(world: World) -> None:
    world.fail("a", "rate_limited")
    world.fail("a", "invalid_input")

    world.run()

    assert world.active("a").rate_limits == 0


def test_back_off_doubles_up_to_the_longest_interval(world: World) -> None:
    policy = RetryPolicy(initial_interval=timedelta(seconds=2), max_interval=timedelta(seconds=30))
    waits = []
    for _ in range(MAX_RATE_LIMITS):
        waits.append(back_off(world.active("a"), policy, chance=1.0).total_seconds())
        world.fail("a", "rate_limited")

    assert waits[:6] == [2, 4, 8, 16, 30, 30]
    assert waits[-1] == 30


@pytest.mark.parametrize("error_type", ["invalid_input", "moderation", "credential", "ffmpeg_error", "cancelled"])
def test_what_another_try_cannot_mend_is_not_tried_again(world: World, error_type: str) -> None:
    assert not has_attempt_left(world.active("a"), Failure(error_type=error_type, message="no"), RetryPolicy())


def lose_leases(world: World) -> None:
    """Take its workers down until the execution ends."""
    for _ in range(MAX_LOST_LEASES):
        execution, _claim = world.claim("a")
        assert execution.lease_until is not None
        world.pass_time(LEASE)
        world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))


def test_work_that_takes_its_workers_down_is_quarantined_after_its_attempts(world: World) -> None:
    lose_leases(world)
    lose_leases(world)
    assert world.ws.alarms == []

    lose_leases(world)

    assert world.ws.alarms == [Alarm.QUARANTINED]
    told = [event for event in world.ws.events if event.type is EventType.EXECUTION_QUARANTINED]
    assert [(event.attempt, event.message) for event in told] == [
        (3, "its worker went silent 3 times, and no attempt is left")
    ]
    assert world.node("a").state is NodeState.FAILED


def test_work_that_merely_fails_is_not_quarantined(world: World) -> None:
    for _ in range(3):
        world.fail("a", "internal")

    assert world.node("a").state is NodeState.FAILED
    assert world.ws.alarms == []


def test_work_that_no_worker_takes_for_minutes_raises_an_alarm_and_goes_on(world: World) -> None:
    while world.ws.now - world.active("a").create_time <= SCHEDULE_TO_START:
        assert world.ws.alarms == []
        due = world.active("a").dispatch_due_at
        assert due is not None
        world.ws.now = due
        world.report(DispatchDue(execution_id=world.active("a").id, due=due))

    assert world.ws.alarms == [Alarm.UNCLAIMED]
    assert world.node("a").state is NodeState.IN_PROGRESS


def test_two_results_of_one_claim_raise_an_alarm(world: World) -> None:
    execution, claim = world.claim("a")
    world.report(a_completion(execution, claim))

    world.report(a_completion(execution, claim, size_bytes=11))

    assert world.ws.alarms == [Alarm.CONFLICT]


class TestOwnPolicy:
    """What a node says of its retries itself."""

    def test_number_of_attempts(self) -> None:
        world = World(noop("a") | {"retry": {"maxAttempts": 1}})
        world.run()

        world.fail("a", "internal")

        assert world.node("a").state is NodeState.FAILED

    def test_waits(self) -> None:
        retry = {"initialInterval": 10, "backoffCoefficient": 3, "maxInterval": 60, "maxAttempts": 5}
        world = World(noop("a") | {"retry": retry})
        world.run()
        waits = []
        for _ in range(4):
            world.fail("a", "internal")
            due = world.active("a").dispatch_due_at
            assert due is not None
            waits.append((due - world.ws.now).total_seconds())

        assert waits == [10, 30, 60, 60]

    @pytest.mark.parametrize(("jitter", "chance", "wait_s"), [(0, 0.0, 8), (0.5, 0.0, 4), (1, 0.0, 0), (1, 0.5, 4)])
    def test_jitter_is_the_share_left_to_chance(self, jitter: float, chance: float, wait_s: float) -> None:
        world = World(noop("a"))
        world.run()
        policy = RetryPolicy(initial_interval=timedelta(seconds=8), jitter=jitter)

        assert back_off(world.active("a"), policy, chance=chance) == timedelta(seconds=wait_s)

    def test_change_of_it_runs_nothing_again_and_counts_at_once(self) -> None:
        world = World(noop("a"), noop("b"))
        world.run()
        world.complete("a")
        execution = world.active("b")

        world.import_(noop("a") | {"retry": {"maxAttempts": 9}}, noop("b") | {"retry": {"maxAttempts": 1}})

        assert world.node("a").state is NodeState.COMPLETED
        assert world.active("b").id == execution.id
        world.fail("b", "internal")
        assert world.node("b").state is NodeState.FAILED
