"""Each of our processes dies by SIGKILL while it holds work; the run ends as if nothing had happened."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devstack.stack import StackOptions
from tests.e2e.documents import a_chain, a_film, a_merge
from tests.e2e.house import House, new_id, open_house, state_of, until, until_true
from tests.e2e.kills import LEASE_S, held_encoding, look_into_queue, undisturbed_film, undisturbed_merge
from tests.e2e.processes import below, go_on, is_alive, is_stopped, stop

pytestmark = pytest.mark.asyncio(loop_scope="module")

RENDERER = "executor_service.integrations.local.render"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    options = StackOptions(test_types=True, settings={"pipeline": {"PIPELINE_LEASE_S": LEASE_S}})
    async with open_house(options) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="film")
async def _film(house: House) -> str:
    return await undisturbed_film(house)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="merge")
async def _merge(house: House) -> str:
    return await undisturbed_merge(house)


@pytest.mark.parametrize(
    "place",
    [
        # What has not left the process yet is killed at every place of test_failpoints.
        pytest.param("executor.after_claim", marks=pytest.mark.slow),
        pytest.param("executor.before_upload", marks=pytest.mark.slow),
        "executor.after_upload",
    ],
)
async def test_executor_killed_inside_the_voice_node_is_replaced_and_the_film_is_the_same(
    house: House, film: str, place: str
) -> None:
    document = a_film(new_id("voice"))
    async with house.stopping_at("executor", f"{place}=stop@1") as executor:
        run = await house.begin(document, "voice")
        await until_true(lambda: is_stopped(executor.pid))
        held = await house.execution(run, "voice")
        assert (held.state, held.claim is not None) == ("RUNNING", True)
    ended = await house.end_of(run)

    voice = await house.execution(ended, "voice")
    assert (voice.id, voice.attempt, voice.dispatch_no, voice.state) == (held.id, 1, 2, "SUCCEEDED")
    assert await house.events(ended, "voice") == [
        "EXECUTION_QUEUED",
        "EXECUTION_STARTED",
        "EXECUTION_REQUEUED",
        "EXECUTION_STARTED",
        "EXECUTION_SUCCEEDED",
    ]
    assert state_of(await house.run(document)) == "SUCCEEDED"
    assert (await house.execution(ended, "film")).sha256 == film
    assert [row.id for row in await house.executions(ended) if row.node == "voice"] == [held.id]
    await house.assert_recorded_once(ended)


@pytest.mark.slow
async def test_executor_killed_while_its_child_draws_leaves_no_child_and_the_merge_is_the_same(
    house: House, merge: str
) -> None:
    executor = house.stack.process("executor")
    run = await house.begin(a_merge(new_id("child")))

    async def renderers() -> list[int]:
        return below(executor.pid, running=RENDERER)

    renderer = (await until(renderers, is_brief=True))[0]
    stop(renderer)
    holding = [row for row in await house.executions(run) if row.state == "RUNNING"]
    assert is_alive(renderer)
    assert holding

    await house.kill("executor")
    go_on(renderer)
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    assert (await house.execution(ended, "film")).sha256 == merge
    assert len(await house.executions(ended)) == 3
    await until_true(lambda: not is_alive(renderer))
    await house.assert_recorded_once(ended)


async def test_executor_killed_between_invocation_and_parking_leaves_the_node_to_its_callback(
    house: House, merge: str
) -> None:
    async with house.stopping_at("executor", "executor.after_invoke=stop@1") as executor:
        run = await house.begin(a_merge(new_id("invoked")))
        await until_true(lambda: is_stopped(executor.pid), within_s=40)
        held = await house.execution(run, "film")
        # Held by the worker, while the function works on it already.
        assert held.state in {"RUNNING", "SUCCEEDED"}
        assert "EXECUTION_WAITING" not in await house.events(run, "film")
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    done = await house.execution(ended, "film")
    assert (done.id, done.attempt, done.sha256) == (held.id, 1, merge)
    await house.assert_recorded_once(ended)


async def test_gateway_killed_while_lambda_encodes_is_back_for_the_callback(house: House, merge: str) -> None:
    async with held_encoding(house) as held:
        gateway = house.stack.process("gateway")
        assert is_alive(held.encoder)
        await gateway.kill()
    ended = await house.end_of(held.run)

    assert state_of(ended) == "SUCCEEDED"
    done = await house.execution(ended, "film")
    assert (done.id, done.sha256) == (held.execution.id, merge)
    assert house.jobs_of(done) == 1
    await gateway.wait_ready()
    await house.assert_recorded_once(ended)


@pytest.mark.parametrize(
    ("place", "recorded", "disposition"),
    [("gateway.before_report", "WAITING", "APPLIED"), ("gateway.after_report", "SUCCEEDED", "DUPLICATE")],
)
async def test_gateway_killed_with_a_callback_in_its_hands_gets_it_again_and_it_counts_once(
    house: House, merge: str, place: str, recorded: str, disposition: str
) -> None:
    async with house.stopping_at("gateway", f"{place}=stop@1") as gateway:
        run = await house.begin(a_merge(new_id("callback")))
        await until_true(lambda: is_stopped(gateway.pid), within_s=40)
        assert (await house.execution(run, "film")).state == recorded
    ended = await house.end_of(run)

    async def answered() -> bool:
        return await house.callbacks(disposition=disposition) == 1

    assert await until(answered, within_s=40)
    assert await house.callbacks() == 1
    done = await house.execution(ended, "film")
    assert (done.state, done.sha256, done.attempt) == ("SUCCEEDED", merge, 1)
    assert house.jobs_of(done) == 1
    await house.assert_recorded_once(ended)


async def test_service_killed_between_a_commit_and_its_publish_publishes_later_and_repeats_nothing(
    house: House,
) -> None:
    # The first thing to publish of a chain is its first node, the second one what the completion of that one queued.
    async with house.stopping_at("pipeline", "relay.before_publish=stop@2") as service:
        run = await house.begin(a_chain(new_id("chain"), length=4))
        await until_true(lambda: is_stopped(service.pid))
        first, second = await house.execution(run, "n1"), await house.execution(run, "n2")
        assert (first.state, second.state, second.dispatch_no) == ("SUCCEEDED", "QUEUED", 1)
        # Nothing but the message of the first node, where its worker still waits for an answer.
        queue = await look_into_queue(house, "noop")
        assert queue.undelivered == 0
        assert queue.unacknowledged <= 1
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    assert [(row.node, row.attempt, row.state) for row in await house.executions(ended)] == [
        (node, 1, "SUCCEEDED") for node in ("n1", "n2", "n3", "n4")
    ]
    assert (await house.execution(ended, "n1")).id == first.id
    assert (await house.execution(ended, "n2")).dispatch_no == 2
    assert (await house.events(ended, "n1")).count("EXECUTION_STARTED") == 1
    await house.assert_recorded_once(ended)


async def test_service_killed_with_a_film_under_way_goes_on_with_it(house: House, film: str) -> None:
    run = await house.begin(a_film(new_id("service")))
    await house.until_execution(run, "joined", "WAITING")
    before = {row.id for row in await house.executions(run) if row.state == "SUCCEEDED"}

    await house.kill("pipeline")
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    assert (await house.execution(ended, "film")).sha256 == film
    executions = await house.executions(ended)
    assert len(executions) == 6
    assert before <= {row.id for row in executions}
    await house.assert_recorded_once(ended)
