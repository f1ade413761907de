"""Paid work: one purchase for equal work, whatever becomes of the executions that wanted it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from pipeline_service.domain.engine.editing import apply_deletion
from pipeline_service.domain.engine.polls import POLL_FIRST
from pipeline_service.domain.engine.reports import CloseDue, Fail, Learned, PollDue, Start, StartAnswer
from pipeline_service.domain.engine.resolving import Resolution, resolve
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import (
    Disposition,
    ExecutionState,
    NodeState,
    PurchaseOutcome,
    PurchaseState,
    StartOutcome,
    WaitingFor,
    WorkKind,
)
from pipeline_service.domain.values import Failure
from tests.factories import ACTOR, LEASE, World, a_beat, a_completion, noop
from tests.unit.pipeline.shop import SUBMITTED, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestIntent:
    def test_claim_intends_a_purchase_in_the_same_decision(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")

        purchase = shop.purchase()
        assert (purchase.state, purchase.claim) == (PurchaseState.INTENDED, claim)
        assert execution.purchase_id == purchase.id
        assert not purchase.possibly_submitted

    def test_free_work_buys_nothing(self) -> None:
        world = World(noop("free"))
        world.run()

        world.claim("free")

        assert world.ws.purchases == {}

    def test_repeated_claim_does_not_make_the_purchase_doubtful(self, shop: Shop) -> None:
        _, claim = shop.claim("clip")

        shop.claim("clip", claim=claim)

        assert not shop.purchase().possibly_submitted

    def test_worker_after_a_lost_one_has_the_same_key_and_is_told_of_the_doubt(self, shop: Shop) -> None:
        shop.claim("clip")
        first = shop.purchase()
        shop.lose_worker()

        shop.claim("clip")

        assert len(shop.ws.purchases) == 1
        assert shop.purchase().submit_key == first.submit_key
        assert shop.purchase().possibly_submitted


class TestSubmission:
    def test_accepted_job_parks_the_execution_and_plans_a_poll(self, shop: Shop) -> None:
        execution, _ = shop.submit()

        purchase = shop.purchase()
        assert (execution.state, execution.waiting_for) == (ExecutionState.WAITING, WaitingFor.VENDOR)
        assert (purchase.state, purchase.job_id) == (PurchaseState.SUBMITTED, "job-1")
        assert purchase.next_poll_at == shop.ws.now + timedelta(seconds=10)

    def test_job_reported_after_an_edit_ended_the_execution_is_still_asked_about(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        shop.import_(noop("clip", provider="ledger", nonce="another"))

        answer = shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

        assert answer is Disposition.SUPERSEDED
        assert (shop.purchase().state, shop.purchase().job_id) == (PurchaseState.SUBMITTED, "job-1")
        assert shop.purchase().next_poll_at is not None

    def test_word_of_a_worker_without_the_claim_changes_nothing(self, shop: Shop) -> None:
        execution, _ = shop.claim("clip")

        answer = shop.report(a_beat(execution.id, Claim(uuid4()), purchase=SUBMITTED))

        assert answer is Disposition.LOST
        assert shop.purchase().state is PurchaseState.INTENDED

    def test_definite_refusal_opens_the_way_to_another_purchase(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        refused = Learned(outcome=PurchaseOutcome.REFUSED)
        shop.report(a_beat(execution.id, claim, purchase=refused, requeue_after=timedelta(0)))

        shop.claim("clip")

        assert sorted(one.state for one in shop.ws.purchases.values()) == [
            PurchaseState.INTENDED,
            PurchaseState.REFUSED,
        ]
        assert not shop.purchase().possibly_submitted

    def test_failure_without_a_word_of_the_purchase_leaves_it_in_doubt(self, shop: Shop) -> None:
        shop.fail("clip", "internal")

        shop.claim("clip")

        assert len(shop.ws.purchases) == 1
        assert (shop.purchase().state, shop.purchase().possibly_submitted) == (PurchaseState.UNKNOWN, True)


class TestPoll:
    def test_result_of_a_poll_completes_the_node_and_settles_the_purchase(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        claim = shop.poll(execution)

        answer = shop.report(replace(a_completion(execution, claim), cost_micros=250_000))

        assert answer is Disposition.APPLIED
        assert shop.node("clip").state is NodeState.COMPLETED
        assert (shop.purchase().state, shop.purchase().cost_micros) == (PurchaseState.SETTLED, 250_000)

    def test_second_worker_is_held_off_while_one_asks(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        shop.poll(execution)

        answer = shop.start_poll(execution, Claim(uuid4()))

        assert answer == StartAnswer(outcome=StartOutcome.HELD, held_until=shop.ws.now + LEASE)

    def test_job_that_still_runs_is_asked_about_again(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        claim = shop.poll(execution)

        shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR, stage="rendering"))

        assert shop.purchase().next_poll_at == shop.ws.now + timedelta(seconds=10)
        assert shop.active("clip").state is ExecutionState.WAITING
        progress = shop.active("clip").progress
        assert progress is not None
        assert progress.stage == "rendering"

    def test_poll_that_no_worker_takes_is_sent_again_ever_later(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        waits = []
        for _ in range(3):
            due = shop.purchase().next_poll_at
            assert due is not None
            shop.ws.now = due
            shop.report(PollDue(execution_id=execution.id, due=due))
            after = shop.purchase().next_poll_at
            assert after is not None
            waits.append(after - due)

        assert waits == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
        assert [one.kind for one in shop.ws.dispatches[-3:]] == [WorkKind.POLL] * 3

    def test_timer_that_saw_an_older_due_time_changes_nothing(self, shop: Shop) -> None:
        execution, _ = shop.submit()

        answer = shop.report(PollDue(execution_id=execution.id, due=shop.ws.now - timedelta(seconds=1)))

        assert answer is Disposition.SUPERSEDED

    def test_worker_that_asked_and_went_silent_is_followed_by_another(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        shop.poll(execution)

        claim = shop.poll(execution)

        assert shop.purchase().claim == claim

    def test_older_dispatch_of_a_poll_is_stale(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        claim = shop.poll(execution)
        shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))
        shop.ws.now += timedelta(seconds=10)
        due = shop.purchase().next_poll_at
        assert due is not None
        shop.report(PollDue(execution_id=execution.id, due=due))

        old = Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=1, kind=WorkKind.POLL, actor="worker")

        assert shop.report(old) == StartAnswer(outcome=StartOutcome.STALE)

    def test_job_that_failed_is_bought_again_by_the_next_attempt(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        claim = shop.poll(execution)
        failure = Failure(error_type="provider_unavailable", message="the job broke")
        over = Learned(outcome=PurchaseOutcome.FAILED)

        shop.report(Fail(execution_id=execution.id, claim=claim, failure=failure, purchase=over, actor="worker"))
        shop.claim("clip")

        assert shop.active("clip").attempt == 2
        states = [one.state for one in sorted(shop.ws.purchases.values(), key=lambda one: one.id)]
        assert states == [PurchaseState.SETTLED, PurchaseState.INTENDED]


class TestDoubt:
    def ask_a_person(self, shop: Shop) -> Execution:
        execution, claim = shop.claim("clip")
        unknown = Learned(outcome=PurchaseOutcome.UNKNOWN)
        shop.report(a_beat(execution.id, claim, purchase=unknown, waiting_for=WaitingFor.HUMAN))
        return shop.active("clip")

    def resolve(self, shop: Shop, execution: Execution, resolution: Resolution) -> None:
        resolve(shop.ws, execution, resolution, rules=shop.rules, actor=ACTOR)

    def test_job_that_a_person_found_is_asked_about_at_once(self, shop: Shop) -> None:
        execution = self.ask_a_person(shop)

        self.resolve(shop, execution, Resolution(job_id="job-9"))

        assert shop.active("clip").waiting_for is WaitingFor.VENDOR
        assert (shop.purchase().job_id, shop.purchase().next_poll_at) == ("job-9", shop.ws.now)

    def test_submission_that_never_arrived_is_bought_anew_by_the_same_attempt(self, shop: Shop) -> None:
        execution = self.ask_a_person(shop)

        self.resolve(shop, execution, Resolution(submits_again=True))
        again, _ = shop.claim("clip")

        assert again.id == execution.id
        assert len(shop.ws.purchases) == 2
        assert not shop.purchase().possibly_submitted

    def test_given_up_work_fails_and_bars_equal_purchases(self, shop: Shop) -> None:
        self.resolve(shop, self.ask_a_person(shop), Resolution())

        assert shop.node("clip").state is NodeState.FAILED
        shop.run()
        shop.claim("clip")
        assert len(shop.ws.purchases) == 1
        assert shop.purchase().possibly_submitted


class TestAfterTheExecution:
    def test_edit_and_back_again_adopts_the_job_that_runs(self, shop: Shop) -> None:
        shop.submit()
        shop.import_(noop("clip", provider="ledger", nonce="another"))
        shop.import_(noop("clip", provider="ledger"))
        shop.run()

        execution, _ = shop.claim("clip")

        assert len(shop.ws.purchases) == 1
        assert (shop.purchase().execution_id, shop.purchase().job_id) == (execution.id, "job-1")

    def test_result_for_a_cancelled_execution_is_kept_and_settles_the_purchase(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        apply_deletion(shop.ws, shop.uid, actor=ACTOR)
        claim = shop.poll(execution)

        answer = shop.report(a_completion(execution, claim))

        assert answer is Disposition.SUPERSEDED
        assert shop.purchase().state is PurchaseState.SETTLED
        assert [one.work_digest for one in shop.ws.artifacts] == [execution.work_digest]

    def test_work_delivered_while_its_successor_waits_for_a_worker_is_not_bought_again(self, shop: Shop) -> None:
        first, _ = shop.submit()
        shop.import_(noop("clip", provider="ledger", nonce="another"))
        shop.import_(noop("clip", provider="ledger"))
        shop.run()
        waiting = shop.active("clip")
        shop.report(a_completion(first, shop.poll(first)))
        shop.deliver()

        answer = shop.report(
            Start(execution_id=waiting.id, claim=Claim(uuid4()), dispatch_no=waiting.dispatch_no, actor="worker")
        )

        assert answer == StartAnswer(outcome=StartOutcome.STALE)
        assert shop.node("clip").state is NodeState.COMPLETED
        assert len(shop.ws.purchases) == 1

    def test_forced_run_buys_anew_beside_the_open_purchase(self, shop: Shop) -> None:
        first, _ = shop.submit()
        shop.import_(noop("clip", provider="ledger", nonce="another"))
        shop.import_(noop("clip", provider="ledger"))
        shop.run(force=True)

        shop.claim("clip")

        assert [one.draw for one in sorted(shop.ws.purchases.values(), key=lambda one: one.id)] == [0, 1]
        assert shop.ws.purchases[first.purchase_id or shop.purchase().id].next_poll_at is not None

    def test_vendor_is_asked_a_last_time_before_an_execution_is_declared_dead(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        close_due_at = execution.close_due_at
        assert close_due_at is not None
        shop.ws.now = close_due_at

        shop.report(CloseDue(execution_id=execution.id, due=close_due_at))

        looked = shop.active("clip")
        assert looked.reconcile_until == looked.close_due_at == shop.ws.now + POLL_FIRST * 4
        assert shop.purchase().next_poll_at == shop.ws.now

    def test_attempt_after_a_time_out_goes_on_with_the_same_purchase(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        for _ in range(2):
            due = shop.ws.executions[execution.id].close_due_at
            assert due is not None
            shop.ws.now = due
            shop.report(CloseDue(execution_id=execution.id, due=due))

        assert shop.ws.executions[execution.id].state is ExecutionState.TIMED_OUT
        attempt, _ = shop.claim("clip")
        assert (attempt.attempt, len(shop.ws.purchases)) == (2, 1)
        assert shop.purchase().execution_id == attempt.id
