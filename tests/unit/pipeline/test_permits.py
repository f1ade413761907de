"""The permit of paid work: taken with its claim, held by its purchase, waited for in line."""

from datetime import timedelta
from uuid import uuid4

import pytest

from pipeline_service.domain.engine.dispatching import SCHEDULE_TO_CLOSE
from pipeline_service.domain.engine.ending import cancel_pipeline
from pipeline_service.domain.engine.permits import LOOK_AGAIN, TURNED_AWAY_AT_MOST
from pipeline_service.domain.engine.reports import Fail, Learned, RoomFound, Start, StartAnswer, VendorReport
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.model import Execution
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import (
    ExecutionState,
    PurchaseOutcome,
    PurchaseState,
    QueuePlace,
    StartOutcome,
    VendorTrouble,
    WaitingFor,
)
from pipeline_service.domain.values import Failure
from pipeline_service.domain.vendor_limit import FAILURES, SHARED, SLOT_LEASE, VendorLimit
from tests.factories import ACTOR, OWNER, World, a_beat, a_completion, noop
from tests.unit.pipeline.shop import SUBMITTED, Shop

REFUSED = Learned(outcome=PurchaseOutcome.REFUSED)
UNKNOWN = Learned(outcome=PurchaseOutcome.UNKNOWN)
BUSY = VendorReport(trouble=VendorTrouble.RATE_LIMITED, retry_after=timedelta(seconds=20))
SILENT = VendorReport(trouble=VendorTrouble.UNAVAILABLE)


@pytest.fixture
def shop() -> Shop:
    """With a vendor that takes two at a time."""
    shop = Shop()
    shop.ws.put(VendorLimit(vendor="ledger", maximum=2))
    return shop


def limit(shop: World) -> VendorLimit:
    return shop.ws.limits["ledger", SHARED]


def busy(shop: World) -> None:
    """Others have all slots."""
    shop.ws.put(replace(limit(shop), in_use=limit(shop).maximum))


def ask(shop: World, execution: Execution) -> StartAnswer:
    """A worker wants it."""
    number = shop.ws.executions[execution.id].dispatch_no
    answer = shop.report(Start(execution_id=execution.id, claim=Claim(uuid4()), dispatch_no=number, actor="worker"))
    assert isinstance(answer, StartAnswer)
    return answer


class TestClaim:
    def test_claim_takes_a_slot_that_its_purchase_holds(self, shop: Shop) -> None:
        shop.claim("clip")

        assert limit(shop).in_use == 1
        assert shop.purchase().slot_until == shop.ws.now + SLOT_LEASE

    def test_claim_of_a_busy_vendors_work_goes_back_into_line_and_buys_nothing(self, shop: Shop) -> None:
        busy(shop)
        execution = shop.active("clip")

        answer = ask(shop, execution)

        waiting = shop.active("clip")
        assert answer.outcome is StartOutcome.STALE
        assert (waiting.state, waiting.queue_place) == (ExecutionState.QUEUED, QueuePlace.IN_LINE)
        assert (waiting.attempt, waiting.start_time, shop.ws.purchases) == (1, None, {})

    def test_work_in_line_is_claimed_when_there_is_room_again(self, shop: Shop) -> None:
        busy(shop)
        ask(shop, shop.active("clip"))
        shop.ws.put(replace(limit(shop), in_use=1))
        waiting = shop.active("clip")
        assert waiting.dispatch_due_at is not None
        shop.report(RoomFound(execution_id=waiting.id, due=waiting.dispatch_due_at))

        assert ask(shop, waiting).outcome is StartOutcome.CLAIMED

    def test_free_work_asks_no_vendor(self) -> None:
        world = World(noop("free"))
        world.ws.put(VendorLimit(vendor="local", maximum=1, in_use=1))
        world.run()

        assert ask(world, world.active("free")).outcome is StartOutcome.CLAIMED
        assert world.ws.limits["local", SHARED].in_use == 1

    def test_two_claims_of_one_transaction_do_not_share_the_last_slot(self) -> None:
        world = World(noop("one", provider="ledger"), noop("two", provider="ledger"))
        world.ws.put(VendorLimit(vendor="ledger", maximum=1))
        world.run()

        answers = [ask(world, world.active(node)).outcome for node in ("one", "two")]

        assert answers == [StartOutcome.CLAIMED, StartOutcome.STALE]


class TestSlot:
    def test_slot_lasts_to_the_end_of_the_purchase(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        due = shop.purchase().next_poll_at
        assert due is not None
        assert shop.purchase().slot_until == due + SLOT_LEASE
        claim = shop.poll(execution)

        shop.report(a_completion(execution, claim))

        assert (shop.purchase().state, shop.purchase().slot_until) == (PurchaseState.SETTLED, None)

    def test_refused_submission_gives_its_slot_back(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")

        shop.report(a_beat(execution.id, claim, purchase=REFUSED, requeue_after=timedelta(seconds=1)))

        assert shop.purchase().slot_until is None

    def test_job_of_cancelled_work_keeps_its_slot(self, shop: Shop) -> None:
        shop.submit()

        cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)

        assert shop.purchase().slot_until == shop.ws.now + SLOT_LEASE

    def test_worker_that_goes_silent_leaves_its_slot_to_the_next_one(self, shop: Shop) -> None:
        shop.claim("clip")
        shop.lose_worker()
        busy(shop)

        assert ask(shop, shop.active("clip")).outcome is StartOutcome.CLAIMED
        assert limit(shop).in_use == 2

    def test_slot_of_a_submission_in_doubt_expires_with_its_lease(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        shop.report(a_beat(execution.id, claim, purchase=UNKNOWN, waiting_for=WaitingFor.HUMAN))

        assert shop.purchase().slot_until == shop.ws.now + SLOT_LEASE

    def test_signs_of_life_renew_the_slot_before_it_expires(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        first = shop.purchase().slot_until
        shop.report(a_beat(execution.id, claim))
        assert shop.purchase().slot_until == first
        shop.pass_time(SLOT_LEASE * 0.6)

        shop.report(a_beat(execution.id, claim))

        assert shop.purchase().slot_until == shop.ws.now + SLOT_LEASE

    def test_job_that_the_vendor_has_is_asked_about_however_busy_it_is(self, shop: Shop) -> None:
        shop.submit()
        cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)
        shop.run()
        busy(shop)

        assert ask(shop, shop.active("clip")).outcome is StartOutcome.CLAIMED


class TestTrouble:
    def test_vendor_that_is_busy_is_left_alone_by_everybody(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")

        shop.report(a_beat(execution.id, claim, purchase=REFUSED, requeue_after=timedelta(seconds=20), vendor=BUSY))

        assert limit(shop).not_before == shop.ws.now + timedelta(seconds=20)
        assert limit(shop).concurrency == 1
        assert ask(shop, shop.active("clip")).outcome is StartOutcome.STALE

    def test_word_of_a_worker_without_the_claim_teaches_nothing(self, shop: Shop) -> None:
        execution, _ = shop.claim("clip")
        known = limit(shop)

        shop.report(a_beat(execution.id, Claim(uuid4()), requeue_after=timedelta(0), vendor=BUSY))

        assert limit(shop) == known

    def test_job_that_the_vendor_throttles_is_learned_from_its_poll(self, shop: Shop) -> None:
        execution, _ = shop.submit()
        claim = shop.poll(execution)

        shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR, vendor=BUSY))

        assert limit(shop).not_before == shop.ws.now + timedelta(seconds=20)

    def test_failure_for_the_rate_says_the_same(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        failure = Failure(error_type="rate_limited", message="too many")

        shop.report(Fail(execution_id=execution.id, claim=claim, failure=failure, purchase=REFUSED, actor="worker"))

        assert limit(shop).not_before is not None

    def test_accepted_submission_is_success_of_the_vendor(self, shop: Shop) -> None:
        shop.ws.put(replace(limit(shop), failures=FAILURES - 1))

        shop.submit()

        assert limit(shop).failures == 0

    def test_result_that_comes_with_the_answer_is_success_too(self, shop: Shop) -> None:
        shop.ws.put(replace(limit(shop), failures=FAILURES - 1))

        shop.complete("clip")

        assert limit(shop).failures == 0

    def test_submission_in_doubt_is_not_repeated_at_a_vendor_that_is_left_alone(self, shop: Shop) -> None:
        shop.ws.put(replace(limit(shop), failures=FAILURES - 1))
        execution, claim = shop.claim("clip")
        shop.report(a_beat(execution.id, claim, purchase=UNKNOWN, requeue_after=timedelta(0), vendor=SILENT))

        answer = ask(shop, execution)

        waiting = shop.active("clip")
        assert (answer.outcome, waiting.queue_place) == (StartOutcome.STALE, QueuePlace.BACKING_OFF)
        assert waiting.dispatch_due_at == limit(shop).open_until

    def test_submission_in_doubt_is_the_probe_though_all_slots_are_taken(self, shop: Shop) -> None:
        shop.ws.put(replace(limit(shop), failures=FAILURES - 1))
        execution, claim = shop.claim("clip")
        shop.report(a_beat(execution.id, claim, purchase=UNKNOWN, requeue_after=timedelta(0), vendor=SILENT))
        busy(shop)
        open_until = limit(shop).open_until
        assert open_until is not None
        shop.ws.now = open_until

        assert ask(shop, execution).outcome is StartOutcome.CLAIMED
        assert limit(shop).probe_until is not None
        assert limit(shop).in_use == 2


class TestClock:
    """A vendor's Retry-After may be longer than what the node type allows an attempt."""

    def turn_away(self, shop: Shop, learned: Learned = REFUSED) -> Execution:
        execution, claim = shop.claim("clip")
        assert execution.start_time is not None
        beat = a_beat(execution.id, claim, purchase=learned, requeue_after=timedelta(hours=2), vendor=BUSY)
        shop.report(beat)
        return shop.active("clip")

    def test_work_that_a_busy_vendor_turned_away_has_not_begun_and_uses_no_attempt(self, shop: Shop) -> None:
        waiting = self.turn_away(shop)

        assert waiting.start_time is None
        assert waiting.close_due_at == shop.ws.now + timedelta(hours=2) + SCHEDULE_TO_CLOSE
        assert waiting.attempt == 1

    def test_work_that_may_have_been_accepted_keeps_its_deadline(self, shop: Shop) -> None:
        waiting = self.turn_away(shop, UNKNOWN)

        assert waiting.start_time is not None
        assert waiting.close_due_at == waiting.start_time + timedelta(minutes=15)

    def test_vendor_that_is_busy_for_more_than_a_day_is_waited_for_no_longer_than_an_attempt(self, shop: Shop) -> None:
        shop.pass_time(TURNED_AWAY_AT_MOST + timedelta(minutes=1))

        assert self.turn_away(shop).start_time is not None


class TestKeys:
    """The owner has a key of its own, for which the vendor takes one at a time."""

    @pytest.fixture
    def own(self, shop: Shop) -> Shop:
        shop.ws.own_keys = frozenset({(OWNER, "ledger")})
        shop.ws.put(VendorLimit(vendor="ledger", credential=OWNER, maximum=1))
        return shop

    def test_claim_takes_a_slot_of_the_key_that_pays(self, own: Shop) -> None:
        busy(own)

        own.claim("clip")

        assert own.purchase().credential == OWNER
        assert own.ws.limits["ledger", OWNER].in_use == 1

    def test_refusals_teach_of_the_key_that_met_them(self, own: Shop) -> None:
        shared = limit(own)
        execution, claim = own.claim("clip")

        own.report(a_beat(execution.id, claim, purchase=REFUSED, requeue_after=timedelta(seconds=20), vendor=BUSY))

        assert own.ws.limits["ledger", OWNER].not_before == own.ws.now + timedelta(seconds=20)
        assert limit(own) == shared

    def test_silence_opens_the_breaker_of_that_key_and_an_accepted_submission_closes_it(self, own: Shop) -> None:
        own.ws.put(replace(own.ws.limits["ledger", OWNER], failures=FAILURES - 1))
        execution, claim = own.claim("clip")
        own.report(a_beat(execution.id, claim, purchase=UNKNOWN, requeue_after=timedelta(0), vendor=SILENT))
        open_until = own.ws.limits["ledger", OWNER].open_until
        assert open_until is not None
        assert limit(own).open_until is None
        own.ws.now = open_until

        own.submit()

        assert own.ws.limits["ledger", OWNER].open_until is None

    def test_submission_in_doubt_is_repeated_with_its_key_though_the_owner_has_another_by_now(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        shop.report(a_beat(execution.id, claim, purchase=UNKNOWN, requeue_after=timedelta(0)))
        shop.ws.own_keys = frozenset({(OWNER, "ledger")})

        own_limit = VendorLimit(vendor="ledger", credential=OWNER, maximum=1)
        shop.ws.put(own_limit)
        assert ask(shop, execution).outcome is StartOutcome.CLAIMED

        assert shop.purchase().credential == SHARED
        assert shop.ws.limits["ledger", OWNER] == own_limit

    def test_it_waits_by_the_clock_and_not_in_the_line_of_the_other_key(self, shop: Shop) -> None:
        execution, claim = shop.claim("clip")
        shop.report(a_beat(execution.id, claim, purchase=UNKNOWN, requeue_after=timedelta(0)))
        shop.pass_time(SLOT_LEASE)
        shop.ws.own_keys = frozenset({(OWNER, "ledger")})
        busy(shop)

        ask(shop, execution)

        waiting = shop.active("clip")
        assert (waiting.queue_place, waiting.dispatch_due_at) == (QueuePlace.BACKING_OFF, shop.ws.now + LOOK_AGAIN)
