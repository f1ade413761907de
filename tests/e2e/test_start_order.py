"""Services that start before their neighbours wait for them, and say for what."""

import asyncio

import httpx
import pytest

from devstack.stack import StackOptions
from tests.e2e.house import new_id, open_house, state_of, until
from tests.factories import a_document, noop

pytestmark = pytest.mark.asyncio

HELD_BACK = ("nats", "pipeline", "executor", "gateway", "lambda")


async def missing(port: int) -> list[str] | None:
    """What `/readyz` says is not there; None while nobody answers."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
        except httpx.TransportError:
            return None
    return sorted(answer.json()["missing"]) if answer.status_code == 503 else []


@pytest.mark.timeout(150)
async def test_work_is_accepted_and_edited_before_nats_is_there_and_done_when_it_comes() -> None:
    async with open_house(StackOptions(test_types=True, held_back=HELD_BACK)) as house:
        stack, ports = house.stack, house.stack.addresses.ports
        starting = [asyncio.create_task(stack.process(name).start()) for name in ("pipeline", "executor")]
        await until(lambda: _is_missing(ports.pipeline_ops, {"nats", "work_queue"}), within_s=60)
        await until(lambda: _is_missing(ports.executor_ops, {"nats"}), within_s=60)

        run = await house.begin(a_document(noop("a"), noop("b", "a"), document_id=new_id("early")))
        accepted = await house.client.get_run(run.name)
        await house.client.import_pipeline(a_document(noop("c"), document_id=new_id("edited")))
        assert state_of(accepted) == "ACTIVE"
        assert not any(task.done() for task in starting)

        await stack.process("nats").start()

        await asyncio.wait_for(asyncio.gather(*starting), 60)
        assert state_of(await house.end_of(run)) == "SUCCEEDED"
        assert [stack.process(name).restarts for name in ("pipeline", "executor")] == [0, 0]


async def _is_missing(port: int, names: set[str]) -> bool:
    found = await missing(port)
    return found is not None and names <= set(found)
