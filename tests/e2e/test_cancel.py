"""A cancel ends programs on this machine within a second, lets go of functions elsewhere, and keeps what comes late."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devstack.stack import StackOptions
from tests.e2e.documents import Document, a_merge, animation
from tests.e2e.house import House, new_id, node_state, open_house, state_of, until, until_true
from tests.e2e.kills import held_encoding
from tests.e2e.processes import below, go_on, is_alive, stop

pytestmark = pytest.mark.asyncio(loop_scope="module")

RENDERER = "executor_service.integrations.local.render"
AT_ONCE_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    async with open_house(StackOptions(test_types=True)) as house:
        yield house


async def a_held_renderer(house: House) -> int:
    """The process that draws, held still so that it cannot end by itself."""

    async def renderers() -> list[int]:
        return below(house.stack.process("executor").pid, running=RENDERER)

    renderer = (await until(renderers, is_brief=True))[0]
    stop(renderer)
    return renderer


def a_drawing(word: str) -> Document:
    return {"id": new_id(word), "title": "One drawing", "nodes": [animation("dawn")]}


async def test_cancelled_run_ends_the_program_that_works_for_it_within_a_second(house: House) -> None:
    run = await house.begin(a_drawing("cancelled"))
    renderer = await a_held_renderer(house)

    asked_at = time.monotonic()
    ended = await house.client.cancel_run(run.name)
    await until_true(lambda: not is_alive(renderer), within_s=10, is_brief=True)
    took_s = time.monotonic() - asked_at

    print(f"a cancelled program was gone after {took_s * 1000:.0f} ms")
    assert took_s < AT_ONCE_S
    assert state_of(ended) == "CANCELLED"
    assert (await house.execution(run, "dawn")).state == "CANCELLED"
    assert node_state((await house.nodes(run))["dawn"]) == "PENDING"
    await house.assert_recorded_once(ended)


async def test_edit_ends_the_program_that_works_on_what_was_before(house: House) -> None:
    document = a_drawing("edited")
    await house.begin(document)
    renderer = await a_held_renderer(house)
    document["nodes"][0]["title"] = "Another text"

    asked_at = time.monotonic()
    await house.client.import_pipeline(document)
    await until_true(lambda: not is_alive(renderer), within_s=10, is_brief=True)

    assert time.monotonic() - asked_at < AT_ONCE_S


async def test_worker_that_is_told_takes_the_next_work(house: House) -> None:
    """What was cancelled keeps neither slot nor message."""
    for _ in range(6):
        run = await house.begin(a_drawing("again"))
        await a_held_renderer(house)
        await house.client.cancel_run(run.name)

    assert state_of(await house.run(a_drawing("after"))) == "SUCCEEDED"


async def test_cancelled_function_is_let_go_of_and_its_late_result_is_kept_under_its_digest(house: House) -> None:
    async with held_encoding(house) as held:
        await house.client.cancel_run(held.run.name)
        assert (await house.execution(held.run, "film")).state == "CANCELLED"
        ignored = await house.callbacks(disposition="SUPERSEDED")

    async def came_late() -> bool:
        return await house.callbacks(disposition="SUPERSEDED") > ignored

    await until(came_late, within_s=40)
    assert (await house.execution(held.run, "film")).state == "CANCELLED"
    assert node_state((await house.nodes(held.run))["film"]) == "PENDING"
    async with house.database() as database:
        kept = await database.fetchval("SELECT count(*) FROM artifacts WHERE execution_id = $1", held.execution.id)
    assert kept == 1


async def test_held_run_ends_what_runs_and_begins_nothing_new_until_it_is_resumed(house: House) -> None:
    run = await house.begin(a_merge(new_id("held")))
    renderer = await a_held_renderer(house)

    async def both_are_taken() -> bool:
        return all(row.state != "QUEUED" for row in await house.executions(run))

    await until(both_are_taken)
    await house.client.pause_run(run.name)
    go_on(renderer)

    async def drawn() -> bool:
        nodes = await house.nodes(run)
        return [node_state(nodes[name]) for name in ("dawn", "dusk")] == ["COMPLETED", "COMPLETED"]

    await until(drawn, within_s=40)
    assert node_state((await house.nodes(run))["film"]) == "PENDING"
    await house.client.resume_run(run.name)
    assert state_of(await house.end_of(run)) == "SUCCEEDED"
