"""The families of results and progress, over real HTTPS in and real gRPC out."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from montage.v1 import resources_pb2 as resources

from callback_gateway.routes.families import FAMILIES, Family
from tests.integration.gateway.rig import Rig, running
from tests.unit.gateway.capabilities import EXECUTION, NODE

OTHER = "0193a1b2-0000-7000-8000-00000000000b"

WORD = {
    "tooling_jobs": "tooling_job",
    "test_runs_create": "test_run",
    "test_runs": "test_run",
    "chatgpt_responses": "chatgpt_response",
    "ai_analysis": "ai_analysis",
}
RESULTS = [family for family in FAMILIES if family.name in WORD]


def by_name(family: Family) -> str:
    return family.name


async def send(rig: Rig, family: Family, body: Any, *, execution: str = EXECUTION, **changed: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    cap = rig.keys.issue(**{"executor_type": "invoke-lambda"} | changed)
    headers = {"content-type": "application/json", "authorization": f"Bearer {cap}"}
    return await rig.client.request(
        family.method, family.path.replace("{id}", execution), content=content, headers=headers
    )


def test_every_family_of_results_is_looked_at() -> None:
    assert {family.name for family in FAMILIES} == {*WORD, "executor_callback", "progress"}


def body_of(family: Family, **fields: Any) -> dict[str, Any]:
    return {WORD[family.name]: fields}


@pytest.mark.parametrize("family", RESULTS, ids=by_name)
async def test_each_status_reaches_the_service_as_what_it_is(rig: Rig, family: Family) -> None:
    ended = await send(rig, family, body_of(family, output={"found": 3}, metadata={"model": "x"}))
    await send(rig, family, body_of(family, status="running", metadata={"progress": 50}))
    await send(rig, family, body_of(family, status="failed", output="no memory; token=abc"))

    expected = (201, {"id": EXECUTION}) if family.is_creation else (200, {"status": "ok"})
    assert (ended.status_code, ended.json()) == expected
    result, progress, failure = rig.service.requests
    assert (result.execution_id, result.executor_type) == ("", "invoke-lambda")
    assert result.output == resources.Output(
        type=resources.MEDIA_TYPE_JSON,
        content_type="application/json",
        content='{"output":{"found":3},"metadata":{"model":"x"}}',
    )
    assert progress.progress == resources.Progress(stage="running", fraction=0.5)
    assert failure.failure == resources.Failure(error_type="lambda_error", message="no memory; token=***")


class TestResults:
    FAMILY = next(family for family in FAMILIES if family.name == "test_runs_create")

    async def test_stale_result_is_ignored(self, rig: Rig) -> None:
        rig.service.disposition = "SUPERSEDED"

        response = await send(rig, self.FAMILY, body_of(self.FAMILY))

        assert (response.status_code, response.json()) == (200, {"status": "ignored", "reason": "stale_callback"})

    async def test_unacceptable_fields_are_422_by_their_names(self, rig: Rig) -> None:
        unknown = await send(rig, self.FAMILY, body_of(self.FAMILY, status="invalid_status"))
        large = await send(rig, self.FAMILY, body_of(self.FAMILY, output="x" * 524_289))

        statuses = "must be one of queued, running, completed, failed"
        assert (unknown.status_code, unknown.json()) == (422, {"errors": {"status": [statuses]}})
        assert (large.status_code, large.json()) == (422, {"errors": {"output": ["must have at most 524288 bytes"]}})
        assert rig.service.requests == []

    async def test_body_of_a_mebibyte_passes_and_one_byte_more_is_413(self, rig: Rig) -> None:
        body = json.dumps(body_of(self.FAMILY, output="x" * 500_000) | {"padding": ""}).encode()
        padded = body[:-2] + b"y" * (1024 * 1024 - len(body)) + body[-2:]

        assert (await send(rig, self.FAMILY, padded)).status_code == 201
        assert (await send(rig, self.FAMILY, padded + b" ")).status_code == 413
        assert len(rig.service.requests) == 1

    async def test_capability_of_another_node_type_is_422(self, rig: Rig) -> None:
        response = await send(rig, self.FAMILY, body_of(self.FAMILY), executor_type="merge-videos")

        expected = {"error": "executor_type disagrees with the capability"}
        assert (response.status_code, response.json()) == (422, expected)


@pytest.mark.parametrize("family", [family for family in RESULTS if "{id}" in family.path], ids=by_name)
async def test_id_in_the_address_is_that_of_the_execution(rig: Rig, family: Family) -> None:
    same = await send(rig, family, body_of(family), execution=EXECUTION.upper())
    others = [await send(rig, family, body_of(family), execution=one) for one in (OTHER, "17", "%00")]

    assert same.status_code == 200
    assert [(one.status_code, one.json()) for one in others] == [
        (422, {"error": "id disagrees with the capability"})
    ] * 3
    assert len(rig.service.requests) == 1


class TestProgress:
    FAMILY = next(family for family in FAMILIES if family.name == "progress")

    @pytest.mark.parametrize("audience", ["progress", "complete"])
    async def test_progress_reaches_the_service(self, rig: Rig, audience: str) -> None:
        body = {"job_id": EXECUTION, "node_uuid": NODE, "event": "progress", "current": 3, "total": 12}

        response = await send(rig, self.FAMILY, body, audience=audience, executor_type="generate-animation")

        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        (request,) = rig.service.requests
        assert (request.execution_id, request.node_uid, request.executor_type) == (EXECUTION, NODE, "")
        assert request.progress == resources.Progress(stage="progress", fraction=0.25)

    async def test_capability_to_read_is_401(self, rig: Rig) -> None:
        assert (await send(rig, self.FAMILY, {}, audience="read")).status_code == 401

    async def test_job_of_another_execution_is_422(self, rig: Rig) -> None:
        response = await send(rig, self.FAMILY, {"job_id": OTHER})

        assert response.status_code == 422


async def test_capability_for_progress_ends_nothing(rig: Rig) -> None:
    families = [family for family in FAMILIES if family.name != "progress"]

    answers = [await send(rig, family, {"error": "x"}, audience="progress") for family in families]

    assert {one.status_code for one in answers} == {401}
    assert rig.service.requests == []


class TestBuckets:
    async def test_callbacks_about_one_execution_are_bounded_and_others_pass(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_EXECUTION_PER_S="0.1", GATEWAY_EXECUTION_BURST="2") as rig:
            path = TestProgress.FAMILY.path
            answers = [await send(rig, TestProgress.FAMILY, {}) for _ in range(3)]
            other = await rig.client.post(path, json={}, params={"cap": rig.keys.issue(execution=OTHER)})

        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "10"
        assert other.status_code == 200

    async def test_forgeries_use_up_nothing_of_an_execution(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_EXECUTION_PER_S="0.1", GATEWAY_EXECUTION_BURST="1") as rig:
            token = rig.keys.issue(executor_type="invoke-lambda")
            forged = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
            refused = [await rig.post({}, cap=forged) for _ in range(5)]

            assert {one.status_code for one in refused} == {401}
            assert (await send(rig, TestProgress.FAMILY, {})).status_code == 200

    async def test_requests_of_one_address_are_bounded_before_anything_is_looked_at(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_PEER_PER_S="0.1", GATEWAY_PEER_BURST="2") as rig:
            answers = [await rig.post({}, cap="garbage") for _ in range(3)]

        assert [one.status_code for one in answers] == [401, 401, 429]
