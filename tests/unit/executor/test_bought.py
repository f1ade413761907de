"""Bought work: what a worker does with a purchase, by its state and by what the vendor can tell."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from executor_service.executors.bought import Away, Bought, Done, Over, Refused, Running, Status
from executor_service.executors.context import Context
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
from tests.unit.executor.builders import a_context, a_task, an_artifact

SECOND = timedelta(seconds=1)
RUNNING = Running(job_id="job-1", ask_after=SECOND)


@dataclass
class ScriptedVendor:
    """A vendor that answers what the test says, and counts what it was asked."""

    knows_keys: bool = True
    submit_timeout_s: float = 5.0
    accepts: Running | Exception = RUNNING
    says: Status | Exception | None = RUNNING
    submitted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def submit(self, task: Task, *, key: str) -> Running:
        del task
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
        return an_artifact(f"{context.key_prefix}{job_id}.json")

    def _said(self) -> Status | None:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def bought_task(state: PurchaseState, *, job_id: str = "", possibly_submitted: bool = False) -> Task:
    purchase = Purchase(submit_key="key-1", state=state, job_id=job_id, possibly_submitted=possibly_submitted)
    return replace(a_task("noop", provider="ledger"), purchase=purchase)


async def test_intended_purchase_is_submitted_under_its_key(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    ending = await Bought(vendor).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert ending == AwaitingVendor(job_id="job-1", ask_after=SECOND)
    assert vendor.submitted == ["key-1"]


async def test_submitted_purchase_is_asked_about_and_not_submitted(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    await Bought(vendor).execute(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert (vendor.submitted, vendor.asked) == ([], ["job-1"])


async def test_purchase_in_doubt_is_submitted_again_where_keys_are_known(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    await Bought(vendor).execute(bought_task(PurchaseState.UNKNOWN, possibly_submitted=True), a_context(tmp_path))

    assert vendor.submitted == ["key-1"]


async def test_purchase_in_doubt_waits_for_a_person_where_nobody_can_tell(tmp_path: Path) -> None:
    vendor = ScriptedVendor(knows_keys=False)

    ending = await Bought(vendor).execute(
        bought_task(PurchaseState.INTENDED, possibly_submitted=True), a_context(tmp_path)
    )

    assert isinstance(ending, AwaitingPerson)
    assert vendor.submitted == []


async def test_lost_answer_leaves_the_purchase_unknown(tmp_path: Path) -> None:
    with pytest.raises(RetryLater) as later:
        await Bought(ScriptedVendor(accepts=Away("no answer"))).execute(
            bought_task(PurchaseState.INTENDED), a_context(tmp_path)
        )

    assert later.value.purchase == Learned(outcome=PurchaseOutcome.UNKNOWN)


async def test_refusal_says_that_nothing_is_paid(tmp_path: Path) -> None:
    refused = Refused(ErrorType.INVALID_INPUT, "no such voice")

    with pytest.raises(GiveUp) as given_up:
        await Bought(ScriptedVendor(accepts=refused)).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert given_up.value.failure.error_type is ErrorType.INVALID_INPUT
    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.REFUSED)


async def test_busy_vendor_is_tried_later_by_the_same_attempt(tmp_path: Path) -> None:
    busy = Refused(ErrorType.RATE_LIMITED, "busy", retry_after=SECOND * 7)

    with pytest.raises(RetryLater) as later:
        await Bought(ScriptedVendor(accepts=busy)).execute(bought_task(PurchaseState.INTENDED), a_context(tmp_path))

    assert (later.value.after, later.value.purchase) == (SECOND * 7, Learned(outcome=PurchaseOutcome.REFUSED))


async def test_finished_job_is_fetched_with_what_it_cost(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Done(job_id="job-1", cost_micros=250_000))

    ending = await Bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert isinstance(ending, Output)
    assert (ending.s3_key.endswith("job-1.json"), ending.cost_micros) == (True, 250_000)


async def test_failed_job_ends_the_purchase(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Over(error_type=ErrorType.MODERATION, message="declined", cost_micros=0))

    with pytest.raises(GiveUp) as given_up:
        await Bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.FAILED, cost_micros=0)


async def test_vendor_that_does_not_answer_a_poll_says_nothing_of_the_job(tmp_path: Path) -> None:
    vendor = ScriptedVendor(says=Away("503"))

    with pytest.raises(RetryLater) as later:
        await Bought(vendor).ask(bought_task(PurchaseState.SUBMITTED, job_id="job-1"), a_context(tmp_path))

    assert later.value.purchase is None


async def test_submission_that_never_arrived_is_refused_by_the_look_up(tmp_path: Path) -> None:
    with pytest.raises(GiveUp) as given_up:
        await Bought(ScriptedVendor(says=None)).ask(bought_task(PurchaseState.UNKNOWN), a_context(tmp_path))

    assert given_up.value.failure.purchase == Learned(outcome=PurchaseOutcome.REFUSED)


async def test_task_of_a_paid_provider_without_a_purchase_is_not_submitted(tmp_path: Path) -> None:
    vendor = ScriptedVendor()

    with pytest.raises(GiveUp):
        await Bought(vendor).execute(a_task("noop", provider="ledger"), a_context(tmp_path))

    assert vendor.submitted == []
