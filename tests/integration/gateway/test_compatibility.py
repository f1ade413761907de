"""Callers of the first generation, without a capability: from networks that the operator vouches for alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.integration.gateway.rig import Refusal, Rig, running
from tests.unit.gateway.capabilities import EXECUTION, NODE, PATH, failure, success


@pytest.fixture
async def believing(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path, GATEWAY_COMPATIBILITY_NETWORKS="10.0.0.0/8, 127.0.0.0/8") as rig:
        yield rig


async def test_by_default_nobody_is_believed(rig: Rig) -> None:
    assert (await rig.client.post(PATH, json=success())).status_code == 401
    assert rig.service.requests == []


async def test_other_networks_are_not_believed(tmp_path: Path) -> None:
    async with running(tmp_path, GATEWAY_COMPATIBILITY_NETWORKS="10.0.0.0/8,::1/128") as rig:
        assert (await rig.client.post(PATH, json=success())).status_code == 401


async def test_result_goes_on_with_its_ids_and_no_capability(believing: Rig) -> None:
    response = await believing.client.post(PATH, json=success())

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    (request,) = believing.service.requests
    assert (request.capability, request.execution_id, request.node_uid) == ("", EXECUTION, NODE)


async def test_report_that_names_no_execution_is_lent_none(believing: Rig) -> None:
    response = await believing.client.post(PATH, json=failure())

    assert (response.status_code, response.json()) == (
        400,
        {"error": "process_uuid is required without a capability"},
    )
    assert believing.service.requests == []


async def test_unknown_node_is_404(believing: Rig) -> None:
    believing.service.entry_refusals.append(Refusal(grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND"))

    response = await believing.client.post(PATH, json=success())

    assert (response.status_code, response.json()) == (404, {"error": "unknown node"})


async def test_shown_capability_counts_there_too(believing: Rig) -> None:
    assert (await believing.post(success(), cap="garbage")).status_code == 401
    assert (await believing.client.post(PATH, json=success(), headers={"authorization": "Bearer x"})).status_code == 401


async def test_other_families_need_a_capability_there_too(believing: Rig) -> None:
    assert (await believing.client.post("/spi/ai_analysis", json={"ai_analysis": {}})).status_code == 401
