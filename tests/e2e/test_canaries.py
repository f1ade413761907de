"""A secret that is sent along every way turns up nowhere; a marker that is none shows that all places are seen."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import httpx
import pytest
import pytest_asyncio
from montage.v1 import (
    credential_service_pb2,
    credential_service_pb2_grpc,
    execution_service_pb2,
    execution_service_pb2_grpc,
    resources_pb2,
)

from devstack.stack import StackOptions
from montage_cli.errors import MontageError
from servicekit.tls import TlsFiles, channel_credentials
from tests.e2e.house import House, new_id, open_house, pipeline_of, until
from tests.factories import a_document
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "gateway", "internal")
SERVICES = ("pipeline", "gateway", "internal")
Places = dict[str, bytes]
"""What lies in a place, by its name."""


class Canaries:
    """Hands out secrets that nobody else has, and remembers what they were for."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    def new(self, way: str) -> str:
        self.sent[way] = f"canary{uuid4().hex}"
        return self.sent[way]

    def found_in(self, places: Places) -> set[tuple[str, str]]:
        """Way and place of each that got out, in clear, as hex or in base64's middle."""
        return {
            (way, name)
            for way, secret in self.sent.items()
            for name, content in places.items()
            if secret.encode() in content or secret.encode().hex().encode() in content
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    async with open_house(StackOptions(processes=PROCESSES, test_types=True)) as house:
        yield house


async def test_no_secret_is_in_logs_metrics_answers_queue_or_tables(house: House) -> None:
    canaries, answers = Canaries(), list[str]()
    marker = new_id("marker")

    await send_owners_secrets(house, canaries, answers)
    await send_to_the_gateways(house, canaries, answers, marker)
    tool = await send_results(house, canaries, answers, marker)
    await spoil_a_secret(house, answers)

    places = await places_of(house) | {"answers": "\n".join(answers).encode()}
    assert canaries.found_in(places) == set()
    # What is no secret is found there by the same eyes.
    for place in ("answers", "tables", "log of pipeline"):
        assert marker.encode() in places[place], place
    for place in ("queue", "log of pipeline", "log of gateway"):
        assert tool.encode() in places[place], place
    assert b"callback_refused" in places["log of internal"]
    for name in SERVICES:
        assert b"# HELP" in places[f"metrics of {name}"]
        assert b"_FILE" in places[f"environ of {name}"]
    assert len(canaries.sent) == 12


async def send_owners_secrets(house: House, canaries: Canaries, answers: list[str]) -> None:
    """Kept, refused, listed and handed out; what the rightful caller gets is not looked at."""
    async with house.operator() as operator:
        await operator.put_credential("users/42", "openai", canaries.new("owner's key"))
        await operator.put_credential("default", "local", canaries.new("key of a vendor"))
        answers += [str(one) async for one in operator.list_credentials()]
        for vendor in ("NOT A VENDOR", "x" * 80):
            answers.append(await refused(operator.put_credential("a", vendor, canaries.new(f"refused {vendor[0]}"))))
        answers.append(await refused(operator.put_credential("a", "b", canaries.new("too long") * 2000)))
    given = await ask(house, "internal", "/internal/users/42/llm-keys", token=internal_token(house))
    assert given.json()["openai"] == canaries.sent["owner's key"]


async def send_to_the_gateways(house: House, canaries: Canaries, answers: list[str], marker: str) -> None:
    """What strangers show, in every place where a secret may stand."""
    shown = await ask(house, "internal", "/internal/users/42/llm-keys", token=canaries.new("internal token"))
    node = f"/spi/node_render_data/{uuid4()}?cap={canaries.new('capability for reading')}"
    guessed = await ask(house, "internal", node, token="")
    answers += [shown.text, guessed.text]
    path = "/spi/video_production/executor_callback"
    for way, extra in (
        (f"{path}?cap={canaries.new('capability in the address')}", {}),
        (path, {"Authorization": f"Bearer {canaries.new('capability as bearer')}"}),
    ):
        answer = await ask(house, "gateway", way, method="POST", headers=extra, json={"node_uuid": marker})
        answers.append(answer.text)


async def send_results(house: House, canaries: Canaries, answers: list[str], marker: str) -> str:
    """A worker's key and failure, and a tool's output with what tools print. Answers the tool's execution."""
    nodes = [
        {"id": "fails", "type": "noop", "config": {"provider": "local", "nonce": marker}},
        {"id": "tool", "type": "invoke-lambda", "config": {"functionName": "count-words", "kind": "tooling-job"}},
    ]
    run = await house.begin(a_document(*nodes, document_id=marker))
    files = house.stack.layout.tls("executor")
    credentials = channel_credentials(TlsFiles(cert=files.cert, key=files.key, ca=files.ca))
    async with grpc.aio.secure_channel(house.stack.addresses.pipeline, credentials) as channel:
        worker: Any = execution_service_pb2_grpc.ExecutionServiceStub(channel)
        keys: Any = credential_service_pb2_grpc.CredentialServiceStub(channel)
        failing, claim, _ = await claimed(house, worker, run, "fails")
        right = credential_service_pb2.LiveClaim(execution_id=failing, claim=claim)
        request = credential_service_pb2.AccessCredentialRequest(vendor="local", claim=right)
        assert (await keys.AccessCredential(request)).value == canaries.sent["key of a vendor"]
        address = f"https://store.test/{marker}?X-Amz-Signature={canaries.new('signed address')}"
        failure = resources_pb2.Failure(error_type="invalid_input", message=f"cannot read {address}")
        await worker.FailExecution(
            execution_service_pb2.FailExecutionRequest(execution_id=failing, claim=claim, failure=failure)
        )
        tool, _, callback = await claimed(house, worker, run, "tool")
    body = {"tooling_job": {"output": f"{marker}: password={canaries.new('output of a tool')}"}}
    parts = urlsplit(callback)
    accepted = await ask(house, "gateway", f"{parts.path}?{parts.query}", method="PATCH", json=body)
    assert accepted.status_code == 200
    canaries.sent["capability that was good"] = parts.query.removeprefix("cap=")[40:100]
    answers.append(accepted.text)
    await house.end_of(run)
    answers += [str(one) async for one in house.client.list_nodes(pipeline_of(run))]
    return tool


async def spoil_a_secret(house: House, answers: list[str]) -> None:
    """What cannot be opened is told without what it was."""
    async with house.database() as database:
        await database.execute("UPDATE credentials SET nonce = wrapped_key WHERE owner = 'users/42'")
    answer = await ask(house, "internal", "/internal/users/42/llm-keys", token=internal_token(house))
    assert answer.status_code == 502
    answers.append(answer.text)


async def claimed(house: House, worker: Any, run: resources_pb2.Run, node: str) -> tuple[str, str, str]:
    """A node's execution in the hands of a worker: its id, the claim, and where to call back."""

    async def queued() -> Any:
        rows = [row for row in await house.executions(run) if row.node == node]
        return rows[-1] if rows else None

    row, claim = await until(queued), str(uuid4())
    request = execution_service_pb2.StartExecutionRequest(execution_id=row.id, claim=claim, dispatch_no=row.dispatch_no)
    answer = await worker.StartExecution(request)
    return row.id, claim, answer.callback_url


async def places_of(house: House) -> Places:
    """Everything that is kept or shown besides the store of films."""
    layout = house.stack.layout
    places = {f"log of {path.name.partition('.')[0]}": path.read_bytes() for path in layout.logs.glob("*.jsonl")}
    places["queue"] = await asyncio.to_thread(contents_of, layout.nats)
    places["tables"] = await tables_of(house)
    for name in SERVICES:
        process = house.stack.process(name)
        port = getattr(house.stack.addresses.ports, f"{name}_ops")
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as http:
            places[f"metrics of {name}"] = (await http.get(f"http://127.0.0.1:{port}/metrics")).content
        for file in ("cmdline", "environ"):
            places[f"{file} of {name}"] = contents_of_file(Path(f"/proc/{process.pid}/{file}"))
    return places


def contents_of_file(path: Path) -> bytes:
    return path.read_bytes()


def contents_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def tables_of(house: House) -> bytes:
    """Every row of every table, as its owner reads it."""
    async with house.database() as database:
        tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            row["text"]
            for table in tables
            for row in await database.fetch(f"SELECT t::text AS text FROM {table['tablename']} AS t")  # noqa: S608
        ]
    return "\n".join(rows).encode()


async def ask(
    house: House,
    process: str,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    headers: dict[str, str] | None = None,
    json: Any = None,
) -> httpx.Response:
    """A request of a client with a certificate."""
    files = house.stack.layout.tls("client-dev")
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.cert, files.key)
    address = f"https://127.0.0.1:{getattr(house.stack.addresses.ports, process)}{path}"
    shown = {} if token is None else {"X-Internal-Auth": token}
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=PATIENCE_S) as http:
        return await http.request(method, address, headers=shown | (headers or {}), json=json)


def internal_token(house: House) -> str:
    return house.stack.layout.internal_tokens.read_text().strip()


async def refused(call: Any) -> str:
    """All that a refusal says."""
    with pytest.raises(MontageError) as error:
        await call
    return f"{error.value} {error.value.violations}"
