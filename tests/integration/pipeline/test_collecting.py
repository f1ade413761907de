"""The store's objects against a real database: what nothing refers to goes, whoever speaks of it meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from pipeline_service.commands.assets import Assets
from pipeline_service.commands.collecting import Collector, Orphan, ReferencePlace, Removal, SweepQuery
from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.domain.engine.reports import Complete
from pipeline_service.domain.garbage import ObjectPlace, OrphanReason
from pipeline_service.domain.ids import Claim, Owner
from pipeline_service.domain.keys import asset_key, beside
from pipeline_service.domain.states import Disposition
from pipeline_service.store.objects import PostgresObjects
from pipeline_service.store.pool import Pool, Pools
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, running_rig
from tests.patience import PATIENCE_S

OPS = "spiffe://montage/ops/test"
GRACE = timedelta(minutes=30)
FACTS = ObjectFacts(size_bytes=10, sha256="", content_type="video/mp4")
SHA256 = "ab" * 32
PICTURE = {"id": "picture", "type": "asset", "asset": {"type": "image", "source": f"asset:sha256/{SHA256}.png"}}
REFUSE = "UPDATE purchases SET state = 'REFUSED', next_poll_at = NULL, claim = NULL, lease_until = NULL"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture(name="shop")
async def _shop(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools, concurrency={"ledger": 5}) as rig:
        yield rig


class Interrupted(PostgresObjects):
    """Somebody else does something between the look and the removal."""

    def __init__(self, pool: Pool, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(pool)
        self._meanwhile = meanwhile

    @asynccontextmanager
    async def removing(self, places: Sequence[ObjectPlace], *, not_after: datetime) -> AsyncIterator[Removal]:
        await self._meanwhile()
        async with super().removing(places, not_after=not_after) as removal:
            yield removal


async def sweep(
    rig: Rig, *, remove: bool = False, owner: Owner | None = None, referrers: PostgresObjects | None = None
) -> dict[str, OrphanReason]:
    """All orphans, looked for three objects at a time."""
    collector = Collector(objects=rig.artifacts, referrers=referrers or PostgresObjects(rig.pool))
    query = SweepQuery(owner=owner, grace=GRACE, remove=remove, actor=OPS)
    after, orphans = "", list[Orphan]()
    while True:
        found = await collector.sweep(query, after=after, limit=3)
        orphans.extend(found.orphans)
        after = found.last_key
        if not after:
            return {one.object.key: one.reason for one in orphans}


async def superseded(rig: Rig) -> Complete:
    """What a worker would report of work that was cancelled an hour ago; its bytes are there."""
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    report = rig.completion(started.execution)
    await rig.control.cancel_pipeline(CALLER, FILM)
    await expire(rig.pool, "end_time", [started.execution.id])
    return report


async def kept(rig: Rig) -> int:
    return int(await rig.pool.fetchval("SELECT count(*) FROM artifacts"))


async def test_only_what_nothing_refers_to_is_an_orphan_and_only_that_is_removed(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await rig.complete("a")
    execution = await rig.latest("a")
    assert execution.output is not None
    manifest = beside(execution.output.s3_key, "result.json")
    other = rig.completion(execution, claim=Claim(uuid4())).output.s3_key
    strange = f"pipelines/{uuid4()}/nodes/{uuid4()}/executions/{uuid4()}/{uuid4()}/output.mp4"
    rig.artifacts.objects |= dict.fromkeys([manifest, strange, "notes.txt"], FACTS)
    await expire(rig.pool, "end_time", [execution.id])

    seen = await sweep(rig)
    removed = await sweep(rig, remove=True)

    assert seen == removed == {other: OrphanReason.NOT_KEPT, strange: OrphanReason.UNKNOWN_EXECUTION}
    assert set(rig.artifacts.objects) == {execution.output.s3_key, manifest, "notes.txt"}
    assert await sweep(rig, remove=True) == {}


async def test_each_look_and_each_removal_is_on_record(rig: Rig) -> None:
    report = await superseded(rig)

    await sweep(rig)
    await sweep(rig, remove=True)

    rows = await rig.pool.fetch("SELECT actor, action, subject, details FROM audit ORDER BY id")
    assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [
        (OPS, "OBJECTS_SWEPT", "*"),
        (OPS, "OBJECTS_SWEPT", "*"),
        (OPS, "OBJECT_REMOVED", report.output.s3_key),
    ]
    assert [row["details"].get("removes") for row in rows] == ["nothing", "orphans", None]
    assert rows[2]["details"]["reason"] == "NOT_KEPT"


async def test_upload_whose_report_has_not_come_is_left_alone_however_old(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = await rig.claim("a")
    assert started.execution is not None
    report = rig.completion(started.execution)

    assert await sweep(rig, remove=True) == {}
    assert await rig.reporter.report(report) is Disposition.APPLIED


async def test_young_object_of_an_ended_execution_is_left_alone(rig: Rig) -> None:
    report = await superseded(rig)
    rig.artifacts.write_times[report.output.s3_key] = datetime.now(UTC)

    assert await sweep(rig, remove=True) == {}


async def test_object_of_an_execution_that_ended_just_now_is_left_alone(rig: Rig) -> None:
    report = await superseded(rig)
    await rig.pool.execute("UPDATE executions SET end_time = now() WHERE id = $1", report.execution_id)

    assert await sweep(rig, remove=True) == {}


async def test_result_that_may_still_be_delivered_is_left_alone(shop: Rig) -> None:
    await shop.import_(noop("clip", provider="ledger"))
    await shop.run()
    started = await shop.claim("clip")
    assert started.execution is not None
    shop.completion(started.execution)
    await shop.control.cancel_pipeline(CALLER, FILM)
    await expire(shop.pool, "end_time", [started.execution.id])

    assert await shop.pool.fetchval("SELECT count(*) FROM purchases WHERE state = 'INTENDED'") == 1
    assert await sweep(shop, remove=True) == {}
    await shop.pool.execute(REFUSE)
    assert list((await sweep(shop)).values()) == [OrphanReason.NOT_KEPT]


async def test_late_result_that_was_salvaged_is_kept(rig: Rig) -> None:
    report = await superseded(rig)
    assert await rig.reporter.report(report) is Disposition.SUPERSEDED

    assert await sweep(rig, remove=True) == {}
    assert report.output.s3_key in rig.artifacts.objects


async def test_object_that_is_reported_between_look_and_removal_is_kept(rig: Rig) -> None:
    report = await superseded(rig)

    async def report_late() -> None:
        assert await rig.reporter.report(report) is Disposition.SUPERSEDED

    removed = await sweep(rig, remove=True, referrers=Interrupted(rig.pool, report_late))

    assert removed == {}
    assert report.output.s3_key in rig.artifacts.objects
    assert await kept(rig) == 1


async def test_result_that_is_reported_once_its_object_was_given_up_is_not_kept(rig: Rig) -> None:
    report = await superseded(rig)
    remove = rig.artifacts.remove
    told: list[object] = []

    async def report_too_late(keys: Sequence[str]) -> None:
        if keys:
            told.append(await rig.reporter.report(report))
        await remove(keys)

    rig.artifacts.remove = report_too_late  # type: ignore[method-assign]  # a store beside which somebody reports
    removed = await sweep(rig, remove=True)

    assert told == [Disposition.SUPERSEDED]
    assert list(removed) == [report.output.s3_key]
    assert await kept(rig) == 0


async def test_asset_goes_when_no_node_of_its_owner_has_it(rig: Rig) -> None:
    mine, theirs = asset_key(OWNER, SHA256, "png"), asset_key(Owner("users/42"), SHA256, "png")
    rig.artifacts.objects |= dict.fromkeys([mine, theirs], FACTS)
    await rig.import_(PICTURE)
    await rig.pool.execute("UPDATE asset_uses SET use_time = now() - interval '1 hour'")

    assert await sweep(rig) == {theirs: OrphanReason.UNUSED_ASSET}
    await rig.pipelines.delete(CALLER, FILM, etag="", force=False)
    assert await sweep(rig, remove=True, owner=OWNER) == {}, "a pipeline that was deleted just now counts"
    assert await sweep(rig, remove=True) == {theirs: OrphanReason.UNUSED_ASSET}
    assert set(rig.artifacts.objects) == {mine}


async def test_asset_that_is_asked_for_between_look_and_removal_is_kept(rig: Rig) -> None:
    key = asset_key(OWNER, SHA256, "png")
    rig.artifacts.objects[key] = FACTS

    async def ask() -> None:
        assert await register(rig) == "there already"

    assert await sweep(rig, remove=True, referrers=Interrupted(rig.pool, ask)) == {}
    await rig.import_(PICTURE)
    assert key in rig.artifacts.objects


async def test_asset_that_is_asked_for_during_its_removal_is_asked_to_be_uploaded_again(rig: Rig) -> None:
    rig.artifacts.objects[asset_key(OWNER, SHA256, "png")] = FACTS
    remove = rig.artifacts.remove
    asked: list[asyncio.Task[str]] = []

    async def remove_slowly(keys: Sequence[str]) -> None:
        if keys:
            asked.append(asyncio.create_task(register(rig)))
            async with asyncio.timeout(PATIENCE_S):
                while not await rig.pool.fetchval(WAITING):  # noqa: ASYNC110 - who waits for a lock announces nothing
                    await asyncio.sleep(0.01)
        await remove(keys)

    rig.artifacts.remove = remove_slowly  # type: ignore[method-assign]  # a slow store
    removed = await sweep(rig, remove=True)

    assert len(removed) == 1
    assert await asked[0] == "to be uploaded"


async def register(rig: Rig) -> str:
    """What a client is told that asks for the picture's place."""
    registered = await Assets(store=rig.store, artifacts=rig.artifacts).register(
        OWNER, sha256=SHA256, size_bytes=10, content_type="image/png", file_name="picture.png"
    )
    return "to be uploaded" if registered.upload else "there already"


async def test_what_is_referred_to_and_not_there_is_missing(rig: Rig) -> None:
    rig.artifacts.objects[asset_key(OWNER, SHA256, "png")] = FACTS
    await rig.import_(PICTURE, noop("a"), noop("b"), noop("c"))
    await rig.run()
    for node in "abc":
        await rig.complete(node)
    keys = [one.output.s3_key for node in "ab" if (one := await rig.latest(node)).output]
    del rig.artifacts.objects[keys[0]], rig.artifacts.objects[asset_key(OWNER, SHA256, "png")]
    rig.artifacts.objects[keys[1]] = ObjectFacts(size_bytes=9, sha256="", content_type="application/json")

    collector = Collector(objects=rig.artifacts, referrers=PostgresObjects(rig.pool))
    place, found, looked_at = ReferencePlace(), dict[str, tuple[str, str]](), 0
    while True:
        missing, references = await collector.missing(place, owner=None, limit=2, actor=OPS)
        found |= {one.reference.key: (one.reference.name, one.found) for one in missing}
        looked_at += len(references)
        if len(references) < 2:
            break
        place = references[-1].place

    executions = [(await rig.latest(node)).id for node in "ab"]
    assert looked_at == 4
    assert found == {
        keys[0]: (f"pipelines/film/nodes/a/executions/{executions[0]}", ""),
        keys[1]: (f"pipelines/film/nodes/b/executions/{executions[1]}", "9 bytes"),
        asset_key(OWNER, SHA256, "png"): ("pipelines/film/nodes/picture", ""),
    }
