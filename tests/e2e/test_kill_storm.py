"""One run through a storm: every process dies while the run is under way, some of them twice."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from montage.v1 import resources_pb2 as resources

from devstack.stack import StackOptions
from tests.e2e.documents import a_ladder
from tests.e2e.house import House, new_id, open_house, state_of, until
from tests.e2e.kills import LEASE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(400)]

WIDTH, DEPTH = 8, 30
VICTIMS = ("pipeline", "executor", "nats", "postgres", "s3")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    options = StackOptions(test_types=True, settings={"pipeline": {"PIPELINE_LEASE_S": LEASE_S}})
    async with open_house(options) as house:
        yield house


@pytest.mark.parametrize("seed", [1, 2])
async def test_run_in_which_everything_dies_ends_as_if_nothing_had_happened(house: House, seed: int) -> None:
    victims = [*VICTIMS, "pipeline", "executor"]
    random.Random(seed).shuffle(victims)
    run = await house.begin(a_ladder(new_id("storm"), width=WIDTH, depth=DEPTH, seconds=0.2))

    for victim in victims:
        await further_by(house, run, nodes=WIDTH)
        active = [row for row in await house.executions(run) if row.state in {"QUEUED", "RUNNING"}]
        assert active, f"the run was over before {victim} died"
        await house.kill(victim)
    ended = await house.end_of(run, within_s=240)

    assert state_of(ended) == "SUCCEEDED"
    succeeded = [row.node for row in await house.executions(ended) if row.state == "SUCCEEDED"]
    assert len(succeeded) == len(set(succeeded)) == WIDTH * DEPTH
    await house.assert_recorded_once(ended)


async def further_by(house: House, run: resources.Run, *, nodes: int) -> None:
    """Wait until so many nodes more are done."""
    before = await done(house, run)

    async def got_further() -> bool:
        return await done(house, run) >= before + nodes

    await until(got_further, within_s=90)


async def done(house: House, run: resources.Run) -> int:
    return sum(row.state == "SUCCEEDED" for row in await house.executions(run))
