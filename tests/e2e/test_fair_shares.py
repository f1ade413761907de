"""Who comes later than a lot of work is not the last: by priority, and by how much of a pipeline is under way."""

import pytest
from montage.v1 import resources_pb2 as resources

from devstack.stack import StackOptions
from tests.e2e.house import House, new_id, open_house, state_of
from tests.factories import a_document, noop

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(150)]

WINDOW = 4
SETTINGS = {"pipeline": {"PIPELINE_DISPATCH_WINDOWS": f"noop={WINDOW}"}, "executor": {"EXECUTOR_TEST_SLOTS": "2"}}


async def submit(house: House, word: str, *, width: int, priority: int = 0) -> resources.Run:
    """A pipeline of nodes that need none of each other."""
    document = a_document(*(noop(f"n{number}", seconds=0.2) for number in range(width)), document_id=new_id(word))
    pipeline = (await house.client.import_pipeline(document)).pipeline.name
    return await house.client.run(pipeline, priority=priority)


async def places(house: House, runs: dict[str, resources.Run]) -> dict[str, list[int]]:
    """For each run when its executions began, as places among all of them."""
    async with house.database() as database:
        rows = await database.fetch("SELECT run_id::text AS run FROM executions ORDER BY start_time")
    order = [row["run"] for row in rows]
    ids = {word: run.name.rpartition("/")[2] for word, run in runs.items()}
    return {word: [place for place, run in enumerate(order) if run == ids[word]] for word in runs}


async def test_higher_priorities_and_smaller_pipelines_pass_a_big_one() -> None:
    async with open_house(StackOptions(test_types=True, settings=SETTINGS)) as house:
        await house.run(a_document(noop("warm"), document_id=new_id("warm")))
        # Nothing moves until all of them are there.
        house.stack.process("executor").pause()
        runs = {
            "big": await submit(house, "big", width=24),
            "low": await submit(house, "low", width=3, priority=-1),
            "small": await submit(house, "small", width=3),
            "high": await submit(house, "high", width=3, priority=50),
        }
        house.stack.process("executor").resume()
        ended = {word: await house.end_of(run) for word, run in runs.items()}

        assert {state_of(run) for run in ended.values()} == {"SUCCEEDED"}
        found = await places(house, runs)

    # What was out before stays out, and what is out is taken in any order.
    assert max(found["high"]) <= 1 + WINDOW + len(found["high"]) + WINDOW
    assert max(found["small"]) < max(found["big"]) - WINDOW
    assert min(found["low"]) >= len(found["big"]) - WINDOW
