"""A vendor that works on three jobs at once, two replicas and four executors that die: its own record is the proof."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from devstack.layout import repository_root
from devstack.ports import PortReservations
from devstack.stack import StackOptions
from tests.e2e.documents import Document
from tests.e2e.house import House, new_id, open_house, state_of, until
from tests.e2e.vendors import LedgerVendor, most_at_once, open_vendor
from tests.factories import a_document, noop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AT_ONCE = 3
LEASE_S = "4"
PIPELINE_SETTINGS = {"PIPELINE_LEASE_S": LEASE_S, "PIPELINE_TIMER_INTERVAL_S": "0.1"}
WITHIN_S = 400.0


async def test_vendor_is_kept_busy_and_never_asked_for_more_though_executors_die(tmp_path: Path) -> None:
    """Of 24 jobs of 20 s three are worked on at a time: 160 s are the shortest time."""
    async with open_vendor(tmp_path, at_once=AT_ONCE) as vendor, _fleet(vendor, limit=AT_ONCE) as fleet:
        nodes = await fleet.buy(pipelines=4, of=6, seconds=20, while_dying_every_s=12)

    jobs = vendor.jobs()
    share = _share_of_slots(jobs)
    print(f"jobs={len(jobs)} most_at_once={most_at_once(jobs)} refused={len(vendor.refusals())} share={share:.3f}")
    assert len(jobs) == nodes
    assert most_at_once(jobs) == AT_ONCE
    assert vendor.refusals() == []
    assert share >= 0.95
    assert fleet.slots_left == 0


async def test_account_that_takes_less_than_is_thought_is_found_out_without_a_storm(tmp_path: Path) -> None:
    """The operator says eight. Each round that grows too far is refused once or a few times, and waited for."""
    async with open_vendor(tmp_path, at_once=AT_ONCE) as vendor, _fleet(vendor, limit=8) as fleet:
        nodes = await fleet.buy(pipelines=4, of=6, seconds=5)

    jobs = vendor.jobs()
    print(f"jobs={len(jobs)} refused={len(vendor.refusals())} share={_share_of_slots(jobs):.3f}")
    assert len(jobs) == nodes
    assert most_at_once(jobs) <= AT_ONCE
    assert len(vendor.refusals()) <= nodes
    assert fleet.slots_left == 0


def _share_of_slots(jobs: list[dict[str, float]]) -> float:
    """What was worked of what the slots allow, from the first job to the last."""
    worked = sum(job["done_at"] - job["accepted_at"] for job in jobs)
    return worked / (AT_ONCE * (max(job["done_at"] for job in jobs) - min(job["accepted_at"] for job in jobs)))


class _Fleet:
    """A stack with one more replica and three more executors; two of the four talk to each replica."""

    def __init__(self, house: House, executors: list["_Again"]) -> None:
        self.slots_left = -1
        self._house = house
        self._executors = executors

    async def buy(self, *, pipelines: int, of: int, seconds: float, while_dying_every_s: float = 0) -> int:
        """Run pipelines of so many nodes each to their ends; answers how many that were."""
        runs = [await self._house.begin(_document(of, seconds=seconds)) for _ in range(pipelines)]
        dying = asyncio.create_task(self._die(while_dying_every_s))
        try:
            ended = [await self._house.end_of(run, within_s=WITHIN_S) for run in runs]
        finally:
            dying.cancel()
            await asyncio.wait({dying})
        assert [state_of(run) for run in ended] == ["SUCCEEDED"] * pipelines
        async with self._house.database() as database:
            self.slots_left = await database.fetchval("SELECT count(*) FROM purchases WHERE slot_until IS NOT NULL")
        return pipelines * of

    async def _die(self, every_s: float) -> None:
        """SIGKILL for one executor after the other, each brought back at once."""
        while every_s:
            await asyncio.sleep(every_s)
            await random.choice(self._executors).kill()


class _Again:
    """A process beside the stack's own, brought back whenever it was killed."""

    def __init__(self, argv: list[str], environment: dict[str, str], log: Path) -> None:
        self._argv = argv
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv, env=self._environment, stdout=log, stderr=log, cwd=repository_root()
            )

    async def kill(self) -> None:
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def _fleet(vendor: LedgerVendor, *, limit: int) -> AsyncIterator[_Fleet]:
    options = StackOptions(
        test_types=True,
        settings={
            "pipeline": PIPELINE_SETTINGS | {"PIPELINE_VENDOR_CONCURRENCY": f"ledger={limit}"},
            "executor": {"EXECUTOR_LEDGER_BASE_URL": vendor.address},
        },
    )
    async with AsyncExitStack() as parts:
        house = await parts.enter_async_context(open_house(options))
        ports = PortReservations()
        parts.callback(ports.release)
        replica = f"127.0.0.1:{ports.reserve()}"
        beside = [_beside(house, "pipeline", "pipeline_service", ports, PIPELINE_LISTEN=replica)]
        executors = [
            _beside(house, "executor", "executor_service", ports, **changes)
            for changes in ({}, {"EXECUTOR_PIPELINE_ADDR": replica}, {"EXECUTOR_PIPELINE_ADDR": replica})
        ]
        for process in (*beside, *executors):
            await process.start()
            parts.push_async_callback(process.stop)
        await until(lambda: _listens(replica))
        yield _Fleet(house, executors)


def _beside(house: House, name: str, package: str, ports: PortReservations, **changes: str) -> _Again:
    environment = dict(house.stack.process(name).spec.environment)
    environment |= {f"{name.upper()}_OPS_LISTEN": f"127.0.0.1:{ports.reserve()}"} | changes
    own = f"{name}-{time.monotonic_ns()}"
    if name == "executor":
        # An executor that starts clears its folder.
        environment["EXECUTOR_WORK_DIR"] = str(house.stack.data / own)
    log = house.stack.layout.log(own)
    return _Again([sys.executable, "-m", package], environment, log)


async def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def _document(nodes: int, *, seconds: float) -> Document:
    name = new_id("fleet")
    return a_document(
        *(
            noop(f"clip-{number}", provider="ledger", nonce=f"{name}-{number}", seconds=seconds)
            for number in range(nodes)
        ),
        document_id=name,
    )
