"""Every answer of the callback endpoint, over real HTTPS in and real gRPC with mutual TLS out."""

import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from montage.v1 import resources_pb2 as resources
from structlog.testing import capture_logs

from tests.integration.gateway.rig import Refusal, Rig, new_service, running
from tests.unit.gateway.capabilities import (
    CLAIM,
    EXECUTION,
    NODE,
    PATH,
    PREFIX,
    KeyPair,
    failure,
    just_expired,
    success,
)

STALE = {"status": "ignored", "reason": "stale_callback"}
NOT_JSON = b'{"this is": not JSON and would be 400'
LIMIT = 64 * 1024


def answered(response: httpx.Response) -> tuple[int, Any]:
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


def of_size(size: int) -> bytes:
    body = json.dumps(success(padding="")).encode()
    return json.dumps(success(padding="x" * (size - len(body)))).encode()


class TestAccepted:
    async def test_success_reaches_the_service_as_reported(self, rig: Rig) -> None:
        token = rig.keys.issue()

        response = await rig.post(success(), cap=token)

        assert answered(response) == (200, {"status": "ok"})
        (request,) = rig.service.requests
        assert request.capability == token
        assert (request.execution_id, request.node_uid, request.executor_type) == (EXECUTION, NODE, "merge-videos")
        assert request.output.type == resources.MEDIA_TYPE_VIDEO
        assert request.output.s3_key == f"{PREFIX}output.mp4"
        assert request.output.duration.ToTimedelta().total_seconds() == 10.5
        assert (request.output.size_bytes, request.output.sha256) == (1048576, "ab" * 32)
        assert request.output.media == resources.MediaFacts(
            video_codec="h264", width=1280, height=720, fps=30.0, audio_codec="aac"
        )

    async def test_failure_reaches_the_service_as_reported(self, rig: Rig) -> None:
        response = await rig.post(failure(details="last lines"))

        assert answered(response) == (200, {"status": "ok"})
        (request,) = rig.service.requests
        assert request.execution_id == ""
        assert request.failure == resources.Failure(
            error_type="ffmpeg_error", message="FFmpeg failed", details="last lines"
        )

    async def test_bearer_instead_of_query_is_as_good(self, rig: Rig) -> None:
        token = rig.keys.issue()

        response = await rig.client.post(PATH, json=success(), headers={"authorization": f"Bearer {token}"})

        assert answered(response) == (200, {"status": "ok"})
        assert rig.service.requests[0].capability == token

    async def test_capability_goes_on_as_it_came_for_the_issuer_to_check(self, rig: Rig) -> None:
        token = rig.keys.issue()
        # The last character belongs to the issuer's HMAC, which the gateway has no key for.
        forged = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "AAAAAQ")
        rig.service.entry_refusals.append(Refusal(grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID"))

        response = await rig.post(success(), cap=forged)

        assert answered(response) == (401, {"error": "invalid capability"})
        assert rig.service.requests[0].capability == forged

    @pytest.mark.parametrize(
        ("disposition", "body"),
        [
            ("APPLIED", {"status": "ok"}),
            ("DUPLICATE", {"status": "ok"}),
            ("SUPERSEDED", STALE),
            ("CONFLICT", {"status": "ignored", "reason": "conflict"}),
            ("LOST", STALE),
        ],
    )
    async def test_disposition_decides_the_answer_log_and_counter(
        self, rig: Rig, disposition: str, body: dict[str, str]
    ) -> None:
        rig.service.disposition = disposition

        with capture_logs() as lines:
            response = await rig.post(success())

        assert answered(response) == (200, body)
        (line,) = [one for one in lines if one["event"].startswith("callback_")]
        is_ok = body == {"status": "ok"}
        assert (line["event"], line["log_level"]) == (
            ("callback_accepted", "info") if is_ok else ("callback_stale", "warning")
        )
        assert (line["path"], line["execution_id"], line["claim"]) == (PATH, EXECUTION, CLAIM)
        assert (line["disposition"], line["outcome"], line["caller"]) == (disposition, "output", "127.0.0.1")
        counted = f'gateway_callbacks_total{{disposition="{disposition}",route="executor_callback",status="200"}} 1.0'
        assert counted in await rig.metrics()

    async def test_execution_deleted_meanwhile_is_stale(self, rig: Rig) -> None:
        rig.service.entry_refusals.append(Refusal(grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND"))

        assert answered(await rig.post(success())) == (200, {"status": "ignored", "reason": "gone"})
        assert 'disposition="NOT_FOUND"' in await rig.metrics()


class TestMalformed:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (NOT_JSON, "body: expected a JSON object"),
            (b"{}", "node_uuid is required"),
            (json.dumps(success(node_uuid=None)).encode(), "node_uuid is required"),
            (json.dumps(success(executor_type=None)).encode(), "executor_type is required"),
            (json.dumps(success(result=None)).encode(), "result or error is required"),
            (json.dumps(success(error="x")).encode(), "result and error exclude each other"),
            (json.dumps(success(result={"s3_key": 5})).encode(), "result.s3_key: expected `str`, got `int`"),
            (b"", "body: expected a JSON object"),
        ],
    )
    async def test_malformed_body_is_400_with_words(self, rig: Rig, body: bytes, words: str) -> None:
        response = await rig.client.post(
            PATH, content=body, params={"cap": rig.keys.issue()}, headers={"content-type": "application/json"}
        )

        assert response.status_code == 400
        assert response.json()["error"].startswith(words)
        assert rig.service.requests == []

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "application/json", "content-encoding": "gzip"},
        ],
    )
    async def test_other_content_type_is_415(self, rig: Rig, headers: dict[str, str]) -> None:
        response = await rig.client.post(PATH, content=b"{}", params={"cap": rig.keys.issue()}, headers=headers)

        assert response.status_code == 415
        assert rig.service.requests == []

    async def test_content_type_with_charset_is_accepted(self, rig: Rig) -> None:
        headers = {"content-type": "Application/JSON; charset=utf-8"}

        response = await rig.client.post(
            PATH, content=json.dumps(success()), params={"cap": rig.keys.issue()}, headers=headers
        )

        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"node_uuid": "another"}, "node_uuid disagrees with the capability"),
            ({"executor_type": "mix-audio"}, "executor_type disagrees with the capability"),
            ({"process_uuid": NODE}, "process_uuid disagrees with the capability"),
            (
                {"result": {"s3_key": "elsewhere.mp4", "size": 1}},
                "result.s3_key is outside the prefix of the capability",
            ),
            (
                {"result": {"s3_key": f"{PREFIX}../x.mp4", "size": 1}},
                "result.s3_key is outside the prefix of the capability",
            ),
        ],
    )
    async def test_body_that_disagrees_is_422(self, rig: Rig, changed: dict[str, Any], words: str) -> None:
        assert answered(await rig.post(success(**changed))) == (422, {"error": words})
        assert rig.service.requests == []


class TestSize:
    async def post_bytes(self, rig: Rig, content: Any) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return await rig.client.post(PATH, content=content, params={"cap": rig.keys.issue()}, headers=headers)

    async def test_body_of_the_limit_is_accepted(self, rig: Rig) -> None:
        assert answered(await self.post_bytes(rig, of_size(LIMIT))) == (200, {"status": "ok"})

    async def test_one_byte_more_is_413(self, rig: Rig) -> None:
        response = await self.post_bytes(rig, of_size(LIMIT + 1))

        assert answered(response) == (413, {"error": "body must have at most 65536 bytes"})
        assert rig.service.requests == []

    async def test_one_byte_more_without_a_declared_length_is_413(self, rig: Rig) -> None:
        async def chunks() -> Any:
            body = of_size(LIMIT + 1)
            for start in range(0, len(body), 1000):
                yield body[start : start + 1000]

        assert (await self.post_bytes(rig, chunks())).status_code == 413
        assert rig.service.requests == []

    async def test_connection_goes_on_after_413(self, rig: Rig) -> None:
        assert (await self.post_bytes(rig, of_size(LIMIT + 1))).status_code == 413
        assert (await self.post_bytes(rig, of_size(1000))).status_code == 200


class TestCapability:
    async def refused(self, rig: Rig, **arguments: Any) -> tuple[int, bytes, str]:
        """Posts a body that would be 400 if anybody looked at it."""
        headers = {"content-type": "application/json"} | arguments.pop("headers", {})
        response = await rig.client.post(PATH, content=NOT_JSON, headers=headers, **arguments)
        return response.status_code, response.content, response.headers["www-authenticate"]

    async def test_none_and_bad_ones_read_the_same(self, rig: Rig) -> None:
        token = rig.keys.issue()
        flipped = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]

        answers = {
            await self.refused(rig),
            await self.refused(rig, params={"cap": ""}),
            await self.refused(rig, params={"cap": "garbage"}),
            await self.refused(rig, params={"cap": flipped}),
            await self.refused(rig, params={"cap": KeyPair.make("k1").issue()}),
            await self.refused(rig, params={"cap": KeyPair.make("k9").issue()}),
            await self.refused(rig, params={"cap": rig.keys.issue(audience="progress")}),
            await self.refused(rig, params={"cap": KeyPair.make("k1").issue(exp=just_expired())}),
            await self.refused(rig, params={"cap": [token, token]}),
            await self.refused(rig, headers={"authorization": "Bearer garbage"}),
            await self.refused(rig, headers={"authorization": f"Basic {token}"}),
        }

        assert answers == {(401, b'{"error":"invalid capability"}', "Bearer")}
        assert rig.service.requests == []

    async def test_expired_is_410_and_its_body_not_looked_at(self, rig: Rig) -> None:
        response = await rig.client.post(PATH, content=NOT_JSON, params={"cap": rig.keys.issue(exp=just_expired())})

        assert answered(response) == (410, {"error": "capability has expired"})
        assert rig.service.requests == []


class TestOtherRoutes:
    @pytest.mark.parametrize("path", ["/", "/spi", PATH + "/", PATH + "x", "/docs", "/metrics", "/healthz"])
    async def test_unknown_route_is_404(self, rig: Rig, path: str) -> None:
        response = await rig.client.post(path, json=success(), params={"cap": rig.keys.issue()})

        assert answered(response) == (404, {"error": "no such route"})

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
    async def test_other_method_is_405(self, rig: Rig, method: str) -> None:
        response = await rig.client.request(method, PATH)

        assert (response.status_code, response.headers["allow"]) == (405, "POST")


class TestService:
    @pytest.mark.parametrize(
        ("code", "reason", "status", "words"),
        [
            (grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID", 401, "invalid capability"),
            (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED", 410, "capability has expired"),
            (
                grpc.StatusCode.FAILED_PRECONDITION,
                "ARTIFACT_MISMATCH",
                422,
                "the artifact is not in the store as described",
            ),
            (
                grpc.StatusCode.INVALID_ARGUMENT,
                "KEY_OUTSIDE_PREFIX",
                422,
                "result.s3_key is outside the prefix of the capability",
            ),
            (
                grpc.StatusCode.INVALID_ARGUMENT,
                "INVALID_FIELD",
                422,
                "the report disagrees with its capability or the contract",
            ),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", 503, "cannot record the report now"),
            (grpc.StatusCode.ABORTED, "ABORTED", 503, "cannot record the report now"),
            (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED", 503, "cannot record the report now"),
            (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN", 503, "cannot record the report now"),
            (grpc.StatusCode.INTERNAL, "INTERNAL", 500, "internal error"),
            (grpc.StatusCode.UNKNOWN, "X", 500, "internal error"),
        ],
    )
    async def test_refusal_of_the_service_has_its_answer(
        self, rig: Rig, code: grpc.StatusCode, reason: str, status: int, words: str
    ) -> None:
        rig.service.entry_refusals.append(Refusal(code, reason))

        response = await rig.post(success())

        assert answered(response) == (status, {"error": words})
        assert (status == 503) == ("retry-after" in response.headers)
        assert len(rig.service.requests) == 1

    async def test_unavailable_for_a_moment_is_repeated(self, rig: Rig) -> None:
        rig.service.refusals += [Refusal(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")] * 2

        assert answered(await rig.post(success())) == (200, {"status": "ok"})
        assert len(rig.service.requests) == 3

    async def test_unavailable_for_long_is_503(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_PIPELINE_DEADLINE_S="0.5", GATEWAY_RETRY_AFTER_S="7") as rig:
            rig.service.refusals += [Refusal(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")] * 100

            response = await rig.post(success())

            assert answered(response) == (503, {"error": "cannot record the report now"})
            assert response.headers["retry-after"] == "7"

    async def test_service_away_is_503_and_200_when_it_is_back(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_PIPELINE_DEADLINE_S="1") as rig:
            assert (await rig.ready()).status_code == 200
            await rig.pipeline.stop()

            assert (await rig.post(success())).status_code == 503
            assert (await rig.ready()).status_code == 503
            assert 'route="executor_callback",status="503"' in await rig.metrics()

            tls = rig.authority.issue_files(tmp_path / "tls", "pipeline", "spiffe://montage/pipeline")
            back = new_service(rig.service, tls=tls, port=rig.pipeline.port)
            await back.start()
            try:
                responses = [(await rig.post(success())).status_code for _ in range(4)]
                assert responses[-1] == 200
                assert (await rig.ready()).status_code == 200
            finally:
                await back.stop()

    async def test_service_slow_is_503(self, tmp_path: Path) -> None:
        async with running(tmp_path, GATEWAY_PIPELINE_DEADLINE_S="0.3") as rig:
            rig.service.may_answer.clear()

            response = await rig.post(success())

            assert response.status_code == 503
            assert "retry-after" in response.headers

    async def test_service_of_a_stranger_is_503(self, tmp_path: Path) -> None:
        """Another CA's certificate: the report must not go there."""
        async with running(tmp_path / "other") as other:
            settings = {
                "GATEWAY_PIPELINE_ADDR": f"127.0.0.1:{other.pipeline.port}",
                "GATEWAY_PIPELINE_DEADLINE_S": "0.5",
            }
            async with running(tmp_path / "third", **settings) as third:
                assert (await third.post(success())).status_code == 503
            assert other.service.requests == []
