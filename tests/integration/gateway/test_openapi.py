"""Whatever is sent to whatever route is answered as described, and each answer that is described can be had."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.gateway.described import SECRET, operations, provoked
from tests.integration.gateway.rig import Rig, running
from tests.unit.gateway.capabilities import EXECUTION

CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Refuses nobody for coming often, gives bodies little time, takes webhooks of HeyGen."""
    path = tmp_path / "heygen"
    path.write_text(SECRET)
    path.chmod(0o600)
    return {
        "GATEWAY_PEER_PER_S": "0",
        "GATEWAY_EXECUTION_PER_S": "0",
        "GATEWAY_BODY_DEADLINE_S": "0.3",
        "GATEWAY_WEBHOOK_HEYGEN_SECRET_FILE": str(path),
    }


@pytest.fixture
async def rig(tmp_path: Path, variables: dict[str, str]) -> AsyncIterator[Rig]:
    async with running(tmp_path, **variables) as rig:
        yield rig


async def described(rig: Rig) -> dict[str, Any]:
    document: dict[str, Any] = (await rig.client.get("/spi/openapi.json")).json()
    return document


async def test_each_answer_that_is_described_can_be_had_and_no_other(rig: Rig) -> None:
    found = {one.name: await provoked(one) | {429} for one in operations(rig, await described(rig))}

    assert found == {one.name: one.statuses for one in operations(rig, await described(rig))}


async def test_every_operation_is_answered_429_when_it_is_called_too_often(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    often = {"GATEWAY_PEER_PER_S": "0.01", "GATEWAY_PEER_BURST": "1"}
    async with running(tmp_path, **variables | often) as rig:
        every = operations(rig, await described(rig))
        first, *others = [await one.send(one.example) for one in (every[0], *every)]

    assert first == 200
    assert others == [429] * len(every)


async def test_a_few_broken_and_sound_requests_are_answered_as_described(rig: Rig) -> None:
    await asyncio.to_thread(_bombard, rig, await described(rig), examples=2)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_many_broken_and_sound_requests_are_answered_as_described(rig: Rig) -> None:
    await asyncio.to_thread(_bombard, rig, await described(rig), examples=100)


def _bombard(rig: Rig, document: dict[str, Any], *, examples: int) -> None:
    """Send to each operation what breaks its description and what keeps to it, under a good capability."""
    loaded: Any = schemathesis.openapi.from_dict(document)
    ca = rig.folder / "callers-ca.pem"
    ca.write_bytes(rig.authority.cert)
    sent = {
        "base_url": f"https://127.0.0.1:{rig.port}",
        "headers": {"Authorization": f"Bearer {rig.keys.issue(executor_type='invoke-lambda')}"},
        "verify": str(ca),
    }
    for result in loaded.get_all_operations():
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            bombard_one(result.ok(), mode, sent, examples=examples)


def bombard_one(operation: Any, mode: GenerationMode, sent: dict[str, Any], *, examples: int) -> None:
    """Also of other descriptions. An id in the address is that of the execution, when nothing is to be wrong."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "id" in (case.path_parameters or {}):
            # The one id that is not answered 422 before its body is looked at.
            case.path_parameters["id"] = EXECUTION
        response = case.call(**sent)
        assert response.status_code < 500 or response.status_code == 503
        # A broken path or method leads to no operation of the description.
        if response.status_code not in (404, 405):
            case.validate_response(response, checks=CHECKS)

    send()
