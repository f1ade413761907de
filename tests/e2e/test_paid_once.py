"""Work that a vendor charges for: one line on its bill, whoever dies between the intent and the acknowledgement."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devstack.stack import StackOptions
from tests.e2e.documents import Document
from tests.e2e.house import House, new_id, open_house, state_of, until_true
from tests.e2e.kills import LEASE_S
from tests.e2e.processes import is_stopped
from tests.e2e.vendors import LedgerVendor, most_at_once, open_vendor
from tests.factories import a_document, noop

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 2
PLACES = [
    pytest.param("executor.after_claim", marks=pytest.mark.slow),
    pytest.param("executor.before_submit", marks=pytest.mark.slow),
    "executor.after_submit",
    pytest.param("executor.before_poll", marks=pytest.mark.slow),
    pytest.param("executor.after_poll", marks=pytest.mark.slow),
    pytest.param("executor.before_upload", marks=pytest.mark.slow),
    pytest.param("executor.after_upload", marks=pytest.mark.slow),
    pytest.param("executor.before_ack", marks=pytest.mark.slow),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerVendor]:
    async with open_vendor(tmp_path_factory.mktemp("vendor")) as vendor:
        yield vendor


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house(vendor: LedgerVendor) -> AsyncIterator[House]:
    options = StackOptions(
        test_types=True,
        settings={
            "pipeline": {"PIPELINE_LEASE_S": LEASE_S, "PIPELINE_VENDOR_CONCURRENCY": f"ledger={AT_ONCE}"},
            "executor": {"EXECUTOR_LEDGER_BASE_URL": vendor.address},
        },
    )
    async with open_house(options) as house:
        yield house


def a_purchase(nonce: str, *, provider: str = "ledger", seconds: float = 0.5) -> Document:
    return a_document(noop("clip", provider=provider, nonce=nonce, seconds=seconds), document_id=nonce)


async def test_work_is_bought_polled_and_fetched(house: House, vendor: LedgerVendor) -> None:
    nonce = new_id("bought")

    run = await house.run(a_purchase(nonce))

    assert state_of(run) == "SUCCEEDED"
    assert [line["price_micros"] for line in vendor.bill(nonce)] == [250_000]


@pytest.mark.parametrize("place", PLACES)
async def test_executor_killed_with_a_vendor_that_knows_keys_pays_once_and_completes(
    house: House, vendor: LedgerVendor, place: str
) -> None:
    nonce = new_id("killed")
    async with house.stopping_at("executor", f"{place}=stop@1") as executor:
        run = await house.begin(a_purchase(nonce))
        await until_true(lambda: is_stopped(executor.pid))

    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    assert len(vendor.bill(nonce)) == 1
    await house.assert_recorded_once(ended)


async def test_executor_killed_after_a_submission_that_nobody_can_look_up_asks_a_person(
    house: House, vendor: LedgerVendor
) -> None:
    nonce = new_id("blind")
    async with house.stopping_at("executor", "executor.after_submit=stop@1") as executor:
        run = await house.begin(a_purchase(nonce, provider="ledger-blind"))
        await until_true(lambda: is_stopped(executor.pid))

    await house.until_execution(run, "clip", "WAITING")

    assert len(vendor.bill(nonce)) == 1


async def test_answer_lost_on_its_way_is_asked_for_again_under_the_same_key(house: House, tmp_path: Path) -> None:
    nonce = new_id("lost")
    async with open_vendor(tmp_path, lose_every=1) as careless:
        async with house.stopping_at("executor", "executor.never=stop@1", EXECUTOR_LEDGER_BASE_URL=careless.address):
            run = await house.begin(a_purchase(nonce))
            await house.end_of(run)

        assert len(careless.bill(nonce)) == 1


async def test_edit_and_back_again_while_the_vendor_works_pays_once(house: House, vendor: LedgerVendor) -> None:
    nonce, other = new_id("edited"), new_id("other")
    document = a_purchase(nonce, seconds=4)
    run = await house.begin(document)
    await house.until_execution(run, "clip", "WAITING")
    edited = a_document(noop("clip", provider="local", nonce=other), document_id=nonce)
    await house.run(edited)

    again = await house.run(document)

    assert state_of(again) == "SUCCEEDED"
    assert len(vendor.bill(nonce)) == 1


async def test_no_more_is_submitted_at_once_than_the_vendor_takes(house: House, vendor: LedgerVendor) -> None:
    nonces = [new_id("many") for _ in range(6)]
    nodes = [noop(f"clip-{nonce}", provider="ledger", nonce=nonce, seconds=2) for nonce in nonces]

    run = await house.run(a_document(*nodes, document_id=new_id("crowd")))

    jobs = [job for job in vendor.jobs() if job["work"].get("nonce") in nonces]
    assert state_of(run) == "SUCCEEDED"
    assert (len(jobs), most_at_once(jobs)) == (6, AT_ONCE)
