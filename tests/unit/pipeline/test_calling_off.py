"""What a user cancels is called off at its vendor, unless somebody wants it."""

import pytest

from pipeline_service.domain.engine.ending import cancel_node, cancel_pipeline, cancel_run
from pipeline_service.domain.engine.purchases import THINKING_TIME
from pipeline_service.domain.engine.reports import PollDue
from pipeline_service.domain.model import Execution
from pipeline_service.domain.states import Disposition, PurchaseState, WaitingFor, WorkKind
from tests.factories import ACTOR, a_beat, a_completion, noop
from tests.unit.pipeline.shop import SUBMITTED, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def fall_due(shop: Shop, execution: Execution, *, is_wanted: bool = False) -> WorkKind:
    """What a worker is told to do when the next question is due."""
    due = shop.purchase().next_poll_at
    assert due is not None
    shop.ws.now = due
    assert shop.report(PollDue(execution_id=execution.id, due=due, is_wanted=is_wanted)) is Disposition.APPLIED
    return shop.ws.dispatches[-1].kind


@pytest.mark.parametrize("what", ["run", "node", "pipeline"])
def test_vendor_is_asked_to_stop_what_a_user_cancelled(shop: Shop, what: str) -> None:
    execution, _ = shop.submit()
    match what:
        case "run":
            cancel_run(shop.ws, next(iter(shop.ws.runs.values())), actor=ACTOR)
        case "node":
            cancel_node(shop.ws, execution, rules=shop.rules, actor=ACTOR)
        case _:
            cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)

    assert shop.purchase().next_poll_at == shop.ws.now + THINKING_TIME
    assert fall_due(shop, execution) is WorkKind.CANCEL


def test_work_that_an_edit_superseded_is_not_called_off(shop: Shop) -> None:
    """Whoever edits may go back, and has it then."""
    execution, _ = shop.submit()
    shop.import_(noop("clip", provider="ledger", nonce="another"))

    assert not shop.purchase().called_off
    assert fall_due(shop, execution) is WorkKind.POLL


def test_work_that_somebody_else_wants_is_only_asked_about(shop: Shop) -> None:
    execution, _ = shop.submit()
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)

    assert fall_due(shop, execution, is_wanted=True) is WorkKind.POLL


def test_user_who_wants_it_again_takes_it_over_and_nothing_is_called_off(shop: Shop) -> None:
    shop.submit()
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)
    shop.run()

    again, claim = shop.claim("clip")
    shop.report(a_beat(again.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert not shop.purchase().called_off
    assert fall_due(shop, again) is WorkKind.POLL


def test_job_that_is_reported_after_the_cancel_is_called_off_as_well(shop: Shop) -> None:
    execution, claim = shop.claim("clip")
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)

    shop.report(a_beat(execution.id, claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR))

    assert fall_due(shop, execution) is WorkKind.CANCEL


def test_worker_that_knows_no_such_work_is_followed_by_a_plain_question(shop: Shop) -> None:
    execution, _ = shop.submit()
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)

    assert [fall_due(shop, execution) for _ in range(3)] == [WorkKind.CANCEL, WorkKind.POLL, WorkKind.CANCEL]


def test_result_that_still_comes_is_kept_and_adopted(shop: Shop) -> None:
    execution, _ = shop.submit()
    cancel_pipeline(shop.ws, shop.uid, actor=ACTOR)
    fall_due(shop, execution)
    claim = shop.poll(execution)

    answer = shop.report(a_completion(execution, claim))

    assert answer is Disposition.SUPERSEDED
    assert shop.purchase().state is PurchaseState.SETTLED
    assert [one.execution_id for one in shop.ws.artifacts] == [execution.id]
