"""Whatever is sent to the internal process is answered as it describes itself, and each described answer can be had."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis import GenerationMode

from callback_gateway.internal import openapi
from callback_gateway.internal.guard import HEADER
from tests.integration.gateway.internal_rig import TOKEN, UID, InternalRig, running_internally
from tests.integration.gateway.raw import everything_said
from tests.integration.gateway.test_openapi import bombard_one
from tests.unit.gateway.capabilities import NODE

AUTHORISED = {HEADER: TOKEN}
DESCRIPTION = openapi.description()
OPERATIONS = {
    described["operationId"]: (method.upper(), path, described)
    for path, item in DESCRIPTION["paths"].items()
    for method, described in item.items()
}
AWAY = (grpc.StatusCode.INTERNAL, "INTERNAL")
EXPIRED = (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED")
NO_KEYS = (grpc.StatusCode.FAILED_PRECONDITION, "NO_MASTER_KEYS")
NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "NODE_NOT_FOUND")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[InternalRig]:
    async with running_internally(tmp_path) as rig:
        yield rig


async def test_process_describes_itself_to_everybody_as_valid_openapi(rig: InternalRig) -> None:
    answer = await rig.client.get("/internal/openapi.json")

    assert answer.json() == DESCRIPTION
    validate(answer.json())


@pytest.mark.parametrize("name", OPERATIONS)
async def test_each_answer_that_is_described_can_be_had_and_no_other(rig: InternalRig, name: str) -> None:
    method, path, described = OPERATIONS[name]

    async def status(*, uid: str = UID, refusal: Any = None, **headers: str) -> int:
        rig.services.refusal = refusal
        provider = "openai" if "llm" in path else "github"
        address = path.format(uid=uid, provider=provider, node=NODE, pipeline=NODE, type="noop")
        answer: httpx.Response = await rig.client.request(method, address, headers=headers or AUTHORISED)
        rig.services.refusal = None
        return answer.status_code

    found = {
        await status(),
        await status(refusal=AWAY),
        await status(refusal=NO_KEYS),
        await status(**{HEADER: "another"}),
        await status(uid="nobody", refusal=None if "uid" in path and "keys" not in name else NOT_FOUND),
        await said(rig, f"{method} {path} HTTP/1.1\r\nX-Large: {'x' * 17_000}\r\n\r\n"),
    }
    if "410" in described["responses"]:
        found.add(await status(refusal=EXPIRED, authorization="Bearer some-capability"))
    # For every route there is one clock, and one test of it: a slow head is cut before its route is known.
    assert found | {404, 408} == {int(one) for one in described["responses"]}


async def test_process_without_tokens_is_not_configured(tmp_path: Path) -> None:
    async with running_internally(tmp_path, token=None) as rig:
        answer = await rig.client.get(f"/internal/users/{UID}/llm-keys", headers=AUTHORISED)

    assert answer.status_code == 503


async def test_broken_and_sound_requests_are_answered_as_described(rig: InternalRig) -> None:
    await asyncio.to_thread(_bombard, rig, examples=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_many_broken_and_sound_requests_are_answered_as_described(rig: InternalRig) -> None:
    await asyncio.to_thread(_bombard, rig, examples=100)


def _bombard(rig: InternalRig, *, examples: int) -> None:
    loaded: Any = schemathesis.openapi.from_dict(DESCRIPTION)
    sent = {
        "base_url": rig.base_url,
        "headers": AUTHORISED,
        "verify": str(rig.ca),
        "cert": (str(rig.caller.cert), str(rig.caller.key)),
    }
    for result in loaded.get_all_operations():
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            bombard_one(result.ok(), mode, sent, examples=examples)


async def said(rig: InternalRig, request: str) -> int:
    """The status of what is answered to bytes that are hardly a request."""
    return int((await everything_said(rig.base_url, rig.ca, request.encode())).split()[1])
