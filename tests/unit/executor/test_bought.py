"""Bought work: what a worker does with a purchase, by its state and by what the vendor can tell."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from executor_service.executors.bought import Bought
from executor_service.executors.context import Context
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Spoilt, Status
from executor_service.integrations.vendor_errors import Away, Gone, Refused
from executor_service.task import (
    AwaitingPerson,
    AwaitingVendor,
    ErrorType,
    GiveUp,
    Learned,
    Output,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    Task,
)
from tests.fakes.clock import FakeClock
from tests.unit.executor.builders import a_context, a_task, an_artifact

SECOND = timedelta(seconds=1)
KEYS = InDoubt(repeat_within=timedelta(hours=1), can_find=True)
BLIND = InDoubt()
RUNNING = Running(job_id="job-1", ask_after=SECOND)


@dataclass
class ScriptedVendor:
    """A vendor that answers what the test says, and counts what it was asked."""

    in_doubt: InDoubt = KEYS
    submit_timeout_s: float = 5.0
    accepts: Running | Exception = RUNNING
    says: Status | Exception | None = RUNNING
    delivers: Exception | None = None
    unprepared: Exception | None = None
    submitted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def prepare(self, task: Task, context: Context) -> str:
        if self.unprepared is not None:
            raise self.unprepared
        return task.title

    async def submit(self, order: str, *, key: str) -> Running:
        self.submitted.append(key)
        if isinstance(self.accepts, Exception):
            raise self.accepts
        return self.accepts

    async def find(self, key: str) -> Status | None:
        self.asked.append(key)
        return self._said()

    async def status(self, job_id: str) -> Status:
        self.asked.append(job_id)
        said = self._said()
        assert said is not None
        return said

    async def fetch(self, job_id: str, context: Context) -> Output:
        if self.delivers is not None:
            raise self.delivers
        return an_artifact(f"{context.key_prefix}{job_id}.json")

    def _said(self) -> Status | None:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def bought_task(state: PurchaseState, *, job_id: str = "", before: int = 0, age: timedelta = SECOND) -> Task:
    """`before` so many earlier workers may have submitted it."""
    purchase = Purchase(
        submit_key="key-1",
        state=state,
        job_id=job_id,
        possible_submissions=before,
        intend_time=FakeClock().now() - age,
    )
    return replace(a_task("noop", provider="ledger"), purchase=purchase)


def bought(vendor: ScriptedVendor) -> Bought[str]:
    return Bought(vendor, FakeClock())


async def test_intended_purchase_is_submitted_under_its_key(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    ending = await bought(vendor).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert ending == AwaitingVendor(job_id="job-1", ask_after=SECOND)
    assert vendor.submitted == ["key-1"]


async def test_submitted_purchase_is_asked_about_and_not_submitted(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    await bought(vendor).execute(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert (vendor.submitted, vendor.asked) == ([], ["job-1"])


async def test_purchase_in_doubt_is_submitted_again_where_keys_are_known(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    await bought(vendor).execute(bought_task(PurchaseState.UNKNOWN, before=1), a_context(tmp_path))

    assert vendor.submitted == ["key-1"]


async def test_purchase_in_doubt_waits_for_a_person_where_nobody_can_tell(tmp_path: Path) -> None:
    vendor = ScriptedVendor(in_doubt=BLIND)

    ending = await bought(vendor).execute(bought_task(PurchaseState.INTENDED, before=1), a_context(tmp_path))

    assert isinstance(ending, AwaitingPerson)
    assert vendor.submitted == []


async def test_lost_answer_leaves_the_purchase_unknown(tmp_path: Path) -> None:
    with pytest.raises(RetryLater) as later:
        await bought(ScriptedVendor(accepts=Away("no answer"))).execute(
            bought_task(PurchaseState.INTENDED), a_context(tmp_path)
        )

    assert later.value.purchase == Learned(outcome=PurchaseOutcome.UNKNOWN)


async def test_refusal_says_that_nothing_is_paid(tmp_path: Path) -> None:
    refused = Refused(ErrorType.INVALID_INPUT, "no such voice")

    with pytest.raises(GiveUp) as given_up:
        await bought(ScriptedVendor(accepts=refused)).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert given_up.value.failure.error_type is ErrorType.INVALID_INPUT
    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.REFUSED)


async def test_busy_vendor_is_tried_later_by_the_same_attempt(tmp_path: Path) -> None:
    busy = Refused(ErrorType.RATE_LIMITED, "busy", retry_after=SECOND * 7)

    with pytest.raises(RetryLater) as later:
        await bought(ScriptedVendor(accepts=busy)).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert (later.value.after, later.value.purchase) == (SECOND * 7, Learned(outcome=PurchaseOutcome.REFUSED))


async def test_finished_job_is_fetched_with_what_it_cost(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Done(job_id="job-1", cost_micros=250_000))

    ending = await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert isinstance(ending, Output)
    assert (ending.s3_key.endswith("job-1.json"), ending.cost_micros) == (True, 250_000)


async def test_failed_job_ends_the_purchase(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Over(error_type=ErrorType.MODERATION, message="declined", cost_micros=0))

    with pytest.raises(GiveUp) as given_up:
        await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.FAILED, cost_micros=0)


async def test_vendor_that_does_not_answer_a_poll_says_nothing_of_the_job(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Away("503"))

    with pytest.raises(RetryLater) as later:
        await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert later.value.purchase is None


async def test_submission_that_never_arrived_is_refused_by_the_look_up(tmp_path: Path) -> None:
    with pytest.raises(GiveUp) as given_up:
        await bought(ScriptedVendor(says=None)).ask(bought_task(PurchaseState.UNKNOWN), a_context(tmp_path))

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.REFUSED)


async def test_task_of_a_paid_provider_without_a_purchase_is_not_submitted(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    with pytest.raises(GiveUp):
        await bought(vendor).execute(a_task("noop", provider="ledger"), a_context(tmp_path))

    assert vendor.submitted == []


async def test_key_that_is_too_old_is_not_repeated(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    ending = await bought(vendor).execute(
        bought_task(PurchaseState.UNKNOWN, before=1, age=timedelta(hours=1)), a_context(tmp_path)
    )

    assert isinstance(ending, AwaitingPerson)
    assert vendor.submitted == []


@pytest.mark.parametrize("why", [ErrorType.RATE_LIMITED, ErrorType.CREDENTIAL, ErrorType.QUOTA_EXHAUSTED])
async def test_refusal_at_the_door_leaves_an_earlier_submission_in_doubt(tmp_path: Path, why: ErrorType) -> None:
    vendor = ScriptedVendor(accepts=Refused(why, "not now", retry_after=SECOND))

    with pytest.raises(RetryLater) as later:
        await bought(vendor).execute(bought_task(PurchaseState.UNKNOWN, before=1), a_context(tmp_path))

    assert later.value.purchase == Learned(outcome=PurchaseOutcome.UNKNOWN)


async def test_repeated_key_that_is_refused_for_what_it_asks_was_never_accepted(tmp_path: Path) -> None:
    vendor = ScriptedVendor(accepts=Refused(ErrorType.INVALID_INPUT, "no such avatar"))

    with pytest.raises(GiveUp) as given_up:
        await bought(vendor).execute(bought_task(PurchaseState.UNKNOWN, before=1), a_context(tmp_path))

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.REFUSED)


@pytest.mark.parametrize(
    ("trouble", "ending"),
    [
        (Away("upload broke off"), RetryLater),
        (Refused(ErrorType.CREDENTIAL, "no such key"), GiveUp),
        (RetryLater(SECOND, "the store does not answer"), RetryLater),
        (GiveUp(ErrorType.MEDIA_MISMATCH, "not a sound"), GiveUp),
    ],
)
@pytest.mark.parametrize(("before", "learned"), [(0, Learned(outcome=PurchaseOutcome.REFUSED)), (1, None)])
async def test_trouble_before_the_submission_closes_only_a_purchase_without_doubt(
    tmp_path: Path, trouble: Exception, ending: type[RetryLater | GiveUp], before: int, learned: Learned | None
) -> None:
    vendor = ScriptedVendor(unprepared=trouble)

    with pytest.raises(ending) as ended:
        await bought(vendor).execute(bought_task(PurchaseState.INTENDED, before=before), a_context(tmp_path))

    assert vendor.submitted == []
    raised = ended.value
    assert (raised.failure.purchase if isinstance(raised, GiveUp) else raised.purchase) == learned


async def test_submission_in_doubt_of_an_ended_execution_is_not_repeated_where_it_cannot_be_found(
    tmp_path: Path,
) -> None:
    vendor = ScriptedVendor(in_doubt=InDoubt(repeat_within=timedelta(hours=1)))

    ending = await bought(vendor).ask(bought_task(PurchaseState.UNKNOWN, before=1), a_context(tmp_path))

    assert isinstance(ending, AwaitingPerson)
    assert vendor.submitted == []


@pytest.mark.parametrize("answer", [Away("503", retry_after=SECOND * 9), Refused(ErrorType.CREDENTIAL, "changed")])
async def test_question_that_is_not_answered_is_asked_again(tmp_path: Path, answer: Away | Refused) -> None:
    with pytest.raises(RetryLater) as later:
        await bought(ScriptedVendor(says=answer)).ask(
            bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path)
        )

    assert later.value.after == (answer.retry_after or SECOND * 5)


@pytest.mark.parametrize(
    ("age", "ask_again"), [(SECOND, SECOND * 5), (SECOND * 200, SECOND * 10), (timedelta(days=3), SECOND * 600)]
)
async def test_the_older_a_purchase_the_rarer_it_is_asked_about(
    tmp_path: Path, age: timedelta, ask_again: timedelta
) -> None:
    with pytest.raises(RetryLater) as later:
        await bought(ScriptedVendor(says=Away("503"))).ask(
            bought_task(PurchaseState.SUBMITTED, job_id="job-1", age=age), a_context(tmp_path)
        )

    assert later.value.after == ask_again


async def test_job_that_the_vendor_does_not_know_yet_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        await bought(ScriptedVendor(says=Gone("?"))).ask(
            bought_task(PurchaseState.SUBMITTED, job_id="job-1", age=SECOND * 299), a_context(tmp_path)
        )


async def test_job_that_the_vendor_has_forgotten_ends_the_purchase(tmp_path: Path) -> None:
    with pytest.raises(GiveUp) as given_up:
        await bought(ScriptedVendor(says=Gone("?"))).ask(
            bought_task(PurchaseState.SUBMITTED, job_id="job-1", age=SECOND * 300), a_context(tmp_path)
        )

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.FAILED)


async def test_result_that_is_none_ends_the_purchase_and_buys_no_other(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Done(job_id="job-1", cost_micros=7), delivers=Spoilt("the vendor's result is empty"))

    with pytest.raises(GiveUp) as given_up:
        await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    failure = given_up.value.failure
    assert failure.error_type is ErrorType.MEDIA_MISMATCH
    assert failure.purchase == Learned(outcome=PurchaseOutcome.FAILED, cost_micros=7)


@dataclass
class StoppableVendor(ScriptedVendor):
    """One that can be asked to stop, and says `refuses` if it will not."""

    refuses: Exception | None = None
    stopped: list[str] = field(default_factory=list)

    async def stop(self, job_id: str) -> None:
        self.stopped.append(job_id)
        if self.refuses is not None:
            raise self.refuses


def called_off(tmp_path: Path) -> Context:
    return replace(a_context(tmp_path), is_called_off=True)


async def test_job_that_was_called_off_is_stopped_and_its_purchase_over(tmp_path: Path) -> None:
    vendor = StoppableVendor()

    with pytest.raises(GiveUp) as end:
        await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), called_off(tmp_path))

    assert vendor.stopped == ["job-1"]
    assert end.value.failure.error_type is ErrorType.CANCELLED
    assert end.value.failure.purchase == Learned(outcome=PurchaseOutcome.FAILED)


async def test_plain_question_stops_nothing(tmp_path: Path) -> None:
    vendor = StoppableVendor()

    await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert vendor.stopped == []


async def test_result_that_is_there_already_is_kept_though_it_was_called_off(tmp_path: Path) -> None:
    vendor = StoppableVendor(says=Done(job_id="job-1", cost_micros=7))

    ending = await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), called_off(tmp_path))

    assert isinstance(ending, Output)
    assert vendor.stopped == []


@pytest.mark.parametrize(
    "vendor", [ScriptedVendor(), StoppableVendor(refuses=Refused(ErrorType.INVALID_INPUT, "too late"))]
)
async def test_job_that_the_vendor_cannot_or_will_not_stop_is_waited_for(
    tmp_path: Path, vendor: ScriptedVendor
) -> None:
    ending = await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), called_off(tmp_path))

    assert isinstance(ending, AwaitingVendor)


async def test_vendor_that_does_not_answer_the_cancel_is_asked_again(tmp_path: Path) -> None:
    vendor = StoppableVendor(refuses=Away("timeout"))

    with pytest.raises(RetryLater):
        await bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), called_off(tmp_path))
