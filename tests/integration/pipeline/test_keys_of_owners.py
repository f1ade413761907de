"""Owners that pay with keys of their own, beside owners that share one: each key is limited by itself."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from pipeline_service.commands.credentials import Credentials
from pipeline_service.commands.errors import CredentialGone, NotFound
from pipeline_service.commands.ports import Caller, Line, QueueLoad
from pipeline_service.commands.runs import RunRequest
from pipeline_service.domain.credentials import CredentialKey
from pipeline_service.domain.engine.reports import Beat, Learned, Start, StartAnswer, VendorReport
from pipeline_service.domain.ids import Claim, ExecutionId, Owner, PipelineId, TaskQueue
from pipeline_service.domain.states import PurchaseOutcome, StartOutcome, VendorTrouble, WaitingFor
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store.credentials import PostgresCredentials
from pipeline_service.store.pool import Pools
from pipeline_service.vault.envelope import Envelope
from pipeline_service.vault.file_keys import FileKeys
from pipeline_service.vault.master_keys import Ring
from tests.factories import a_document, noop
from tests.integration.pipeline.rig import ACTOR, Rig, running_rig

LIMIT, OF_BLUE = 2, 4
RED, BLUE, GREEN, GREY = (Owner(name) for name in ("red", "blue", "green", "grey"))
LEDGER = TaskQueue("ledger")
WORKER, OPS = "spiffe://montage/executor", "spiffe://montage/ops/test"
SUBMITTED = Learned(outcome=PurchaseOutcome.SUBMITTED, job_id="job", next_poll_after=timedelta(hours=1))
BUSY = VendorReport(trouble=VendorTrouble.RATE_LIMITED, retry_after=timedelta(seconds=60))


@dataclass(frozen=True)
class Market:
    """A service in front of a vendor, and what its owners do there."""

    rig: Rig
    keys: Credentials

    async def put_key(self, *owners: Owner) -> None:
        for owner in owners:
            await self.keys.put(_key(owner), f"key of {owner}", expire_time=None, actor=OPS)

    async def submit(self, owner: Owner, number: int) -> list[ExecutionId]:
        """So many clips are wanted; which executions make them."""
        caller, document = Caller(owner=owner, identity=ACTOR), f"film-{uuid4()}"
        nodes = [noop(f"clip-{one}", provider="ledger") for one in range(number)]
        await self.rig.pipelines.import_document(
            caller, a_document(*nodes, document_id=document), create_only=True, validate_only=False
        )
        await self.rig.runs.start(caller, PipelineId(document), RunRequest())
        rows = await self.rig.pool.fetch(
            "SELECT e.id FROM executions AS e JOIN pipelines AS p ON p.uid = e.pipeline_uid WHERE p.id = $1", document
        )
        return [ExecutionId(row["id"]) for row in rows]

    async def claim(self, execution: ExecutionId) -> StartAnswer:
        """A worker asks for it, handed out or not."""
        number = await self.rig.pool.fetchval("SELECT dispatch_no FROM executions WHERE id = $1", execution)
        start = Start(execution_id=execution, claim=Claim(uuid4()), dispatch_no=number, actor=WORKER)
        answer = await self.rig.reporter.report(start)
        assert isinstance(answer, StartAnswer)
        return answer

    async def claims(self, executions: Sequence[ExecutionId]) -> Counter[StartOutcome]:
        return Counter([(await self.claim(one)).outcome for one in executions])

    async def hold(self, execution: ExecutionId) -> Claim:
        """A worker has it."""
        answer = await self.claim(execution)
        assert answer.execution is not None
        assert answer.execution.claim is not None
        return answer.execution.claim

    async def key_for(self, execution: ExecutionId, claim: Claim) -> str:
        return (await self.keys.access_for_work(execution, claim, vendor="ledger", actor=WORKER))[1]

    async def limits(self) -> dict[str, VendorLimit]:
        return {one.credential: one for one in (await self.rig.store.vendor_limits())[1]}

    async def handed_out(self) -> Counter[Owner]:
        await self.rig.filler.tick()
        owners = {row["uid"]: row["owner"] for row in await self.rig.pool.fetch("SELECT uid, owner FROM pipelines")}
        return Counter(owners[one.execution.pipeline_uid] for one in self.rig.outbox.dispatches)


@pytest.fixture(name="market")
async def _market(pools: Pools) -> AsyncIterator[Market]:
    ring = Ring(active="one", keys={"one": bytes(32)})
    async with running_rig(pools, concurrency={"ledger": LIMIT, "ledger/blue": OF_BLUE}) as rig:
        yield Market(rig, Credentials(store=PostgresCredentials(pools.engine), vault=Envelope(FileKeys(lambda: ring))))


async def test_owners_with_keys_of_their_own_do_not_hold_each_other_up(market: Market) -> None:
    await market.put_key(RED, BLUE)
    of_red, of_blue = await market.submit(RED, 5), await market.submit(BLUE, 5)

    assert await market.claims(of_red) == {StartOutcome.CLAIMED: LIMIT, StartOutcome.STALE: 5 - LIMIT}
    assert await market.claims(of_blue) == {StartOutcome.CLAIMED: OF_BLUE, StartOutcome.STALE: 5 - OF_BLUE}
    assert {name: one.in_use for name, one in (await market.limits()).items()} == {"": 0, RED: LIMIT, BLUE: OF_BLUE}


async def test_owners_without_a_key_of_their_own_are_limited_together(market: Market) -> None:
    await market.put_key(RED)
    of_green, of_grey = await market.submit(GREEN, 2), await market.submit(GREY, 2)

    assert await market.claims([*of_green, *of_grey]) == {StartOutcome.CLAIMED: LIMIT, StartOutcome.STALE: 4 - LIMIT}
    assert (await market.limits())[""].in_use == LIMIT


async def test_each_line_is_filled_as_its_key_has_room_though_the_others_are_full(market: Market) -> None:
    await market.put_key(RED, BLUE)
    for owner in (GREEN, GREY, RED, BLUE):
        await market.submit(owner, 6)

    handed_out = await market.handed_out()

    assert handed_out[GREEN] + handed_out[GREY] == LIMIT
    assert (handed_out[RED], handed_out[BLUE]) == (LIMIT, OF_BLUE)
    assert await market.rig.store.queue_loads() == {
        Line(LEDGER): QueueLoad(out=LIMIT, has_line=True),
        Line(LEDGER, RED): QueueLoad(out=LIMIT, has_line=True),
        Line(LEDGER, BLUE): QueueLoad(out=OF_BLUE, has_line=True),
    }


async def test_vendor_that_is_busy_for_one_key_is_left_alone_with_that_alone(market: Market) -> None:
    await market.put_key(RED, BLUE)
    (of_red, more_of_red), (of_blue,) = await market.submit(RED, 2), await market.submit(BLUE, 1)
    beat = Beat(
        execution_id=of_red,
        claim=await market.hold(of_red),
        purchase=Learned(outcome=PurchaseOutcome.REFUSED),
        requeue_after=timedelta(seconds=60),
        vendor=BUSY,
        actor=WORKER,
    )
    await market.rig.reporter.report(beat)

    outcomes = [(await market.claim(one)).outcome for one in (more_of_red, of_blue)]

    assert outcomes == [StartOutcome.STALE, StartOutcome.CLAIMED]
    limits = await market.limits()
    assert [limits[name].not_before is not None for name in (RED, BLUE, "")] == [True, False, False]


async def test_another_key_of_an_owner_begins_without_what_was_learned_of_the_one_before(market: Market) -> None:
    await market.put_key(RED)
    await market.submit(RED, 1)
    await market.rig.pool.execute(
        "INSERT INTO vendor_limits (vendor, credential, concurrency, open_until) VALUES ('ledger', 'red', 1, now())"
    )

    await market.put_key(RED)

    known = (await market.limits())[RED]
    assert (known.current, known.open_until) == (None, None)


async def test_what_was_begun_with_the_shared_key_goes_on_with_it_though_its_owner_has_one_now(market: Market) -> None:
    (execution,) = await market.submit(RED, 1)
    claim = await market.hold(execution)
    await market.put_key(RED)

    with pytest.raises(NotFound):
        await market.key_for(execution, claim)
    assert {name: one.in_use for name, one in (await market.limits()).items()} == {"": 1, RED: 0}


async def test_what_was_begun_with_an_owners_key_is_never_asked_about_with_another(market: Market) -> None:
    await market.put_key(RED)
    (execution,) = await market.submit(RED, 1)
    claim = await market.hold(execution)
    assert await market.key_for(execution, claim) == "key of red"

    await market.keys.delete(_key(RED), actor=OPS)

    with pytest.raises(CredentialGone, match="credentials/red/ledger"):
        await market.key_for(execution, claim)


async def test_what_older_code_began_counts_as_shared_and_is_asked_about_with_its_owners_key(market: Market) -> None:
    await market.put_key(RED)
    (execution,) = await market.submit(RED, 1)
    claim = await market.hold(execution)
    await market.rig.pool.execute("UPDATE purchases SET credential = DEFAULT")

    assert await market.key_for(execution, claim) == "key of red"
    parked = Beat(execution_id=execution, claim=claim, purchase=SUBMITTED, waiting_for=WaitingFor.VENDOR, actor=WORKER)
    await market.rig.reporter.report(parked)
    assert {name: one.in_use for name, one in (await market.limits()).items()} == {"": 1, RED: 0}


def _key(owner: Owner) -> CredentialKey:
    return CredentialKey(owner=owner, vendor="ledger")
