"""A vendor's signal brings the next question forward, and no oftener than every 5 s."""

from datetime import timedelta

import pytest

from pipeline_service.domain.engine.ending import cancel_pipeline
from pipeline_service.domain.engine.reports import JobSignalled
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition, WaitingFor
from tests.factories import ACTOR, a_beat, a_completion
from tests.unit.pipeline.shop import SUBMITTED, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def signal(shop: Shop, execution: Execution) -> object:
    return shop.report(JobSignalled(execution_id=execution.id))


def test_signal_makes_the_poll_due_now(shop: Shop) -> None:
    execution, _ = shop.submit()

    assert signal(shop, execution) is Disposition.APPLIED
    assert shop.purchase().next_poll_at == shop.ws.now


def test_repeated_signal_changes_nothing(shop: Shop) -> None:
    execution, _ = shop.submit()
    signal(shop, execution)
    told = shop.purchase()
    shop.pass_time(timedelta(seconds=1))

    assert signal(shop, execution) is Disposition.DUPLICATE
    assert shop.purchase() == told


def test_signal_just_behind_a_question_waits_for_five_seconds_after_it(shop: Shop) -> None:
    execution, _ = shop.submit()
    claim = shop.poll(execution)
    asked_at = shop.ws.now
    shop.pass_time(timedelta(seconds=2))
    shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert signal(shop, execution) is Disposition.APPLIED
    assert shop.purchase().next_poll_at == asked_at + timedelta(seconds=5)


def test_signal_during_a_question_is_not_forgotten(shop: Shop) -> None:
    execution, _ = shop.submit()
    claim = shop.poll(execution)
    asked_at = shop.ws.now
    shop.pass_time(timedelta(seconds=1))

    assert signal(shop, execution) is Disposition.APPLIED
    assert signal(shop, execution) is Disposition.DUPLICATE
    shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert shop.purchase().next_poll_at == asked_at + timedelta(seconds=5)


def test_poll_that_no_worker_takes_is_sent_again_at_a_signal_after_five_seconds(shop: Shop) -> None:
    execution, _ = shop.submit()
    shop.poll_due(execution)
    sent_at = shop.ws.now

    shop.poll_due(execution)
    shop.pass_time(timedelta(seconds=1))

    assert shop.purchase().next_poll_at == sent_at + timedelta(seconds=15)
    assert signal(shop, execution) is Disposition.APPLIED
    assert shop.purchase().next_poll_at == sent_at + timedelta(seconds=10)


def test_signal_for_work_that_was_cancelled_has_the_vendor_asked(shop: Shop) -> None:
    execution, claim = shop.claim("clip")
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)
    shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert signal(shop, execution) is Disposition.APPLIED
    assert shop.purchase().next_poll_at == shop.ws.now


def test_signal_before_the_job_is_known_and_after_its_end_changes_nothing(shop: Shop) -> None:
    queued = shop.active("clip")
    assert signal(shop, queued) is Disposition.SUPERSEDED

    execution, _ = shop.submit()
    claim = shop.poll(execution)
    shop.report(a_completion(execution, claim))

    assert signal(shop, execution) is Disposition.SUPERSEDED
    assert shop.purchase().next_poll_at is None


def test_signal_while_a_worker_has_the_execution_plans_no_poll_beside_it(shop: Shop) -> None:
    shop.submit()
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)
    shop.run()
    again, claim = shop.claim("clip")

    assert signal(shop, again) is Disposition.APPLIED
    assert shop.purchase().next_poll_at is None
    shop.report(a_beat(again.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert shop.purchase().next_poll_at == shop.ws.now
