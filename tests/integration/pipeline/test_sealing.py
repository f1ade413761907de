"""What was recorded is sealed behind everybody's back, and a later change of it is found."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from pipeline_service.commands.auditing import Auditor, Verified
from pipeline_service.commands.sealing import Sealer
from pipeline_service.domain.engine.reports import Complete
from pipeline_service.domain.ids import Claim
from pipeline_service.domain.seals import FaultKind, Seal
from pipeline_service.store.pool import Pool
from pipeline_service.store.seals import PostgresSeals
from tests.factories import noop
from tests.integration.pipeline.conftest import Database
from tests.integration.pipeline.rig import Rig

OPS = "spiffe://montage/ops/test"
GATEWAY = "spiffe://montage/callback-gateway"


class Witness:
    """A sealer, and what it told."""

    def __init__(self, pool: Pool, *, most_rows: int = 1000) -> None:
        self.seals: list[Seal] = []
        self.gaps: list[str] = []
        self.sealer = Sealer(
            seals=PostgresSeals(pool), sealed=self.seals.append, gap=self.gaps.append, most_rows=most_rows
        )

    async def seal_all(self) -> None:
        """Until nothing is left; other tests of the server may have transactions of their own that have to end."""
        while await self.sealer.tick() or await self._unsealed():
            pass

    async def _unsealed(self) -> int:
        end = self.seals[-1].to_transaction if self.seals else 0
        return await self.sealer._seals.count_rows(end)


async def verify(pool: Pool) -> Verified:
    """Every part of the record; the last answer."""
    number, sha256, rows = 0, b"", 0
    while True:
        found = await Auditor(PostgresSeals(pool)).verify(number, sha256, actor=OPS)
        rows += found.rows
        if found.is_end:
            return found
        number, sha256 = found.number, found.sha256


async def a_history(rig: Rig) -> None:
    """A run of three nodes, one of which is completed from outside."""
    await rig.import_(noop("a"), noop("b", "a"))
    await rig.run()
    await rig.complete("a")
    started = await rig.claim("b")
    assert started.execution is not None
    inside = rig.completion(started.execution)
    await rig.reporter.report(
        Complete(
            execution_id=inside.execution_id,
            claim=inside.claim,
            output=inside.output,
            is_external=True,
            actor=GATEWAY,
        )
    )


@asynccontextmanager
async def owner_of(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody who may write anything."""
    connection = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        yield connection
    finally:
        await connection.close()


async def test_untouched_record_is_good_whatever_the_size_of_its_seals(rig: Rig, pool: Pool) -> None:
    await a_history(rig)
    small = Witness(pool, most_rows=2)
    await small.seal_all()

    found = await verify(pool)

    assert len(small.seals) > 2
    assert (found.fault, found.is_end) == (None, True)
    assert sum(seal.rows for seal in small.seals) >= await pool.fetchval("SELECT count(*) FROM events")
    assert await pool.fetchval("SELECT count(*) FROM audit WHERE action = 'RESULT_FROM_OUTSIDE'") == 1


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE events SET message = 'it was not me' WHERE seq = 3", FaultKind.ALTERED),
        ("UPDATE events SET actor = 'somebody' WHERE seq = 3", FaultKind.ALTERED),
        ("UPDATE events SET create_time = create_time + interval '1 us' WHERE seq = 3", FaultKind.ALTERED),
        ("UPDATE audit SET outcome = 'LOST'", FaultKind.ALTERED),
        ("UPDATE audit SET details = details - 'claim'", FaultKind.ALTERED),
        ("DELETE FROM events WHERE seq = 3", FaultKind.MISSING),
        ("DELETE FROM audit", FaultKind.MISSING),
        ("DELETE FROM events WHERE seq >= 3", FaultKind.MISSING),
        ("TRUNCATE events", FaultKind.MISSING),
        ("UPDATE events SET tx = tx + 1000000 WHERE seq = 3", FaultKind.MISSING),
        (
            "INSERT INTO events (pipeline_uid, seq, type, actor, tx)"
            " SELECT pipeline_uid, 1000, 'RUN_STARTED', 'x', tx FROM events WHERE seq = 3",
            FaultKind.ADDED,
        ),
        ("UPDATE seals SET covers = jsonb_set(covers, '{to}', '1')", FaultKind.SEAL_BROKEN),
        ("DELETE FROM seals WHERE number = 1", FaultKind.SEAL_BROKEN),
        ("UPDATE seals SET row_digests = ''", FaultKind.SEAL_BROKEN),
    ],
)
async def test_change_by_somebody_who_may_write_anything_is_found(
    database: Database, rig: Rig, pool: Pool, statement: str, kind: FaultKind
) -> None:
    await a_history(rig)
    await Witness(pool, most_rows=3).seal_all()
    async with owner_of(database) as owner:
        await owner.execute(statement)

    fault = (await verify(pool)).fault

    assert fault is not None
    assert fault.kind is kind
    if "seq = 3" in statement and kind is FaultKind.ALTERED:
        uid = await pool.fetchval("SELECT pipeline_uid FROM events LIMIT 1")
        assert fault.row == f"events/{uid}/3"


async def test_events_that_change_places_are_found(database: Database, rig: Rig, pool: Pool) -> None:
    await a_history(rig)
    await Witness(pool).seal_all()
    async with owner_of(database) as owner, owner.transaction():
        for before, after in ((2, 1000), (3, 2), (1000, 3)):
            await owner.execute("UPDATE events SET seq = $2 WHERE seq = $1", before, after)

    fault = (await verify(pool)).fault

    assert fault is not None
    assert fault.row.endswith("/2")


async def test_chain_that_was_cut_is_found_by_who_saw_its_end_and_by_the_sealer(
    database: Database, rig: Rig, pool: Pool
) -> None:
    await a_history(rig)
    witness = Witness(pool, most_rows=2)
    await witness.seal_all()
    seen = witness.seals[-1]
    async with owner_of(database) as owner:
        await owner.execute("DELETE FROM events WHERE tx >= $1", seen.from_transaction)
        await owner.execute("DELETE FROM seals WHERE number = $1", seen.number)

    behind = await Auditor(PostgresSeals(pool)).verify(seen.number, seen.sha256, actor=OPS)
    await witness.sealer.tick()

    assert behind.fault is not None
    assert behind.fault.kind is FaultKind.SEAL_BROKEN
    assert witness.gaps == [f"seal {seen.number} is gone or was made anew"]


async def test_what_a_running_transaction_may_add_to_is_not_sealed(rig: Rig, pool: Pool) -> None:
    """The younger rows of others wait for it: else its own would come behind the seal of their place."""
    await a_history(rig)
    witness = Witness(pool)
    await witness.seal_all()
    sealed = len(witness.seals)
    async with pool.acquire() as slow, slow.transaction():
        number = await slow.fetchval("SELECT pg_current_xact_id()::text::bigint")
        await rig.import_(noop("c"), document_id="another")
        assert await witness.sealer.tick() == 0
        assert all(seal.to_transaction <= number for seal in witness.seals)
        await slow.execute("INSERT INTO audit (actor, action, subject, outcome) VALUES ('x', 'SEALS_VERIFIED', '', '')")

    await witness.seal_all()

    assert len(witness.seals) > sealed
    assert (await verify(pool)).fault is None


async def test_one_seals_at_a_time(rig: Rig, pool: Pool) -> None:
    await a_history(rig)
    first, second = Witness(pool), Witness(pool)

    async with PostgresSeals(pool).sealing() as sealing:
        assert sealing is not None
        await second.sealer.tick()
        assert second.seals == []
    await first.seal_all()
    await second.sealer.tick()

    assert second.seals == []
    assert (await verify(pool)).fault is None


async def test_database_that_counts_anew_raises_a_gap(database: Database, rig: Rig, pool: Pool) -> None:
    await a_history(rig)
    await Witness(pool).seal_all()
    async with owner_of(database) as owner:
        await owner.execute("UPDATE seals SET covers = jsonb_set(covers, '{to}', '9000000000')")
    witness = Witness(pool)

    await witness.sealer.tick()

    assert witness.seals == []
    assert "counts its transactions anew" in witness.gaps[0]


async def test_stale_callback_is_on_record_as_well(rig: Rig, pool: Pool) -> None:
    await a_history(rig)
    execution = await rig.latest("b")
    late = rig.completion(execution, claim=Claim(uuid4()))

    await rig.reporter.report(
        Complete(execution_id=late.execution_id, claim=late.claim, output=late.output, is_external=True, actor=GATEWAY)
    )

    found = await pool.fetch("SELECT actor, subject, outcome FROM audit ORDER BY id")
    assert [tuple(row) for row in found] == [
        (GATEWAY, str(execution.id), "APPLIED"),
        (GATEWAY, str(execution.id), "SUPERSEDED"),
    ]


async def test_report_of_a_worker_leaves_no_record(rig: Rig, pool: Pool) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await rig.complete("a")

    assert await pool.fetchval("SELECT count(*) FROM audit") == 0
