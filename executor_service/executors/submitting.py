"""What a worker may do with a purchase that is not submitted for certain, and what it reports of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from executor_service.executors.vendor import InDoubt
from executor_service.integrations.vendor_errors import Away, Refused, trouble_of
from executor_service.task import (
    AwaitingPerson,
    ErrorType,
    GiveUp,
    Learned,
    Purchase,
    PurchaseOutcome,
    RetryLater,
    Task,
)

_REPEAT_FIRST_S, _REPEAT_MOST_S = 2, 60
"""Before a submission in doubt is repeated."""
_PREPARE_AGAIN = timedelta(seconds=30)
"""Before a vendor that did not answer what comes before a submission is tried again."""
_SAYS_NOTHING_OF_AN_EARLIER_ONE = frozenset({ErrorType.RATE_LIMITED, ErrorType.CREDENTIAL, ErrorType.QUOTA_EXHAUSTED})
"""Refusals at the vendor's door, before it looks at the key."""


def purchase_of(task: Task) -> Purchase:
    if task.purchase is None:
        raise GiveUp(ErrorType.INTERNAL, f"'{task.provider}' is paid, and the task says nothing of a purchase")
    return task.purchase


def may_submit(purchase: Purchase, in_doubt: InDoubt, *, now: datetime) -> bool:
    """Whether a submission now is the first one, the same one, or one that the vendor's rules allow."""
    if purchase.possible_submissions <= in_doubt.resubmissions:
        return True
    if purchase.intend_time is None:
        return False
    return now - purchase.intend_time < in_doubt.repeat_within


def nobody_can_tell() -> AwaitingPerson:
    return AwaitingPerson("the vendor may have accepted the submission, and cannot be asked")


@contextmanager
def before_submission(purchase: Purchase) -> Iterator[None]:
    """Whatever goes wrong here, this worker has submitted nothing."""
    never = None if purchase.possible_submissions else Learned(outcome=PurchaseOutcome.REFUSED)
    try:
        yield
    except Refused as refused:
        raise _refusal(refused, never) from refused
    except Away as away:
        raise RetryLater(
            away.retry_after or _PREPARE_AGAIN, str(away), purchase=never, vendor=trouble_of(away)
        ) from away
    except RetryLater as later:
        raise RetryLater(later.after, str(later), purchase=never, vendor=later.vendor) from later
    except GiveUp as given_up:
        failure = given_up.failure
        raise GiveUp(failure.error_type, failure.message, failure.details, purchase=never) from given_up


@contextmanager
def submission(purchase: Purchase) -> Iterator[None]:
    """The call that may be paid for.

    A refusal closes the purchase; but not where an earlier submission may have been accepted and this one did not get
    as far as its key: then the doubt stays.
    """
    try:
        yield
    except Refused as refused:
        stays = purchase.possible_submissions and refused.error_type in _SAYS_NOTHING_OF_AN_EARLIER_ONE
        outcome = PurchaseOutcome.UNKNOWN if stays else PurchaseOutcome.REFUSED
        raise _refusal(refused, Learned(outcome=outcome)) from refused
    except Away as away:
        unsure = Learned(outcome=PurchaseOutcome.UNKNOWN)
        after = away.retry_after or _repeat_after(purchase)
        why = f"the submission is in doubt: {away}"
        raise RetryLater(after, why, purchase=unsure, vendor=trouble_of(away)) from away


def _refusal(refused: Refused, learned: Learned | None) -> RetryLater | GiveUp:
    if refused.retry_after is not None:
        return RetryLater(refused.retry_after, str(refused), purchase=learned, vendor=trouble_of(refused))
    return GiveUp(refused.error_type, str(refused), purchase=learned)


def _repeat_after(purchase: Purchase) -> timedelta:
    return timedelta(seconds=min(_REPEAT_FIRST_S * 2 ** min(purchase.possible_submissions, 8), _REPEAT_MOST_S))
