"""The servers that our processes stand on die by SIGKILL while they hold work; runs end as if nothing had happened."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devstack.layout import ENGINE_ROLE, SUPERUSER_ROLE
from devstack.stack import StackOptions
from tests.e2e.documents import a_crowd, a_merge
from tests.e2e.house import House, new_id, open_house, state_of, until, until_true
from tests.e2e.kills import LEASE_S, Queue, held_encoding, look_into_queue, undisturbed_merge
from tests.e2e.processes import is_alive, is_stopped

pytestmark = pytest.mark.asyncio(loop_scope="module")

CROWD = 25
IS_WRITING = """
SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE a.usename = $1 AND a.backend_xid IS NOT NULL AND NOT l.granted AND l.relation = 'events'::regclass
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    options = StackOptions(test_types=True, settings={"pipeline": {"PIPELINE_LEASE_S": LEASE_S}})
    async with open_house(options) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="merge")
async def _merge(house: House) -> str:
    return await undisturbed_merge(house)


async def test_lambda_endpoint_killed_while_encoding_runs_the_event_again(house: House, merge: str) -> None:
    accepted, resumed = len(house.log("lambda", "event_accepted")), len(house.log("lambda", "event_resumed"))
    async with held_encoding(house) as held:
        assert is_alive(held.encoder)
        assert house.queued_events() == 1
        await house.stack.process("lambda").kill()
    ended = await house.end_of(held.run)

    assert state_of(ended) == "SUCCEEDED"
    done = await house.execution(ended, "film")
    assert (done.id, done.attempt, done.sha256) == (held.execution.id, 1, merge)
    await until_true(lambda: not is_alive(held.encoder))
    assert len(house.log("lambda", "event_accepted")) == accepted + 1
    assert len(house.log("lambda", "event_resumed")) == resumed + 1
    assert house.jobs_of(done) == 1
    await house.assert_recorded_once(ended)


async def test_lambda_endpoint_killed_while_its_function_calls_back_reports_again_without_encoding_again(
    house: House, merge: str
) -> None:
    async with house.stopping_at("gateway", "gateway.before_report=stop@1") as gateway:
        run = await house.begin(a_merge(new_id("calling")))
        await until_true(lambda: is_stopped(gateway.pid), within_s=40)
        assert house.queued_events() == 1
        assert (await house.execution(run, "film")).state == "WAITING"
        await house.kill("lambda")
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    done = await house.execution(ended, "film")
    assert (done.attempt, done.sha256) == (1, merge)
    assert done.id in {entry["process_uuid"] for entry in house.log("lambda", "manifest_found")}
    assert house.jobs_of(done) == 1
    await house.assert_recorded_once(ended)


@pytest.mark.parametrize("wiped", [False, True], ids=["keeps its files", "loses its files"])
async def test_nats_killed_with_messages_queued_loses_no_work(house: House, wiped: bool) -> None:
    server, executor = house.stack.process("nats"), house.stack.process("executor")
    await executor.stop()
    run = await house.begin(a_crowd(new_id("queued"), size=CROWD))

    async def all_queued() -> bool:
        return await look_into_queue(house, "noop") == Queue(undelivered=CROWD, unacknowledged=0)

    assert await until(all_queued)
    if wiped:
        # SIGKILL too, but nobody starts it again before its files are gone.
        await server.stop(grace_s=0)
        shutil.rmtree(house.stack.layout.nats)
        house.stack.layout.nats.mkdir(mode=0o700)
        await server.start()
    else:
        await house.kill("nats")
    await executor.start()
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    executions = await house.executions(ended)
    assert len(executions) == 2 * CROWD + 1
    assert {(row.state, row.attempt) for row in executions} == {("SUCCEEDED", 1)}
    if wiped:
        assert all(row.dispatch_no > 1 for row in executions if row.node.startswith("a"))
    await house.assert_recorded_once(ended)


async def test_postgres_killed_in_the_middle_of_a_batch_loses_nothing_that_was_answered(house: House) -> None:
    run = await house.begin(a_crowd(new_id("batch"), size=CROWD, seconds=1))

    async def done() -> list[str]:
        return [row.id for row in await house.executions(run) if row.state == "SUCCEEDED"]

    async def first_half_is_done() -> list[str]:
        found = await done()
        return found if len(found) >= CROWD else []

    await until(first_half_is_done, is_brief=True)
    async with house.database() as blocker, house.database(SUPERUSER_ROLE) as watcher:
        # A batch holds its pipelines and writes all it decided in one statement: there it is held, not committed.
        await blocker.execute("BEGIN; LOCK TABLE events IN SHARE MODE")

        async def a_batch_is_held() -> bool:
            return bool(await watcher.fetchval(IS_WRITING, ENGINE_ROLE))

        await until(a_batch_is_held)
        before = await done()
        await house.kill("postgres")
    ended = await house.end_of(run)

    assert CROWD <= len(before) < 2 * CROWD
    assert state_of(ended) == "SUCCEEDED"
    executions = await house.executions(ended)
    assert len(executions) == 2 * CROWD + 1
    assert {(row.state, row.attempt) for row in executions} == {("SUCCEEDED", 1)}
    for node in (row.node for row in executions if row.id in before):
        assert (await house.events(ended, node)).count("EXECUTION_SUCCEEDED") == 1
    await house.assert_recorded_once(ended)
