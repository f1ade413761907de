"""Invocations over real HTTP: one signed Event per claim, and what happens after each answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote

import pytest

from executor_service.executors.lambda_media import MediaFunction
from executor_service.executors.lease import LeaseOver
from executor_service.executors.merge_videos import MergeVideos
from executor_service.integrations.aws_lambda import LambdaAddress, LambdaFunctions
from executor_service.task import AwaitingCallback, ErrorType, GiveUp, RetryLater, Task
from tests.fakes.clock import FakeClock
from tests.unit.executor.builders import EXECUTION, a_context, a_task, an_artifact, an_input


@dataclass
class Endpoint:
    """Answers Invoke as the test says and keeps what came."""

    status: int = 202
    headers: str = ""
    port: int = 0
    heads: list[str] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lower = head.lower()
            length = int(lower.partition("content-length: ")[2].partition("\r\n")[0] or 0)
            self.heads.append(head)
            self.events.append(json.loads(await reader.readexactly(length)))
            writer.write(
                f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\nConnection: close\r\n{self.headers}\r\n{{}}".encode()
            )
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    endpoint.port = server.sockets[0].getsockname()[1]
    yield endpoint
    server.close()


@pytest.fixture
async def functions(endpoint: Endpoint, tmp_path: Path) -> AsyncIterator[LambdaFunctions]:
    for name in ("access", "secret"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"the-{name}-key")
    made = LambdaFunctions(
        LambdaAddress(
            region="us-east-1",
            endpoint=f"http://127.0.0.1:{endpoint.port}",
            access_key_file=tmp_path / "access",
            secret_key_file=tmp_path / "secret",
        )
    )
    yield made
    await made.close()


@pytest.fixture
def merge(functions: LambdaFunctions) -> MergeVideos:
    return MergeVideos(MediaFunction(functions, function_name="montage-media", bucket="montage"))


def a_merge() -> Task:
    segments = tuple(an_input("segments", an_artifact(f"{n}/output.mp4"), position=n) for n in (0, 1))
    return a_task("merge-videos", provider="ffmpeg", inputs=segments)


async def test_merge_is_one_signed_event_and_then_awaits_its_callback(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path
) -> None:
    ending = await merge.execute(a_merge(), a_context(tmp_path))

    assert ending == AwaitingCallback()
    (head,), (event,) = endpoint.heads, endpoint.events
    assert head.startswith("POST /2015-03-31/functions/montage-media/invocations HTTP/1.1")
    assert "x-amz-invocation-type: event" in head.lower()
    assert "AWS4-HMAC-SHA256 Credential=the-access-key/" in head
    assert "the-secret-key" not in head
    assert event["process_uuid"] == EXECUTION
    assert event["input_videos"] == ["s3://montage/0/output.mp4", "s3://montage/1/output.mp4"]


async def test_throttled_invocation_comes_back_when_asked_to(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.status = 429
    endpoint.headers = "x-amzn-errortype: TooManyRequestsException\r\nRetry-After: 9\r\n"

    with pytest.raises(RetryLater) as caught:
        await merge.execute(a_merge(), a_context(tmp_path))

    assert caught.value.after.total_seconds() == 9
    assert len(endpoint.events) == 1


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [(404, "ResourceNotFoundException", ErrorType.LAMBDA_ERROR), (403, "AccessDeniedException", ErrorType.CREDENTIAL)],
)
async def test_refused_invocation_gives_up(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path, status: int, error: str, expected: ErrorType
) -> None:
    endpoint.status, endpoint.headers = status, f"x-amzn-errortype: {error}\r\n"

    with pytest.raises(GiveUp) as caught:
        await merge.execute(a_merge(), a_context(tmp_path))

    assert caught.value.failure.error_type is expected


async def test_synchronous_answer_is_not_taken_for_acceptance(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.status = 200

    with pytest.raises(GiveUp, match="expected 202, found 200"):
        await merge.execute(a_merge(), a_context(tmp_path))


async def test_lambda_that_is_away_is_asked_again_later(tmp_path: Path, functions: LambdaFunctions) -> None:
    away = LambdaFunctions(
        LambdaAddress(
            region="us-east-1",
            endpoint="http://127.0.0.1:1",
            access_key_file=tmp_path / "access",
            secret_key_file=tmp_path / "secret",
        )
    )

    with pytest.raises(RetryLater):
        await away.invoke_event("montage-media", b"{}")

    await away.close()


async def test_nothing_is_invoked_when_the_lease_does_not_outlive_the_request(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path
) -> None:
    clock = FakeClock()
    context = a_context(tmp_path, clock=clock)
    clock.advance(timedelta(seconds=55))

    with pytest.raises(LeaseOver):
        await merge.execute(a_merge(), context)

    assert endpoint.events == []


async def test_event_that_is_too_large_is_refused_before_it_is_sent(
    merge: MergeVideos, endpoint: Endpoint, tmp_path: Path
) -> None:
    segments = tuple(an_input("segments", an_artifact("k" * 900), position=n) for n in range(300))

    with pytest.raises(GiveUp, match="bytes, more than") as caught:
        await merge.execute(a_task("merge-videos", provider="ffmpeg", inputs=segments), a_context(tmp_path))

    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT
    assert endpoint.events == []


async def test_function_with_a_role_is_invoked_as_that_role(endpoint: Endpoint, tmp_path: Path) -> None:
    asked: list[str] = []

    async def assume(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        asked.append((await reader.readexactly(length)).decode())
        answer = (
            b"<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
            b"<AccessKeyId>the-role-key</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            b"<SessionToken>the-session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>"
            b"</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        writer.write(f"HTTP/1.1 200 X\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode() + answer)
        await writer.drain()
        writer.close()

    sts = await asyncio.start_server(assume, "127.0.0.1", 0)
    for name in ("access", "secret"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"the-{name}-key")
    role, arn = "arn:aws:iam::123456789012:role/r", "arn:aws:lambda:us-east-1:123456789012:function:count-words"
    functions = LambdaFunctions(
        LambdaAddress(
            region="us-east-1",
            endpoint=f"http://127.0.0.1:{endpoint.port}",
            access_key_file=tmp_path / "access",
            secret_key_file=tmp_path / "secret",
            role=role,
            sts_endpoint=f"http://127.0.0.1:{sts.sockets[0].getsockname()[1]}",
        )
    )

    await functions.invoke_event(arn, b"{}")
    await functions.invoke_event(arn, b"{}")

    await functions.close()
    sts.close()
    (request,) = [parse_qs(body) for body in asked]
    assert (request["Action"], request["RoleArn"]) == (["AssumeRole"], [role])
    assert all("Credential=the-role-key/" in head for head in endpoint.heads)
    assert all("x-amz-security-token: the-session" in head.lower() for head in endpoint.heads)
    assert all(quote(arn, safe="") in head.partition(" HTTP")[0] for head in endpoint.heads)
