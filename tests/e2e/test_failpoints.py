"""Every service dies at every place that it can be made to die at; the runs end right, and nothing is bought twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from montage.v1 import resources_pb2 as resources

from devstack.stack import StackOptions
from tests.chaos.pulse import NEVER
from tests.e2e.documents import Document, a_merge
from tests.e2e.failpoint_cases import CASES, Case, Situation
from tests.e2e.house import House, new_id, open_house, state_of, until_true
from tests.e2e.kills import LEASE_S
from tests.e2e.processes import is_stopped
from tests.e2e.vendors import LedgerVendor, open_vendor
from tests.factories import a_document, noop

pytestmark = pytest.mark.asyncio(loop_scope="module")

STOPPED_WITHIN_S = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerVendor]:
    async with open_vendor(tmp_path_factory.mktemp("vendor")) as vendor:
        yield vendor


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house(vendor: LedgerVendor) -> AsyncIterator[House]:
    options = StackOptions(
        test_types=True,
        settings={
            "pipeline": {"PIPELINE_LEASE_S": LEASE_S},
            "executor": {"EXECUTOR_LEDGER_BASE_URL": vendor.address},
        },
    )
    async with open_house(options) as house:
        yield house


@pytest.mark.parametrize(
    ("place", "case"),
    [pytest.param(place, case, marks=[pytest.mark.slow] * case.is_slow, id=place) for place, case in CASES.items()],
)
async def test_process_killed_there_is_replaced_and_the_run_ends_as_if_nothing_had_happened(
    house: House, vendor: LedgerVendor, place: str, case: Case
) -> None:
    nonce = new_id("place")
    documents = documents_of(case.situation, nonce)

    async with around(house, case), house.stopping_at(case.process, f"{place}=stop@1", **case.settings) as victim:
        asked = [asyncio.create_task(house.begin(document)) for document in documents]
        if case.situation is Situation.WORKER_SILENT:
            await house.until_execution(await asked[0], "first", "RUNNING")
            house.stack.process("executor").pause()
        await until_true(lambda: is_stopped(victim.pid), within_s=STOPPED_WITHIN_S)
    ended = [await house.end_of(await run) for run in asked]

    assert [state_of(run) for run in ended] == ["SUCCEEDED"] * len(documents)
    assert len(vendor.bill(nonce)) == (case.situation is Situation.FILM)
    await assert_sound(house, ended)


def documents_of(situation: Situation, nonce: str) -> Sequence[Document]:
    match situation:
        case Situation.FILM:
            first = noop("first", nonce=f"{nonce}-first")
            return [a_document(first, noop("bought", "first", provider="ledger", nonce=nonce), document_id=nonce)]
        case Situation.LONG | Situation.WORKER_SILENT:
            return [a_document(noop("first", nonce=nonce, seconds=2.5), document_id=nonce)]
        case Situation.NOBODY_WORKS:
            return [a_document(noop("first", nonce=nonce), document_id=nonce)]
        case Situation.QUEUE_FULL:
            return [
                a_document(*(noop(f"n{number}", nonce=f"{nonce}-{number}") for number in range(4)), document_id=nonce)
            ]
        case Situation.SAME_WORK_TWICE:
            node = noop("first", nonce=nonce, seconds=2)
            return [a_document(node, document_id=nonce), a_document(node, document_id=f"{nonce}-again")]
        case Situation.JOIN | Situation.CALLBACK_LOST:
            return [a_merge(nonce)]


@asynccontextmanager
async def around(house: House, case: Case) -> AsyncIterator[None]:
    """Hold still who must not take part until the victim is dead and replaced; let everybody go on afterwards."""
    executor, gateway = house.stack.process("executor"), house.stack.process("gateway")
    if case.situation is Situation.NOBODY_WORKS:
        executor.pause()
    if case.situation is Situation.CALLBACK_LOST:
        gateway.pause()
    try:
        yield
    finally:
        executor.resume()
        gateway.resume()


async def assert_sound(house: House, runs: Sequence[resources.Run]) -> None:
    for run in runs:
        await house.assert_recorded_once(run)
    async with house.database() as database:
        seen = {what: await database.fetchval(query) for what, query in NEVER.items()}
    assert not any(seen.values()), seen
