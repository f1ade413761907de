"""Work is bought with the key of its owner, where it has one; the key is asked for anew at each use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from executor_service.completion.owners_keys import KeyRefused, NotHeld, OwnersKeys
from executor_service.completion.reports import ServiceUnreachable
from executor_service.executors.context import Context
from executor_service.executors.owners_key import Opened, WithOwnersKey
from executor_service.integrations.vendor_errors import InvalidCredentials
from executor_service.task import (
    AwaitingVendor,
    ClaimId,
    ErrorType,
    ExecutionId,
    GiveUp,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    Task,
)
from tests.fakes.credentials import FakeCredentials
from tests.unit.executor.builders import a_context, a_task

EXECUTION = ExecutionId("0194f1d0-0000-7000-8000-000000000001")
CLAIM = ClaimId("5b3f1c9e-1111-4222-8333-444455556666")
WAITING = AwaitingVendor(job_id="job", ask_after=timedelta(seconds=10))


@dataclass
class Vendor:
    """Remembers what it was asked, and whether it was closed."""

    key: str
    done: list[str] = field(default_factory=list)

    async def execute(self, task: Task, context: Context) -> AwaitingVendor:
        self.done.append("executed")
        return WAITING

    async def ask(self, task: Task, context: Context) -> AwaitingVendor:
        self.done.append("asked")
        return WAITING

    async def close(self) -> None:
        self.done.append("closed")


@dataclass
class Shop:
    """A vendor behind the owner's key, and this executor's own."""

    own: Vendor = field(default_factory=lambda: Vendor("own"))
    opened: list[Vendor] = field(default_factory=list)

    def executor(self) -> WithOwnersKey:
        return WithOwnersKey("heygen", self._open, own=self.own)

    def _open(self, key: str) -> Opened:
        if key == "garbage":
            raise InvalidCredentials("expected another thing")
        self.opened.append(Vendor(key))
        return self.opened[-1], self.opened[-1].close


def context(folder: Path, key: Callable[[str], Awaitable[str | None]]) -> Context:
    return replace(a_context(folder), owners_key=key)


def bought() -> Task:
    purchase = Purchase(
        submit_key="key", state=PurchaseState.INTENDED, job_id="", intend_time=None, possible_submissions=0
    )
    return replace(a_task("generate-talking-head", provider="heygen"), purchase=purchase)


def key_of(value: str | None) -> Callable[[str], Awaitable[str | None]]:
    async def find(vendor: str) -> str | None:
        assert vendor == "heygen"
        return value

    return find


async def test_owner_with_a_key_is_served_with_it_and_the_vendor_is_closed(tmp_path: Path) -> None:
    shop = Shop()

    await shop.executor().execute(bought(), context(tmp_path, key_of("of the owner")))
    await shop.executor().ask(bought(), context(tmp_path, key_of("of the owner")))

    assert [(one.key, one.done) for one in shop.opened] == [
        ("of the owner", ["executed", "closed"]),
        ("of the owner", ["asked", "closed"]),
    ]
    assert shop.own.done == []


async def test_owner_without_a_key_is_served_with_that_of_the_executor(tmp_path: Path) -> None:
    shop = Shop()

    await shop.executor().execute(bought(), context(tmp_path, key_of(None)))

    assert shop.own.done == ["executed"]
    assert shop.opened == []


async def test_key_that_is_none_gives_up_before_anything_is_bought(tmp_path: Path) -> None:
    with pytest.raises(GiveUp, match="the owner's key at 'heygen'") as given_up:
        await Shop().executor().execute(bought(), context(tmp_path, key_of("garbage")))

    assert given_up.value.failure.error_type is ErrorType.CREDENTIAL
    assert given_up.value.failure.purchase is not None
    assert given_up.value.failure.purchase.outcome is PurchaseOutcome.REFUSED


async def test_what_was_bought_is_asked_about_later_when_its_key_is_none(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        await Shop().executor().ask(bought(), context(tmp_path, key_of("garbage")))


async def find(service: FakeCredentials) -> str | None:
    return await OwnersKeys(service).find(EXECUTION, claim=CLAIM, vendor="heygen", patience=lambda: 0.05)


async def test_key_is_asked_for_by_the_claim() -> None:
    service = FakeCredentials(values={"heygen": "secret"})

    assert await find(service) == "secret"
    assert [(one.vendor, one.claim.execution_id, one.claim.claim) for one in service.asked] == [
        ("heygen", EXECUTION, CLAIM)
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        (grpc.StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND"),
        (grpc.StatusCode.FAILED_PRECONDITION, "NO_MASTER_KEYS"),
        (grpc.StatusCode.UNIMPLEMENTED, ""),
    ],
)
async def test_service_that_keeps_no_key_of_the_owner_answers_none(refusal: tuple[grpc.StatusCode, str]) -> None:
    assert await find(FakeCredentials(refusal=refusal)) is None


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ((grpc.StatusCode.FAILED_PRECONDITION, "CLAIM_NOT_LIVE"), NotHeld),
        ((grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"), ServiceUnreachable),
        ((grpc.StatusCode.DEADLINE_EXCEEDED, ""), ServiceUnreachable),
        ((grpc.StatusCode.INTERNAL, "CREDENTIAL_UNREADABLE"), KeyRefused),
        ((grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"), KeyRefused),
    ],
)
async def test_refused_key_is_never_taken_for_none(
    refusal: tuple[grpc.StatusCode, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await find(FakeCredentials(refusal=refusal))
