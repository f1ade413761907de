"""Nodes whose work is bought from simulated vendors, by the whole system: paid once, whoever dies."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from devstack.stack import StackOptions
from tests.e2e.documents import Document
from tests.e2e.house import House, new_id, open_house, pipeline_of, state_of, until_true
from tests.e2e.kills import LEASE_S
from tests.e2e.processes import is_stopped
from tests.e2e.vendors import key_file, replace_secret, secret_file
from tests.factories import a_document
from tests.fakes.vendors.google_account import a_service_account
from tests.fakes.vendors.process import KEY, Simulator, open_simulator
from tests.fakes.vendors.remotion import account_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SECRET_OF_REMOTION = "whispered to Remotion with each render"
PLACES = ("after_claim", "before_submit", "after_submit", "after_poll", "before_upload", "after_upload", "before_ack")
"""Of an executor: between the intent, the call, the answer, the recorded job, the result and the acknowledgement."""
_BOUGHT_TWICE = {"after_submit": 2}
_ASKS_A_PERSON = {"after_claim": 0, "before_submit": 0, "after_submit": 1}
PAID: dict[str, dict[str, int]] = {
    "heygen": {},
    "runway": _ASKS_A_PERSON,
    "veo": _ASKS_A_PERSON,
    "remotion": _BOUGHT_TWICE,
    "elevenlabs": {**_BOUGHT_TWICE, "before_upload": 2, "after_upload": 2},
}
"""How often each vendor is paid when a worker dies there; once where nothing is said. The table of docs/vendors.md."""
WITHOUT_A_JOB = ("elevenlabs", "after_poll")
BY_DEFAULT = {("heygen", "after_submit"), ("elevenlabs", "after_submit")}
DEATHS = [
    pytest.param(vendor, place, marks=() if (vendor, place) in BY_DEFAULT else pytest.mark.slow)
    for vendor in PAID
    for place in PLACES
    if (vendor, place) != WITHOUT_A_JOB
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="heygen")
async def _heygen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("heygen", tmp_path_factory.mktemp("heygen")) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="elevenlabs")
async def _elevenlabs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("elevenlabs", tmp_path_factory.mktemp("elevenlabs")) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="runway")
async def _runway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("runway", tmp_path_factory.mktemp("runway")) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="remotion")
async def _remotion(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("remotion", tmp_path_factory.mktemp("remotion")) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="google")
async def _google(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return a_service_account(tmp_path_factory.mktemp("google"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="veo")
async def _veo(google: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("veo", tmp_path_factory.mktemp("veo"), key=str(google[1])) as simulator:
        yield simulator


@pytest.fixture
def vendors(
    heygen: Simulator, elevenlabs: Simulator, runway: Simulator, veo: Simulator, remotion: Simulator
) -> dict[str, Simulator]:
    return {"heygen": heygen, "elevenlabs": elevenlabs, "runway": runway, "veo": veo, "remotion": remotion}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house(
    heygen: Simulator,
    elevenlabs: Simulator,
    runway: Simulator,
    veo: Simulator,
    remotion: Simulator,
    google: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("key")
    key, secret = key_file(folder), secret_file(folder, "heygen", "set before the address was registered")
    options = StackOptions(
        settings={
            "pipeline": {"PIPELINE_LEASE_S": LEASE_S},
            "gateway": {
                "GATEWAY_WEBHOOK_HEYGEN_SECRET_FILE": secret,
                "GATEWAY_WEBHOOK_REMOTION_SECRET_FILE": secret_file(folder, "remotion", SECRET_OF_REMOTION),
            },
            "executor": {
                "EXECUTOR_ALLOW_LOOPBACK_VENDORS": "1",
                "EXECUTOR_HEYGEN_API_KEY_FILE": key,
                "EXECUTOR_HEYGEN_BASE_URL": heygen.address,
                "EXECUTOR_HEYGEN_POLL_INTERVAL_S": "1",
                "EXECUTOR_ELEVENLABS_API_KEY_FILE": key,
                "EXECUTOR_ELEVENLABS_BASE_URL": elevenlabs.address,
                "EXECUTOR_RUNWAY_API_KEY_FILE": key,
                "EXECUTOR_RUNWAY_BASE_URL": runway.address,
                "EXECUTOR_RUNWAY_POLL_INTERVAL_S": "1",
                "EXECUTOR_GOOGLE_CREDENTIALS_FILE": str(google[0]),
                "EXECUTOR_GOOGLE_TOKEN_URL": f"{veo.address}/token",
                "EXECUTOR_VEO_BASE_URL": veo.address,
                "EXECUTOR_VEO_POLL_INTERVAL_S": "1",
                "EXECUTOR_REMOTION_CREDENTIALS_FILE": secret_file(folder, "account", json.dumps(account_of(KEY))),
                "EXECUTOR_REMOTION_BASE_URL": remotion.address,
            },
        },
    )
    async with open_house(options) as house:
        yield house


def a_talking_head(document_id: str) -> Document:
    """A voice of this machine in the mouth of a bought avatar."""
    return a_document(
        {
            "id": "voice",
            "type": "generate-voiceover",
            "config": {"provider": "local", "text": f"Hello, this is {document_id}."},
        },
        {
            "id": "head",
            "type": "generate-talking-head",
            "title": document_id,
            "inputs": {"audio": ["voice"]},
            "config": {"provider": "heygen", "avatarId": "Anna_public"},
        },
        document_id=document_id,
    )


def a_told_film(document_id: str) -> Document:
    """A talking head, and a code screen, of vendors that tell of ends."""
    document = a_talking_head(document_id)
    document["nodes"].append(
        {
            "id": "screen",
            "type": "render-code",
            "title": document_id,
            "inputs": {"config": ["snippet"]},
            "config": {"provider": "remotion"},
        }
    )
    code = {"title": "a.py", "language": "python", "code": f"print('{document_id}')"}
    document["nodes"].append({"id": "snippet", "type": "asset", "asset": {"type": "json", "content": code}})
    return document


def an_animation(prompt: str, *, provider: str = "runway") -> Document:
    config = {"provider": provider, "duration": 4, "prompt": prompt}
    return a_document({"id": "film", "type": "generate-animation", "config": config}, document_id=new_id("animation"))


def a_voice(text: str) -> Document:
    config = {"provider": "elevenlabs", "voiceId": "21m00Tcm4TlvDq8ikWAM", "text": text}
    return a_document({"id": "voice", "type": "generate-voiceover", "config": config}, document_id=new_id("voiceover"))


def a_purchase(vendor: str, name: str) -> tuple[Document, str]:
    """A document that buys one thing, and the node that does; the vendor's bill has the name."""
    match vendor:
        case "heygen":
            return a_talking_head(name), "head"
        case "elevenlabs":
            return a_voice(f"Spoken for {name}."), "voice"
        case "remotion":
            nodes = a_told_film(name)["nodes"]
            return a_document(*nodes[2:], document_id=name), "screen"
    return an_animation(f"A film for {name}", provider="veo3" if vendor == "veo" else vendor), "film"


async def test_talking_head_is_bought_from_heygen_once(house: House, heygen: Simulator) -> None:
    name = new_id("head")

    run = await house.run(a_talking_head(name))

    head = (await house.nodes(run))["head"]
    assert state_of(run) == "SUCCEEDED"
    assert (head.output.content_type, head.output.media.width) == ("video/mp4", 1280)
    assert len(heygen.bill(title=name)) == 1


async def test_end_that_vendors_tell_of_is_asked_about_at_once_and_once(
    house: House, heygen: Simulator, remotion: Simulator
) -> None:
    """Nobody else would ask within five minutes."""
    name, gateway = new_id("told"), house.stack.addresses.gateway_url
    authority = str(house.stack.layout.ca_cert)
    secrets = house.stack.process("gateway").spec.environment
    await heygen.switch(authority=authority, telling="twice", render_s=2)
    await remotion.switch(authority=authority, render_s=2)
    async with httpx.AsyncClient(trust_env=False, headers={"X-Api-Key": KEY}) as http:
        registered = await http.post(
            f"{heygen.address}/v3/webhooks/endpoints", json={"url": f"{gateway}/spi/webhooks/heygen"}
        )
    replace_secret(Path(secrets["GATEWAY_WEBHOOK_HEYGEN_SECRET_FILE"]), registered.json()["data"]["secret"])
    rarely = {
        "EXECUTOR_HEYGEN_POLL_INTERVAL_S": "300",
        "EXECUTOR_REMOTION_POLL_INTERVAL_S": "300",
        "EXECUTOR_REMOTION_WEBHOOK_URL": f"{gateway}/spi/webhooks/remotion",
        "EXECUTOR_REMOTION_WEBHOOK_SECRET_FILE": secrets["GATEWAY_WEBHOOK_REMOTION_SECRET_FILE"],
    }

    async with house.stopping_at("executor", "executor.never=stop@1", **rarely):
        run = await house.run(a_told_film(name))

    assert state_of(run) == "SUCCEEDED"
    assert (len(heygen.bill(title=name)), len(remotion.bill(code=f"print('{name}')"))) == (1, 1)
    await house.assert_recorded_once(run)


async def test_end_that_is_told_before_the_submission_is_answered_changes_nothing(
    house: House, heygen: Simulator
) -> None:
    name = new_id("early")
    await heygen.switch(authority=str(house.stack.layout.ca_cert), telling="early")

    run = await house.run(a_talking_head(name))

    assert state_of(run) == "SUCCEEDED"
    assert len(heygen.bill(title=name)) == 1


async def test_voiceover_is_bought_from_elevenlabs_once(house: House, elevenlabs: Simulator) -> None:
    text = f"Spoken for {new_id('voice')}."

    run = await house.run(a_voice(text))

    voice = (await house.nodes(run))["voice"]
    assert (state_of(run), voice.output.content_type) == ("SUCCEEDED", "audio/mpeg")
    assert len(elevenlabs.bill(text=text)) == 1


async def test_animation_is_bought_from_runway_once(house: House, runway: Simulator) -> None:
    prompt = f"A lighthouse for {new_id('film')}"

    run = await house.run(an_animation(prompt))

    film = (await house.nodes(run))["film"]
    assert (state_of(run), film.output.media.width) == ("SUCCEEDED", 1280)
    assert len(runway.bill(prompt=prompt)) == 1


async def test_animation_is_bought_from_veo_once(house: House, veo: Simulator) -> None:
    prompt = f"A harbour for {new_id('film')}"

    run = await house.run(an_animation(prompt, provider="veo3"))

    film = (await house.nodes(run))["film"]
    assert (state_of(run), film.output.media.width) == ("SUCCEEDED", 1280)
    assert len(veo.bill(prompt=prompt)) == 1


async def test_executor_killed_behind_runway_asks_a_person_who_names_the_task(house: House, runway: Simulator) -> None:
    prompt = f"Killed for {new_id('film')}"
    async with house.stopping_at("executor", "executor.after_submit=stop@1") as executor:
        run = await house.begin(an_animation(prompt))
        await until_true(lambda: is_stopped(executor.pid))
    await house.until_execution(run, "film", "WAITING")
    (line,) = runway.bill(prompt=prompt)

    await house.client.resolve_node(f"{pipeline_of(run)}/nodes/film", job_id=line["job"])
    ended = await house.end_of(run)

    assert state_of(ended) == "SUCCEEDED"
    assert len(runway.bill(prompt=prompt)) == 1


@pytest.mark.parametrize(("vendor", "place"), DEATHS)
async def test_executor_killed_while_it_buys_pays_once_or_says_that_it_cannot_know(
    house: House, vendors: dict[str, Simulator], vendor: str, place: str
) -> None:
    """Where a vendor can be asked nothing, it is paid once more, or a person is asked, as its section says."""
    name = new_id("killed")
    document, node = a_purchase(vendor, name)
    if vendor == "heygen":
        await house.run(document, "voice")
    async with house.stopping_at("executor", f"executor.{place}=stop@1") as executor:
        run = await house.begin(document)
        await until_true(lambda: is_stopped(executor.pid))

    if PAID[vendor] is _ASKS_A_PERSON and place in _ASKS_A_PERSON:
        await house.until_execution(run, node, "WAITING")
    else:
        ended = await house.end_of(run)
        assert state_of(ended) == "SUCCEEDED"
        await house.assert_recorded_once(ended)

    assert len([line for line in vendors[vendor].bill() if name in json.dumps(line)]) == PAID[vendor].get(place, 1)


async def test_owner_s_own_key_is_used_where_the_owner_has_one(house: House, elevenlabs: Simulator) -> None:
    """A wrong one shows that it was used; the service has the right one on record once for each use."""
    wrong, right = (f"Bought by its owner for {new_id('voice')}." for _ in range(2))
    async with house.operator() as operator:
        await operator.put_credential("default", "elevenlabs", "sk-of-somebody-else")
        refused = await house.run(a_voice(wrong))
        await operator.put_credential("default", "elevenlabs", KEY)
        bought = await house.run(a_voice(right))
        await operator.delete_credential("default", "elevenlabs")

    assert (state_of(refused), (await house.nodes(refused))["voice"].failure.error_type) == ("FAILED", "credential")
    assert state_of(bought) == "SUCCEEDED"
    assert len(elevenlabs.bill(text=right)) == 1
    async with house.database() as database:
        executions = [(await house.execution(run, "voice")).id for run in (refused, bought)]
        found = await database.fetch(
            "SELECT details ->> 'execution' AS execution FROM audit WHERE action = 'CREDENTIAL_ACCESSED' ORDER BY id"
        )
    assert [row["execution"] for row in found] == executions
