"""The whole executor against real NATS, gRPC and S3."""

import asyncio
from datetime import timedelta

from executor_service.consumer.pull import REQUEST_S
from pipeline_service.domain.ids import TaskQueue
from pipeline_service.relay.slots import Slots
from tests.integration.executor.conftest import StartExecutor
from tests.integration.executor.rig import World, until, until_found


async def test_queued_execution_is_done_stored_reported_and_acknowledged(
    around: World, start_executor: StartExecutor
) -> None:
    await around.create_queue("noop")
    execution_id, execution = await around.given(config={"nonce": "n1", "output": {"answer": 42}})

    await start_executor()
    await until(lambda: execution.has_ended)
    await around.until_stream_is_empty()

    assert execution.output is not None
    stored = await around.store.head(execution.output.s3_key)
    assert stored is not None
    assert (stored.size_bytes, stored.sha256) == (execution.output.size_bytes, execution.output.sha256)
    assert stored.content_type == "application/json"
    assert f"/executions/{execution_id}/" in execution.output.s3_key
    assert len(around.service.reports("start")) == 1


async def test_many_messages_are_all_done_once_without_leaving_files(
    around: World, start_executor: StartExecutor
) -> None:
    await around.create_queue("noop")
    executions = [(await around.given(config={"nonce": number}))[1] for number in range(60)]

    await start_executor(EXECUTOR_TEST_SLOTS="16")
    await until(lambda: all(execution.output is not None for execution in executions))
    await around.until_stream_is_empty()

    assert len(around.service.reports("complete")) == 60
    assert len(around.service.calls) < 180
    (folder,) = (entry for entry in (around.folder / "work").iterdir() if entry.is_dir())
    assert list(folder.iterdir()) == []


async def test_worker_takes_no_more_than_it_has_slots(around: World, start_executor: StartExecutor) -> None:
    await around.create_queue("noop")
    executions = [(await around.given(config={"seconds": 600}))[1] for _ in range(5)]

    await start_executor(EXECUTOR_TEST_SLOTS="2")
    await until(lambda: sum(execution.claim is not None for execution in executions) == 2)
    another = await start_executor(EXECUTOR_TEST_SLOTS="1")
    await until(lambda: sum(execution.claim is not None for execution in executions) == 3)

    assert await around.in_work() == 3
    assert await around.messages_left() == 5
    await another.close()


async def test_worker_announces_its_slots_and_takes_them_back_when_it_stops(
    around: World, start_executor: StartExecutor
) -> None:
    """The pipeline service hands out by them; it has other tests that read what is sent here."""
    slots = Slots()
    await slots.listen(around.publisher)
    await around.publisher.flush()

    executor = await start_executor(EXECUTOR_TEST_SLOTS="3")
    await until(lambda: slots.of(TaskQueue("noop")) == 3)
    another = await start_executor(EXECUTOR_TEST_SLOTS="2")
    await until(lambda: slots.of(TaskQueue("noop")) == 5)

    await executor.close()
    await until(lambda: slots.of(TaskQueue("noop")) == 2)
    await another.close()


async def test_stop_gives_running_work_back_to_its_queue(around: World, start_executor: StartExecutor) -> None:
    await around.create_queue("noop")
    _, execution = await around.given(config={"seconds": 600})
    life = await start_executor()
    await until(lambda: execution.claim is not None)

    await life.close()

    assert execution.requeued_after == timedelta(0)
    assert await around.messages_left() == 0
    assert list((around.folder / "work").iterdir()) == []


async def test_stop_lets_work_finish_within_its_grace(around: World, start_executor: StartExecutor) -> None:
    await around.create_queue("noop")
    _, execution = await around.given(config={"seconds": 0.5})
    life = await start_executor(EXECUTOR_DRAIN_S="10")
    await until(lambda: execution.claim is not None)

    await life.close()

    assert execution.output is not None
    assert execution.requeued_after is None


async def test_consumer_that_does_not_exist_yet_is_waited_for(around: World, start_executor: StartExecutor) -> None:
    _, execution = await around.given()
    await start_executor()

    await around.create_queue("noop")
    await until(lambda: execution.has_ended)
    await around.until_stream_is_empty()

    assert execution.output is not None


async def test_message_after_the_broker_was_killed_is_taken_up_soon(
    around: World, start_executor: StartExecutor
) -> None:
    await around.create_queue("noop")
    await start_executor()
    _, before = await around.given()
    await until(lambda: before.has_ended)

    around.broker.kill()
    around.broker.start()
    await until(lambda: around.publisher.stats["reconnects"] == 1)
    started = asyncio.get_running_loop().time()
    _, after = await around.given()
    await until(lambda: after.has_ended)

    assert asyncio.get_running_loop().time() - started < REQUEST_S / 2


async def test_consumer_deleted_and_made_again_goes_on(around: World, start_executor: StartExecutor) -> None:
    await around.create_queue("noop")
    await start_executor()
    _, before = await around.given()
    await until(lambda: before.has_ended)

    await around.delete_queue("noop")
    await around.create_queue("noop")
    _, after = await around.given()
    await until(lambda: after.has_ended)

    assert after.output is not None


async def test_garbage_leaves_the_queue_and_holds_nothing_up(around: World, start_executor: StartExecutor) -> None:
    await around.create_queue("noop")
    await around.publish_bytes(b"\xff garbage", message_id="garbage")
    _, execution = await around.given()

    await start_executor()
    await until(lambda: execution.has_ended)
    await around.until_stream_is_empty()

    assert execution.output is not None


async def test_cancel_told_over_control_stops_the_work_before_its_next_heartbeat(
    around: World, start_executor: StartExecutor
) -> None:
    await around.create_queue("noop")
    # The next heartbeat comes after a quarter of it.
    around.service.lease = timedelta(minutes=10)
    execution_id, execution = await around.given(config={"seconds": 600})
    await start_executor()
    await until(lambda: execution.claim is not None)

    execution.is_cancelled = True
    await around.publisher.publish(f"control.{execution_id}", b"")
    await around.until_stream_is_empty()

    assert len(around.service.reports("heartbeat")) == 1
    assert execution.output is None


async def test_result_found_while_the_service_is_away_is_reported_when_it_is_back(
    around: World, start_executor: StartExecutor
) -> None:
    await around.create_queue("noop")
    _, execution = await around.given(config={"seconds": 0.3})
    await start_executor()
    await until(lambda: execution.claim is not None)
    around.service.is_away = True

    assert execution.claim is not None
    prefix = f"pipelines/p/nodes/n/executions/{execution.task.execution.rpartition('/')[2]}/{execution.claim}/"

    async def is_stored() -> bool:
        return await around.store.head(f"{prefix}output.json") is not None

    await until_found(is_stored)
    assert await around.messages_left() == 1
    around.service.is_away = False
    await until(lambda: execution.has_ended)
    await around.until_stream_is_empty()

    assert execution.output is not None
