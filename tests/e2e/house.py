"""A running stack as the tests see it: what a client asks, what Postgres, store and logs say, and how parts die."""

import asyncio
import json
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from montage.v1 import resources_pb2 as resources
from prometheus_client.parser import text_string_to_metric_families

from devstack.layout import BUCKET, DATABASE, OWNER_ROLE, REGION
from devstack.stack import Stack, StackOptions
from devstack.supervisor import ManagedProcess
from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from montage_cli.running import is_over
from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress
from tests.due_times import expire
from tests.e2e.documents import Document
from tests.patience import PATIENCE_S
from tests.stacks import begun

RUN_S = 60.0
"""For a whole run, recoveries included, on a machine that others use as well."""
_LOOK_S = 0.02
_LONGEST_PAUSE_S = 0.25
_ENDS = ("EXECUTION_SUCCEEDED", "EXECUTION_FAILED", "EXECUTION_TIMED_OUT", "EXECUTION_CANCELLED")
T = TypeVar("T")
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What Postgres holds of an execution."""

    id: str
    node: str
    spec_digest: str
    state: str
    attempt: int
    dispatch_no: int
    claim: str | None
    s3_key: str | None
    sha256: str | None


class House:
    """Use `open_house`."""

    def __init__(self, stack: Stack, client: MontageClient, store: ObjectStore) -> None:
        self.stack = stack
        self.client = client
        self.store = store

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[MontageClient]:
        """Another client, with an operator's certificate."""
        files = self.stack.layout.tls("ops-dev")
        variables = {"MONTAGE_CLIENT_CERT": str(files.cert), "MONTAGE_CLIENT_KEY": str(files.key)}
        connection = find_connection(
            self.stack.env_for_client() | variables, folder=self.stack.data, repository=self.stack.data
        )
        async with MontageClient(connection) as client:
            yield client

    async def begin(self, document: Document, *targets: str) -> resources.Run:
        """Import and run, without waiting. What other pipelines made is not taken over: a test needs its own work."""
        await self._forget_what_others_made(document["id"])
        pipeline = (await self.client.import_pipeline(document)).pipeline.name
        return await self.client.run(pipeline, targets=[f"{pipeline}/nodes/{target}" for target in targets])

    async def run(self, document: Document, *targets: str) -> resources.Run:
        """Import, run, and wait for the end."""
        return await self.end_of(await self.begin(document, *targets))

    async def end_of(self, run: resources.Run, *, within_s: float = RUN_S) -> resources.Run:
        """The run when it is over. Raises AssertionError that says where it hangs."""

        async def ended() -> resources.Run | None:
            now = await self.client.get_run(run.name)
            return now if is_over(now) else None

        try:
            return await until(ended, within_s=within_s)
        except TimeoutError:
            left = [row for row in await self.executions(run) if row.state in {"QUEUED", "RUNNING", "WAITING"}]
            raise AssertionError(f"{run.name} is not over after {within_s:g} s; active: {left}") from None

    async def nodes(self, run: resources.Run) -> dict[str, resources.Node]:
        """All nodes of the run's pipeline by id."""
        return {node.name.rpartition("/")[2]: node async for node in self.client.list_nodes(pipeline_of(run))}

    async def executions(self, run: resources.Run) -> list[Row]:
        """All executions of the run's pipeline, oldest first, from Postgres itself."""
        async with self.database() as database:
            return await _executions(database, run)

    async def execution(self, run: resources.Run, node: str) -> Row:
        """The newest execution of a node."""
        found = [row for row in await self.executions(run) if row.node == node]
        assert found, f"node {node} was never executed"
        return found[-1]

    async def until_execution(self, run: resources.Run, node: str, state: str, *, within_s: float = RUN_S) -> Row:
        """Wait until the newest execution of a node stands there."""

        async with self.database() as database:

            async def reached() -> Row | None:
                found = [row for row in await _executions(database, run) if row.node == node]
                return found[-1] if found and found[-1].state == state else None

            return await until(reached, within_s=within_s, is_brief=True)

    async def assert_recorded_once(self, run: resources.Run) -> None:
        """What holds whatever happened: nothing that was recorded was done again, and history has no gap."""
        async with self.database() as database:
            events = await database.fetch(
                "SELECT seq, type, execution_id FROM events e JOIN pipelines p ON p.uid = e.pipeline_uid "
                "WHERE p.id = $1 ORDER BY seq",
                pipeline_id(run),
            )
            last = await database.fetchval("SELECT last_seq FROM pipelines WHERE id = $1", pipeline_id(run))
        assert [event["seq"] for event in events] == list(range(1, last + 1))
        executions = await self.executions(run)
        succeeded = Counter((row.node, row.spec_digest) for row in executions if row.state == "SUCCEEDED")
        assert not [node for node, times in succeeded.items() if times > 1]
        history: dict[Any, list[str]] = defaultdict(list)
        for event in events:
            if event["execution_id"] is not None:
                history[event["execution_id"]].append(event["type"])
        for execution, types in history.items():
            ends = [kind for kind in types if kind in _ENDS]
            assert ends == types[-1:], f"{execution} ended other than once and last: {types}"

    async def events(self, run: resources.Run, node: str) -> list[str]:
        """Types of the events of a node's executions, in order."""
        async with self.database() as database:
            found = await database.fetch(
                "SELECT type FROM events e JOIN pipelines p ON p.uid = e.pipeline_uid "
                "WHERE p.id = $1 AND e.node_id = $2 AND e.execution_id IS NOT NULL ORDER BY seq",
                pipeline_id(run),
                node,
            )
        return [record["type"] for record in found]

    async def pass_deadline(self, execution: Row) -> None:
        """Move an execution's start_to_close into the past: the test owns the clock of the row."""
        async with self.database() as database:
            moved = await expire(database, "close_due_at", [execution.id])
        assert len(moved) == 1

    async def _forget_what_others_made(self, pipeline: str) -> None:
        async with self.database() as database:
            await database.execute(
                "DELETE FROM artifacts AS a USING executions AS e, pipelines AS p "
                "WHERE a.execution_id = e.id AND e.pipeline_uid = p.uid AND p.id <> $1",
                pipeline,
            )

    @asynccontextmanager
    async def database(self, role: str = OWNER_ROLE) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own, past every service."""
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.stack.addresses.ports.postgres,
            user=role,
            database=DATABASE,
            password=self.stack.layout.postgres_password(role).read_text(),
            ssl=False,
            timeout=PATIENCE_S,
        )
        try:
            yield connection
        finally:
            # A server that was killed under it cannot be told good-bye.
            connection.terminate()

    async def callbacks(self, **labels: str) -> float:
        """Results that the gateway has answered since it started, by labels of `gateway_callbacks_total`."""
        return await self.metric("gateway", "gateway_callbacks_total", route="executor_callback", **labels)

    async def metric(self, process: str, name: str, **labels: str) -> float:
        """A sum over all series with these labels."""
        port = getattr(self.stack.addresses.ports, f"{process}_ops")
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def log(self, process: str, event: str) -> list[dict[str, Any]]:
        """Lines of one event in a process's log, over all its lives."""
        found = []
        for line in self.stack.layout.log(process).read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("event") == event:
                found.append(entry)
        return found

    def jobs_of(self, execution: Row) -> int:
        """How often the media function worked for an execution, to the end."""
        worked = [entry for entry in self.log("lambda", "job_settled") if entry["process_uuid"] == execution.id]
        found = [entry for entry in self.log("lambda", "manifest_found") if entry["process_uuid"] == execution.id]
        return len(worked) - len(found)

    def queued_events(self) -> int:
        """Invocations that the Lambda endpoint has promised and not finished."""
        return len(list(self.stack.layout.lambda_endpoint.rglob("*.event")))

    @asynccontextmanager
    async def stopping_at(self, process: str, failpoint: str, **variables: str) -> AsyncIterator[ManagedProcess]:
        """Restart a process so that it stops itself (SIGSTOP) when it first passes a failpoint; SIGKILL at the end.

        `variables` are settings of that life only; the next one is ready when this context is left.
        """
        managed = self.stack.process(process)
        original = managed.spec
        changed = {f"{process.upper()}_FAILPOINTS": failpoint, **variables}
        managed.spec = replace(original, environment={**original.environment, **changed})
        await managed.restart()
        try:
            yield managed
        finally:
            managed.spec = original
            await self.kill(process)

    async def kill(self, process: str) -> None:
        """SIGKILL, and wait until the supervisor has brought it back."""
        managed = self.stack.process(process)
        assert await managed.kill() == -signal.SIGKILL
        await managed.wait_ready(60)


@asynccontextmanager
async def open_house(options: StackOptions) -> AsyncIterator[House]:
    """Start a stack and connect to it."""
    with begun(options) as seeded:
        async with Stack(seeded) as stack:
            connection = find_connection(stack.env_for_client(), folder=stack.data, repository=stack.data)
            async with open_store(stack) as store, MontageClient(connection) as client:
                yield House(stack, client, store)


@asynccontextmanager
async def open_store(stack: Stack) -> AsyncIterator[ObjectStore]:
    """The object store, as an operator sees it."""
    store = ObjectStore(
        StoreAddress(
            bucket=BUCKET,
            region=REGION,
            endpoint=stack.addresses.s3_endpoint,
            access_key_file=stack.layout.s3_access_key("operator"),
            secret_key_file=stack.layout.s3_secret_key("operator"),
        )
    )
    try:
        yield store
    finally:
        await store.close()


async def until(condition: Callable[[], Awaitable[T | None]], *, within_s: float = 45.0, is_brief: bool = False) -> T:
    """Wait until the condition answers something true, and answer that. Raises TimeoutError.

    It looks the more rarely the longer it takes, since looks are work for those who are waited for; all the time
    for what `is_brief`, which may be over again at the next look.
    """
    pause_s = _LOOK_S
    async with asyncio.timeout(within_s):
        while True:
            found = await condition()
            if found:
                return found
            await asyncio.sleep(pause_s)
            if not is_brief:
                pause_s = min(1.3 * pause_s, _LONGEST_PAUSE_S)


async def until_true(condition: Callable[[], object], *, within_s: float = 45.0, is_brief: bool = False) -> None:
    """The same for what can be seen without waiting."""

    async def look() -> bool:
        return bool(condition())

    await until(look, within_s=within_s, is_brief=is_brief)


def new_id(word: str) -> str:
    """A pipeline id that no other test of this process has."""
    return f"{word}-{next(_numbers)}"


async def _executions(database: asyncpg.Connection, run: resources.Run) -> list[Row]:
    found = await database.fetch(
        "SELECT e.id, n.id AS node, e.spec_digest, e.state, e.attempt, e.dispatch_no, e.claim, e.output "
        "FROM executions e JOIN nodes n ON n.uid = e.node_uid JOIN pipelines p ON p.uid = e.pipeline_uid "
        "WHERE p.id = $1 ORDER BY e.id",
        pipeline_id(run),
    )
    return [_row(record) for record in found]


def pipeline_of(run: resources.Run) -> str:
    return run.name.partition("/runs/")[0]


def pipeline_id(run: resources.Run) -> str:
    return pipeline_of(run).removeprefix("pipelines/")


def state_of(run: resources.Run) -> str:
    return resources.RunState.Name(run.state).removeprefix("RUN_STATE_")


def decisions_of(run: resources.Run) -> dict[str, str]:
    """What the run decided, by node id."""
    return {
        row.node.rpartition("/")[2]: resources.RunDecision.Name(row.decision).removeprefix("RUN_DECISION_")
        for row in run.nodes
    }


def node_state(node: resources.Node) -> str:
    return resources.NodeState.Name(node.state).removeprefix("NODE_STATE_")


def write_document(path: Path, document: Mapping[str, object]) -> Path:
    """As a file; JSON is YAML."""
    path.write_text(json.dumps(document, indent=1))
    return path


def _row(record: asyncpg.Record) -> Row:
    output = json.loads(record["output"]) if isinstance(record["output"], str) else record["output"]
    return Row(
        id=str(record["id"]),
        node=record["node"],
        spec_digest=record["spec_digest"],
        state=record["state"],
        attempt=record["attempt"],
        dispatch_no=record["dispatch_no"],
        claim=str(record["claim"]) if record["claim"] else None,
        s3_key=output["s3Key"] if output else None,
        sha256=output["sha256"] if output else None,
    )
