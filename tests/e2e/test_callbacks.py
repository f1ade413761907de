"""The gateway is the only way back: what happens without it, and to those who forge."""

import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from devstack.layout import repository_root
from devstack.stack import StackOptions
from servicekit.tokens import IssuerKey, IssuerKeys, TokenIssuer, load_issuer_keys
from tests.e2e.documents import a_merge
from tests.e2e.house import House, Row, new_id, open_house, state_of, until_true
from tests.e2e.kills import Held, held_encoding
from tests.mutations.copies import apply_patch, copy_repository

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATCH = repository_root() / "tests" / "mutations" / "gateway_believes_every_capability.patch"
PATH = "/spi/video_production/executor_callback"


@dataclass(frozen=True, kw_only=True)
class Forgeries:
    """Capabilities that name the right execution and were not issued by the pipeline service."""

    own_keys: str
    """Signed by somebody else under the id of the live key."""
    stolen_key: str
    """Signed with the true Ed25519 key, so that only the HMAC is wrong."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house() -> AsyncIterator[House]:
    async with open_house(StackOptions(held_back=("gateway",))) as house:
        yield house


async def test_without_the_gateway_a_run_does_not_finish_until_its_deadline_finds_the_manifest(house: House) -> None:
    run = await house.begin(a_merge(new_id("alone")))
    waiting = await house.until_execution(run, "film", "WAITING")

    # The function has left its manifest, has called five times and has given up.
    await until_true(lambda: len(house.log("lambda", "event_run")) == 1, within_s=60)
    assert [entry["status"] for entry in house.log("lambda", "callback_answered")] == [0] * 5
    await until_true(lambda: house.queued_events() == 0)
    folder = await prefix_of(house, waiting)
    names = [key.removeprefix(folder) async for key, _ in house.store.list_prefix(folder)]
    assert sorted(names) == ["contact_sheet.jpg", "output.mp4", "result.json"]
    assert (await house.execution(run, "film")).state == "WAITING"
    assert state_of(await house.client.get_run(run.name)) == "ACTIVE"

    await house.pass_deadline(waiting)
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    film = await house.execution(ended, "film")
    assert (film.id, film.state, film.attempt) == (waiting.id, "SUCCEEDED", 1)
    manifest = json.loads(await house.store.get_bytes(f"{folder}result.json", limit=65536))
    assert (manifest["result"]["s3_key"], manifest["result"]["sha256"]) == (film.s3_key, film.sha256)
    assert house.jobs_of(film) == 1
    assert len(house.log("lambda", "event_accepted")) == 1
    await house.assert_recorded_once(ended)


async def test_pipeline_service_refuses_forged_callbacks_of_a_gateway_that_believes_everything(
    house: House, tmp_path: Path
) -> None:
    copy = copy_repository(repository_root(), tmp_path / "copy")
    apply_patch(PATCH, copy)
    async with gateway_of(house, copy):
        async with held_encoding(house) as held:
            forgeries = await forge(house, held)
            before, refused = await house.executions(held.run), await errors_of_the_service(house)

            answers = [await post(house, token, held) for token in (forgeries.own_keys, forgeries.stolen_key)]

            assert [answer.status_code for answer in answers] == [401, 401]
            # Refused over there: this gateway lets everything through.
            assert await errors_of_the_service(house) == refused + 2
            assert await house.executions(held.run) == before
        ended = await house.end_of(held.run)

        # The true callback goes the same way.
        assert state_of(ended) == "SUCCEEDED"
        assert await house.callbacks(disposition="APPLIED") == 1
        assert (await house.execution(ended, "film")).id == held.execution.id
        await house.assert_recorded_once(ended)


async def test_gateway_refuses_what_it_can_and_the_service_the_rest(house: House) -> None:
    async with gateway_of(house, repository_root()):
        async with held_encoding(house) as held:
            forgeries = await forge(house, held)
            before, refused = await house.executions(held.run), await errors_of_the_service(house)

            assert (await post(house, forgeries.own_keys, held)).status_code == 401
            assert await errors_of_the_service(house) == refused
            assert (await post(house, forgeries.stolen_key, held)).status_code == 401
            assert await errors_of_the_service(house) == refused + 1
            assert await house.executions(held.run) == before

        assert state_of(await house.end_of(held.run)) == "SUCCEEDED"


@asynccontextmanager
async def gateway_of(house: House, repository: Path) -> AsyncIterator[None]:
    """The stack's gateway, run from a copy of the repository."""
    gateway = house.stack.process("gateway")
    original = gateway.spec
    paths = f"{repository}:{repository / 'protos' / 'gen'}"
    gateway.spec = replace(original, cwd=repository, environment={**original.environment, "PYTHONPATH": paths})
    await gateway.start()
    try:
        yield
    finally:
        await gateway.stop()
        gateway.spec = original


async def forge(house: House, held: Held) -> Forgeries:
    """Tokens that say what the true one says."""
    folder = await prefix_of(house, held.execution)
    body = {
        "execution": held.execution.id,
        "claim": folder.rstrip("/").rpartition("/")[2],
        "node_uid": (await house.nodes(held.run))["film"].uid,
        "executor_type": "merge-videos",
        "audience": "complete",
        "key_prefix": folder,
        "exp": int(time.time()) + 3600,
    }
    true = load_issuer_keys(house.stack.layout.capability_keys).keys[0]
    return Forgeries(
        own_keys=_issue(IssuerKey(id=true.id, ed25519_private=b"1" * 32, hmac=b"2" * 32), body),
        stolen_key=_issue(IssuerKey(id=true.id, ed25519_private=true.ed25519_private, hmac=b"2" * 32), body),
    )


async def post(house: House, token: str, held: Held) -> httpx.Response:
    """A callback that would end the execution, if it were believed."""
    body = {
        "process_uuid": held.execution.id,
        "node_uuid": (await house.nodes(held.run))["film"].uid,
        "executor_type": "merge-videos",
        "error": "forged",
        "error_type": "ffmpeg_error",
    }
    context = ssl.create_default_context(cafile=str(house.stack.layout.ca_cert))
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        return await http.post(f"{house.stack.addresses.gateway_url}{PATH}", params={"cap": token}, json=body)


async def errors_of_the_service(house: House) -> float:
    return await house.metric("pipeline", "pipeline_reports_total", kind="external", answer="CAPABILITY_INVALID")


async def prefix_of(house: House, execution: Row) -> str:
    """Where the newest claim of an execution writes."""
    async with house.database() as database:
        place = await database.fetchrow(
            "SELECT pipeline_uid, node_uid, last_claim FROM executions WHERE id = $1", execution.id
        )
    assert place is not None
    return (
        f"pipelines/{place['pipeline_uid']}/nodes/{place['node_uid']}/executions/{execution.id}/{place['last_claim']}/"
    )


def _issue(key: IssuerKey, body: dict[str, object]) -> str:
    return TokenIssuer(IssuerKeys(active=key.id, keys=(key,))).issue(json.dumps(body, separators=(",", ":")).encode())
