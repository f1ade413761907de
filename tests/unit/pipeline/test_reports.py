"""Every report meets every state: the table of docs/architecture.md."""

from datetime import timedelta
from uuid import uuid4

import pytest

from pipeline_service.domain.engine.reports import (
    CloseDue,
    DispatchDue,
    Fail,
    LeaseOver,
    Progressed,
    Start,
    StartAnswer,
    UnknownExecution,
)
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.states import Disposition, EventType, ExecutionState, NodeState, StartOutcome, WaitingFor
from pipeline_service.domain.values import Failure, Progress
from tests.factories import LEASE, World, a_beat, a_completion, noop, some_rules


@pytest.fixture
def world() -> World:
    world = World(noop("a"), noop("b", "a"))
    world.run()
    return world


class TestStart:
    def test_first_worker_gets_it(self, world: World) -> None:
        execution, claim = world.claim("a")

        assert execution.state is ExecutionState.RUNNING
        assert execution.claim == claim
        assert execution.lease_until == world.ws.now + LEASE
        assert execution.dispatch_due_at is None

    def test_same_claim_again_gets_it_again_without_a_second_event(self, world: World) -> None:
        _execution, claim = world.claim("a")
        events = len(world.ws.events)

        world.claim("a", claim=claim)

        assert len(world.ws.events) == events

    def test_second_worker_is_held_off_until_the_lease_is_over(self, world: World) -> None:
        execution, _ = world.claim("a")
        start = Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=1, actor="worker")

        held = world.report(start)
        world.pass_time(LEASE + timedelta(seconds=1))
        taken = world.report(start)

        assert held == StartAnswer(outcome=StartOutcome.HELD, held_until=execution.lease_until)
        assert isinstance(taken, StartAnswer)
        assert taken.outcome is StartOutcome.CLAIMED

    def test_older_dispatch_is_stale(self, world: World) -> None:
        execution = world.active("a")
        assert execution.dispatch_due_at is not None
        world.pass_time(timedelta(seconds=6))
        world.report(DispatchDue(execution_id=execution.id, due=execution.dispatch_due_at))

        answer = world.report(Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=1, actor="worker"))

        assert answer == StartAnswer(outcome=StartOutcome.STALE)
        assert world.active("a").dispatch_no == 2

    def test_ended_execution_is_stale(self, world: World) -> None:
        execution = world.active("a")
        world.complete("a")

        answer = world.report(Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=9, actor="worker"))

        assert answer == StartAnswer(outcome=StartOutcome.STALE)

    def test_unknown_execution_is_unknown(self, world: World) -> None:
        nobody = ExecutionId(uuid4())

        answer = world.report(Start(execution_id=nobody, claim=Claim(uuid4()), dispatch_no=1, actor="worker"))

        assert answer == UnknownExecution(execution_id=nobody)


class TestBeat:
    def test_holder_extends_its_lease(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.pass_time(timedelta(seconds=30))

        answer = world.report(a_beat(execution.id, claim, stage="drawing", fraction=0.5))

        assert answer is Disposition.APPLIED
        kept = world.active("a")
        assert kept.lease_until == world.ws.now + LEASE
        assert kept.progress is not None
        assert kept.progress.fraction == 0.5

    def test_other_claim_has_lost(self, world: World) -> None:
        execution, _ = world.claim("a")

        assert world.report(a_beat(execution.id, Claim(uuid4()))) is Disposition.LOST
        assert world.active("a") == execution

    def test_parked_execution_waits_without_a_claim(self, world: World) -> None:
        execution, claim = world.claim("a")

        world.report(a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK))

        parked = world.active("a")
        assert parked.state is ExecutionState.WAITING
        assert (parked.claim, parked.lease_until, parked.last_claim) == (None, None, claim)
        assert parked.close_due_at is not None, "a parked execution still has its deadline"

    def test_requeue_is_the_same_attempt_later(self, world: World) -> None:
        execution, claim = world.claim("a")

        world.report(a_beat(execution.id, claim, requeue_after=timedelta(seconds=30)))

        queued = world.active("a")
        assert queued.state is ExecutionState.QUEUED
        assert queued.attempt == 1
        assert queued.dispatch_due_at == world.ws.now + timedelta(seconds=30)

    def test_beat_after_the_end_is_superseded(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_completion(execution, claim))

        assert world.report(a_beat(execution.id, claim)) is Disposition.SUPERSEDED


class TestComplete:
    def test_holder_completes_and_the_successor_is_queued(self, world: World) -> None:
        assert world.complete("a") is Disposition.APPLIED
        assert world.node("a").state is NodeState.COMPLETED
        assert world.active_nodes() == {"b"}

    def test_same_result_again_is_a_duplicate(self, world: World) -> None:
        execution, claim = world.claim("a")
        completion = a_completion(execution, claim, sha256="aa" * 32)
        world.report(completion)
        before = dict(world.ws.nodes)

        assert world.report(completion) is Disposition.DUPLICATE
        assert world.ws.nodes == before

    def test_other_result_of_the_same_claim_is_a_conflict(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_completion(execution, claim, sha256="aa" * 32))
        before = dict(world.ws.nodes)

        assert world.report(a_completion(execution, claim, sha256="bb" * 32)) is Disposition.CONFLICT
        assert world.ws.nodes == before

    def test_other_result_of_another_claim_is_superseded_and_kept(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_completion(execution, claim))
        other = a_completion(execution, Claim(uuid4()), is_external=True)

        assert world.report(other) is Disposition.SUPERSEDED
        assert world.ws.artifacts[-1].output == other.output
        assert world.node("a").output != other.output

    def test_worker_without_the_claim_has_lost(self, world: World) -> None:
        execution, _ = world.claim("a")

        assert world.report(a_completion(execution, Claim(uuid4()))) is Disposition.LOST
        assert world.node("a").state is NodeState.IN_PROGRESS

    def test_worker_whose_lease_was_taken_back_has_lost(self, world: World) -> None:
        execution, claim = world.claim("a")
        assert execution.lease_until is not None
        world.pass_time(LEASE + timedelta(seconds=1))
        world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))

        assert world.report(a_completion(execution, claim)) is Disposition.LOST

    def test_callback_completes_a_parked_execution(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK))

        assert world.report(a_completion(execution, claim, is_external=True)) is Disposition.APPLIED

    def test_callback_that_overtakes_the_parking_is_applied(self, world: World) -> None:
        execution, claim = world.claim("a")

        assert world.report(a_completion(execution, claim, is_external=True)) is Disposition.APPLIED
        parking = a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK)
        assert world.report(parking) is Disposition.SUPERSEDED

    def test_work_that_nobody_claimed_is_claimed_by_its_first_report(self, world: World) -> None:
        execution = world.active("a")

        assert world.report(a_completion(execution, Claim(uuid4()))) is Disposition.APPLIED

    def test_success_after_the_time_out_is_superseded_and_salvaged(self, world: World) -> None:
        execution, claim = world.claim("a")
        assert execution.close_due_at is not None
        world.report(a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK))
        world.pass_time(timedelta(hours=1))
        world.report(CloseDue(execution_id=execution.id, due=execution.close_due_at))

        late = a_completion(execution, claim, is_external=True)

        assert world.report(late) is Disposition.SUPERSEDED
        assert [artifact.output for artifact in world.ws.artifacts] == [late.output]
        assert world.active("a").attempt == 2


class TestFail:
    def test_retryable_failure_is_tried_again_later_under_a_new_id(self, world: World) -> None:
        first = world.active("a")

        assert world.fail("a", "provider_unavailable") is Disposition.APPLIED

        second = world.active("a")
        assert (second.id, second.attempt, second.state) != (first.id, 1, ExecutionState.RUNNING)
        assert second.attempt == 2
        assert second.dispatch_due_at == world.ws.now + timedelta(seconds=2)
        assert world.ws.executions[first.id].state is ExecutionState.FAILED

    def test_attempts_end_after_the_third(self, world: World) -> None:
        for _ in range(3):
            world.fail("a", "internal")

        assert world.node("a").state is NodeState.FAILED
        assert world.node("a").attempts == 3

    def test_new_run_begins_to_count_anew(self, world: World) -> None:
        for _ in range(3):
            world.fail("a", "internal")
        world.run()

        world.fail("a", "internal")

        assert world.active("a").attempt == 5

    def test_final_failure_fails_the_node_with_its_reason(self, world: World) -> None:
        world.fail("a", "ffmpeg_error")

        failure = world.node("a").failure
        assert failure is not None
        assert failure.message == "it broke"

    def test_failure_from_outside_under_an_old_claim_says_nothing_about_the_new_one(self, world: World) -> None:
        execution, old = world.claim("a")
        assert execution.lease_until is not None
        world.pass_time(LEASE + timedelta(seconds=1))
        world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))
        _, new = world.claim("a")
        failure = Failure(error_type="ffmpeg_error", message="it broke")

        late = Fail(execution_id=execution.id, claim=old, failure=failure, is_external=True, actor="gateway")
        present = Fail(execution_id=execution.id, claim=new, failure=failure, is_external=True, actor="gateway")

        assert world.report(late) is Disposition.LOST
        assert world.active("a").claim == new
        assert world.report(present) is Disposition.APPLIED

    def test_same_failure_again_is_a_duplicate(self, world: World) -> None:
        execution, claim = world.claim("a")
        failure = Failure(error_type="ffmpeg_error", message="it broke")
        report = Fail(execution_id=execution.id, claim=claim, failure=failure, actor="worker")
        world.report(report)

        assert world.report(report) is Disposition.DUPLICATE


class TestTimers:
    def test_silent_worker_loses_the_execution(self, world: World) -> None:
        execution, _ = world.claim("a")
        assert execution.lease_until is not None
        world.pass_time(LEASE + timedelta(seconds=1))

        world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))

        queued = world.active("a")
        assert queued.state is ExecutionState.QUEUED
        assert queued.dispatch_no == 2
        assert world.ws.dispatches[-1].dispatch_no == 2

    def test_lease_timer_that_is_late_changes_nothing(self, world: World) -> None:
        execution, claim = world.claim("a")
        assert execution.lease_until is not None
        world.pass_time(timedelta(seconds=50))
        world.report(a_beat(execution.id, claim))

        assert world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until)) is Disposition.SUPERSEDED
        assert world.active("a").state is ExecutionState.RUNNING

    def test_work_that_kills_its_workers_fails_in_the_end(self, world: World) -> None:
        first = world.active("a").id
        for _ in range(3):
            execution, _ = world.claim("a")
            assert execution.lease_until is not None
            world.pass_time(LEASE + timedelta(seconds=1))
            world.report(LeaseOver(execution_id=execution.id, due=execution.lease_until))

        ended = world.ws.executions[first]
        assert ended.state is ExecutionState.FAILED
        assert ended.failure is not None
        assert "went silent 3 times" in ended.failure.message

    def test_dispatch_that_nobody_takes_is_repeated_ever_more_rarely(self, world: World) -> None:
        distances = []
        for _ in range(9):
            execution = world.active("a")
            assert execution.dispatch_due_at is not None
            distances.append((execution.dispatch_due_at - world.ws.now).total_seconds())
            world.ws.now = execution.dispatch_due_at
            world.report(DispatchDue(execution_id=execution.id, due=execution.dispatch_due_at))

        assert distances == [5, 10, 20, 40, 80, 160, 300, 300, 300]

    def test_deadline_ends_what_waits_for_ever(self, world: World) -> None:
        execution, claim = world.claim("a")
        assert execution.close_due_at is not None
        world.report(a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK))

        early = world.report(CloseDue(execution_id=execution.id, due=execution.close_due_at))
        world.pass_time(timedelta(minutes=15))
        due = world.report(CloseDue(execution_id=execution.id, due=execution.close_due_at))

        assert (early, due) == (Disposition.SUPERSEDED, Disposition.APPLIED)
        assert world.ws.executions[execution.id].state is ExecutionState.TIMED_OUT
        assert EventType.EXECUTION_TIMED_OUT in [event.type for event in world.ws.events]

    def test_operator_may_cap_the_deadline(self) -> None:
        world = World(noop("a"), rules=some_rules(max_start_to_close=timedelta(seconds=90)))
        world.run()

        execution, _ = world.claim("a")

        assert execution.close_due_at == world.ws.now + timedelta(seconds=90)


class TestProgressFromOutside:
    def progressed(self, execution_id: ExecutionId, claim: Claim) -> Progressed:
        return Progressed(execution_id=execution_id, claim=claim, stage="analysing", fraction=0.5)

    def test_it_is_noted_on_a_parked_execution_and_shown_without_an_event(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_beat(execution.id, claim, waiting_for=WaitingFor.CALLBACK))
        events = len(world.ws.events)

        answer = world.report(self.progressed(execution.id, claim))

        noted = world.active("a")
        assert answer is Disposition.APPLIED
        assert (noted.state, noted.lease_until) == (ExecutionState.WAITING, None)
        assert noted.progress == Progress(stage="analysing", fraction=0.5, reported_at=world.ws.now)
        assert len(world.ws.events) == events
        assert world.ws.shown == {world.uid}

    def test_that_of_an_older_claim_is_lost(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.pass_time(LEASE + timedelta(seconds=1))
        world.claim("a")

        assert world.report(self.progressed(execution.id, claim)) is Disposition.LOST
        assert world.active("a").progress is None

    def test_after_the_end_it_changes_nothing(self, world: World) -> None:
        execution, claim = world.claim("a")
        world.report(a_completion(execution, claim))

        assert world.report(self.progressed(execution.id, claim)) is Disposition.SUPERSEDED
        assert world.ws.shown == set()
