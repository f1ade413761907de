"""Every service is restarted as a deployment does it, while callbacks come in: none is lost, nobody sees an error."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count

import httpx
import pytest
from montage.v1 import resources_pb2 as resources
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import PortReservations
from devstack.readiness import http_answers_ok
from devstack.stack import Stack, StackOptions
from devstack.supervisor import ManagedProcess
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from tests.e2e.balancer import Balancer
from tests.e2e.callers import Callers
from tests.e2e.house import House, new_id, open_store, state_of, until, until_true
from tests.factories import a_document, noop

pytestmark = pytest.mark.asyncio

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "executor", "gateway")
SERVICES = ("pipeline", "executor", "gateway")
IN_FLIGHT = 20
"""Callbacks at least, that are neither committed nor answered when a service is told to stop."""
NODES = 60
"""Of a pipeline; each is done by one callback."""
BACKLOG_S = 4
"""So many seconds' jobs are there before the first service ends: none comes while nothing commits."""
STOP_S = 30.0


class Deployment:
    """Services behind balancers, each of which can be replaced by a new process of the same kind."""

    def __init__(self, stack: Stack, house: House, balancers: dict[str, Balancer], ports: PortReservations) -> None:
        self._stack = stack
        self._house = house
        self._balancers = balancers
        self._ports = ports
        self._numbers = count(2)
        self._running = {name: stack.process(name) for name in SERVICES}
        self._new: dict[str, ManagedProcess] = {}
        self.in_flight: list[tuple[str, int]] = []
        """For each restart, how many callbacks were under way."""

    async def start_another(self, service: str) -> None:
        """A new process, which gets no connections yet."""
        new = self._new[service] = self._another(service)
        await new.start()

    async def end_old(self, service: str) -> None:
        """Lead new connections to both, and end the old process in the middle of its work."""
        old = self._running[service]
        new = self._running[service] = self._new.pop(service)
        if balancer := self._balancers.get(service):
            balancer.ports.append(_port(new, service))
        gateway = old if service == "gateway" else self._running["gateway"]
        async with self._nothing_commits():
            self.in_flight.append((service, await _until_in_flight(gateway)))
            ending = asyncio.create_task(old.stop(grace_s=STOP_S))
            await until(lambda: _is_told(old))
        await ending
        assert b'"exit_code":0' in _last_line(old).replace(b" ", b""), _last_line(old)
        # No sooner: balancers are slow to notice that somebody is about to leave.
        if balancer:
            balancer.ports.remove(_port(old, service))

    async def stop(self) -> None:
        """What the stack does not know of."""
        for process in (*self._new.values(), *self._running.values()):
            await process.stop(grace_s=STOP_S)

    def _another(self, service: str) -> ManagedProcess:
        spec = self._stack.process(service).spec
        prefix, number, ops = service.upper(), next(self._numbers), self._ports.reserve()
        changed = {f"{prefix}_OPS_LISTEN": f"127.0.0.1:{ops}", f"{prefix}_LISTEN": f"127.0.0.1:{self._ports.reserve()}"}
        if service == "executor":
            del changed["EXECUTOR_LISTEN"]
            changed["EXECUTOR_WORK_DIR"] = f"{spec.environment['EXECUTOR_WORK_DIR']}-{number}"
        spec = replace(
            spec,
            name=f"{service}-{number}",
            environment={**spec.environment, **changed},
            probe=http_answers_ok(ops, "/readyz"),
            log=self._stack.layout.logs / f"{service}-{number}.jsonl",
        )
        return ManagedProcess(spec, nursery=self._stack.nursery, on_event=lambda _: None, start_timeout_s=60)

    @asynccontextmanager
    async def _nothing_commits(self) -> AsyncIterator[None]:
        async with self._house.database() as database, database.transaction():
            await database.execute("SELECT FROM pipelines FOR UPDATE")
            yield


def _port(process: ManagedProcess, service: str, listener: str = "LISTEN") -> int:
    return int(process.spec.environment[f"{service.upper()}_{listener}"].rpartition(":")[2])


async def _until_in_flight(gateway: ManagedProcess) -> int:
    """Wait until enough callbacks are handled there; answers how many."""
    url = f"http://127.0.0.1:{_port(gateway, 'gateway', 'OPS_LISTEN')}/metrics"

    async def enough() -> int | None:
        async with httpx.AsyncClient(trust_env=False) as http:
            families = text_string_to_metric_families((await http.get(url)).text)
        [now] = [int(one.samples[0].value) for one in families if one.name == "gateway_callbacks_in_flight"]
        return now if now >= IN_FLIGHT else None

    return await until(enough)


async def _is_told(process: ManagedProcess) -> bool:
    return b'"stopping"' in process.spec.log.read_bytes()


def _last_line(process: ManagedProcess) -> bytes:
    return process.spec.log.read_bytes().splitlines()[-1]


@asynccontextmanager
async def deployment(per_s: float) -> AsyncIterator[tuple[Deployment, House, Callers]]:
    """Everybody finds pipeline service and gateway behind a balancer."""
    async with AsyncExitStack() as parts:
        balancers = {name: await parts.enter_async_context(Balancer()) for name in ("pipeline", "gateway")}
        settings = {
            "pipeline": {"PIPELINE_GATEWAY_URL": f"https://{balancers['gateway'].address}"},
            "executor": {"EXECUTOR_PIPELINE_ADDR": balancers["pipeline"].address},
            "gateway": {"GATEWAY_PIPELINE_ADDR": balancers["pipeline"].address, "GATEWAY_PEER_PER_S": "0"},
        }
        ports = PortReservations()
        parts.callback(ports.release)
        stack = Stack(StackOptions(processes=PROCESSES, held_back=SERVICES, test_types=True, settings=settings))
        await parts.enter_async_context(stack)
        balancers["pipeline"].ports.append(stack.addresses.ports.pipeline)
        balancers["gateway"].ports.append(stack.addresses.ports.gateway)
        await asyncio.gather(*(stack.process(name).start() for name in SERVICES))
        variables = stack.env_for_client() | {"MONTAGE_PIPELINE_ADDR": balancers["pipeline"].address}
        connection = find_connection(variables, folder=stack.data, repository=stack.data)
        store = await parts.enter_async_context(open_store(stack))
        client = await parts.enter_async_context(MontageClient(connection))
        callers = await parts.enter_async_context(Callers(ca_cert=stack.layout.ca_cert, per_s=per_s))
        house = House(stack, client, store)
        rolling = Deployment(stack, house, balancers, ports)
        parts.push_async_callback(rolling.stop)
        yield rolling, house, callers


async def feed(house: House, callers: Callers, runs: list[resources.Run], *, backlog: int) -> None:
    """Always have something to call back about."""
    while True:
        if NODES * len(runs) - callers.answered < backlog:
            document_id = new_id("rolling")
            nodes = (noop(f"n{at}", vendor=callers.address) for at in range(NODES))
            await house.client.import_pipeline(a_document(*nodes, document_id=document_id))
            runs.append(await house.client.run(f"pipelines/{document_id}"))
        await asyncio.sleep(0.05)


async def roll_all(*, per_s: float, rounds: int) -> list[tuple[str, int]]:
    """Replace every service so often, and compare what callers were told with what is written.

    Answers what was ended, and how many callbacks were under way at that moment.
    """
    async with deployment(per_s) as (rolling, house, callers):
        runs: list[resources.Run] = []
        backlog = int(BACKLOG_S * per_s) // NODES * NODES
        feeding = asyncio.create_task(feed(house, callers, runs, backlog=backlog))
        for _ in range(rounds):
            callers.may_begin.clear()
            await asyncio.gather(*(rolling.start_another(service) for service in SERVICES))
            await until_true(lambda: callers.waiting >= backlog, within_s=120)
            callers.may_begin.set()
            answered, began = callers.answered, time.perf_counter()
            for service in SERVICES:
                await rolling.end_old(service)
            rate = (callers.answered - answered) / (time.perf_counter() - began)
            print(f"{rate:.0f} callbacks a second while services were ended")
        assert not feeding.done(), "a client saw an error"
        feeding.cancel()
        ended = [await house.end_of(run) for run in runs]
        await until_true(lambda: not callers.waiting and not callers.under_way)

        assert {state_of(run) for run in ended} == {"SUCCEEDED"}
        print(f"{callers.answered} answered; sent again {dict(callers.repeated)}; in flight {rolling.in_flight}")
        told = [answer for answers in callers.log.values() for answer in answers]
        assert Counter((one.status, one.body["status"]) for one in told) == {(200, "ok"): len(told)}
        await assert_recorded_once(house, callers.log.keys())
        return rolling.in_flight


async def assert_recorded_once(house: House, executions: Collection[str]) -> None:
    """Exactly these have succeeded, at the first attempt and once."""
    async with house.database() as database:
        rows = await database.fetch("SELECT id::text, state, attempt FROM executions")
        ends = await database.fetch("SELECT execution_id::text AS id FROM events WHERE type = 'EXECUTION_SUCCEEDED'")
    assert {row["id"] for row in rows} == set(executions)
    assert {(row["state"], row["attempt"]) for row in rows} == {("SUCCEEDED", 1)}
    assert Counter(row["id"] for row in ends) == Counter(executions)


@pytest.mark.timeout(150)
async def test_callbacks_go_on_while_every_service_is_replaced() -> None:
    ended = await roll_all(per_s=60, rounds=1)

    assert [service for service, _ in ended] == list(SERVICES)
    assert min(in_flight for _, in_flight in ended) >= IN_FLIGHT


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_callbacks_go_on_while_every_service_is_replaced_again_and_again() -> None:
    ended = await roll_all(per_s=250, rounds=3)

    assert len(ended) == 3 * len(SERVICES)
    assert min(in_flight for _, in_flight in ended) >= IN_FLIGHT
