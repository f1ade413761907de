"""Postgres goes back to an earlier moment, while the store and the vendor keep what happened since."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from montage.v1 import resources_pb2 as resources

from devstack.layout import DATABASE, ENGINE_ROLE
from devstack.stack import StackOptions
from montage_cli.errors import MontageError
from pipeline_service.artifacts import S3Artifacts
from pipeline_service.commands.collecting import Collector, ReferencePlace, SweepQuery
from pipeline_service.domain.garbage import OrphanReason
from pipeline_service.store.objects import PostgresObjects
from pipeline_service.store.pool import open_pool
from tests.e2e.documents import Document
from tests.e2e.house import House, new_id, open_house, pipeline_of, state_of, until, until_true
from tests.e2e.kills import LEASE_S
from tests.e2e.postgres_backup import archive_all, archiving, base_backup, bring_back, mark
from tests.e2e.processes import is_stopped
from tests.e2e.vendors import LedgerVendor, open_vendor
from tests.factories import a_document, noop

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "executor")
MOMENT = "before the mistake"
OPS = "spiffe://montage/ops/test"


@dataclass(frozen=True, kw_only=True)
class Past:
    """What there was when Postgres went back."""

    before: resources.Run
    """Was over at the moment."""
    meanwhile: resources.Run
    """Was about to be bought at the moment, and was delivered after it."""
    later: resources.Run
    """Was asked for, bought and delivered after the moment."""
    later_keys: frozenset[str]
    """Of the objects that were written after the moment."""
    head: tuple[int, bytes]
    """The end of the chain of seals at last."""


def a_clip(nonce: str, provider: str = "ledger") -> Document:
    return a_document(noop("clip", provider=provider, nonce=nonce), document_id=nonce)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerVendor]:
    async with open_vendor(tmp_path_factory.mktemp("vendor")) as vendor:
        yield vendor


@pytest.fixture(scope="module", name="archive")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house(vendor: LedgerVendor, archive: Path) -> AsyncIterator[House]:
    options = StackOptions(
        processes=PROCESSES,
        test_types=True,
        settings={
            "postgres": archiving(archive),
            "pipeline": {"PIPELINE_LEASE_S": LEASE_S},
            "executor": {"EXECUTOR_LEDGER_BASE_URL": vendor.address},
        },
    )
    async with open_house(options) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="past")
async def _past(house: House, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Back up, go on, mark the moment, go on, and bring Postgres back to the moment."""
    backup = tmp_path_factory.mktemp("backup") / "base"
    await base_backup(house, backup)
    before = await house.run(a_clip(new_id("before"), "local"))
    async with house.stopping_at("executor", "executor.before_submit=stop@1") as executor:
        meanwhile = await house.begin(a_clip(new_id("meanwhile")))
        await until_true(lambda: is_stopped(executor.pid))
        await mark(house, MOMENT)
        written = {key async for key, _ in house.store.list_prefix("")}
    await house.end_of(meanwhile)
    later = await house.run(a_clip(new_id("later")))
    later_keys = frozenset([key async for key, _ in house.store.list_prefix("") if key not in written])
    head = await until(lambda: sealed(house))
    await archive_all(house)
    await bring_back(house, backup, archive, MOMENT)
    return Past(before=before, meanwhile=meanwhile, later=later, later_keys=later_keys, head=head)


async def sealed(house: House) -> tuple[int, bytes] | None:
    """The end of the chain, once nothing is left to seal."""
    async with house.operator() as operator:
        found = [one async for one in operator.verify_seals()][-1]
    # Who looks is on record itself, so that the newest row is never sealed.
    return (found.number, found.sha256) if found.unsealed_rows <= 1 and not found.HasField("fault") else None


async def orphans(house: House) -> dict[str, OrphanReason]:
    """What `montage gc` would find without a grace time; nothing may be missing."""
    url = f"postgresql://{ENGINE_ROLE}@127.0.0.1:{house.stack.addresses.ports.postgres}/{DATABASE}"
    pool = await open_pool(url, password=house.stack.layout.postgres_password(ENGINE_ROLE).read_text(), size=2)
    try:
        collector = Collector(objects=S3Artifacts(house.store), referrers=PostgresObjects(pool))
        query = SweepQuery(owner=None, grace=timedelta(), remove=False, actor=OPS)
        found = await collector.sweep(query, after="", limit=1000)
        missing, _ = await collector.missing(ReferencePlace(), owner=None, limit=500, actor=OPS)
        assert missing == []
    finally:
        await pool.close()
    return {one.object.key: one.reason for one in found.orphans}


async def test_what_was_over_at_the_moment_is_there_and_what_came_later_is_not(house: House, past: Past) -> None:
    assert state_of(await house.client.get_run(past.before.name)) == "SUCCEEDED"
    with pytest.raises(MontageError, match="no pipeline"):
        await house.client.get_pipeline(pipeline_of(past.later))


async def test_work_that_was_under_way_ends_and_what_was_bought_for_it_is_not_bought_again(
    house: House, vendor: LedgerVendor, past: Past
) -> None:
    ended = await house.end_of(past.meanwhile)

    assert state_of(ended) == "SUCCEEDED"
    # The purchase is older than the moment, and so is the key under which the vendor knows it.
    assert len(vendor.bill(pipeline_of(ended).partition("/")[2])) == 1
    await house.assert_recorded_once(ended)


async def test_objects_that_were_written_since_are_orphans_and_none_is_missing(house: House, past: Past) -> None:
    await house.end_of(past.meanwhile)

    found = await orphans(house)

    of_later = {key for key, reason in found.items() if reason is OrphanReason.UNKNOWN_EXECUTION}
    assert of_later
    assert of_later <= past.later_keys
    # What the work that was under way had delivered lay under a claim that nobody remembers.
    assert set(found) <= past.later_keys


async def test_record_is_good_as_far_as_it_goes_and_says_that_its_end_is_gone(house: House, past: Past) -> None:
    number, sha256 = past.head
    async with house.operator() as operator:
        whole = [one async for one in operator.verify_seals()][-1]
        behind_the_head = await operator.verify_seals_behind(number, sha256)

    assert not whole.HasField("fault")
    assert behind_the_head.fault.row == f"seals/{number}"
    assert "when it was looked at before" in behind_the_head.fault.description
    assert await until(lambda: sealed(house)), "new rows are sealed behind what was brought back"


async def test_purchase_of_which_the_database_knows_nothing_is_made_once_more(
    house: House, vendor: LedgerVendor, past: Past
) -> None:
    nonce = pipeline_of(past.later).partition("/")[2]

    ended = await house.run(a_clip(nonce))

    assert state_of(ended) == "SUCCEEDED"
    assert len(vendor.bill(nonce)) == 2
