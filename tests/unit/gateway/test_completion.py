"""What the pipeline service's words mean to the gateway."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import execution_service_pb2 as executions
from montage.v1 import resources_pb2 as resources

from callback_gateway.completion import (
    CapabilityInvalid,
    CapabilityTooOld,
    Completion,
    ExecutionGone,
    ReportRefused,
)
from callback_gateway.pipeline_away import PipelineAway
from callback_gateway.report import Disposition, ErrorType, Failure, MediaType, Output, Report
from servicekit.grpc_retry import RetryPolicy, error_of

POLICY = RetryPolicy(deadline_s=0.05, first_wait_s=0.001, max_wait_s=0.001)
FAILED = Report(
    execution_id=None,
    node_uid=None,
    executor_type=None,
    outcome=Failure(error_type=ErrorType.FFMPEG_ERROR, message="m"),
)
APPLIED = callbacks.ExternalReportAnswer(disposition=executions.DISPOSITION_APPLIED)
CODE = grpc.StatusCode


def status(code: grpc.StatusCode, reason: str = "", *, retry_after_s: float | None = None) -> status_pb2.Status:
    """An error as the service tells it."""
    details: list[Message] = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="montage"))
    if retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=retry_after_s))
        details.append(retry)
    packed = [any_pb2.Any() for _ in details]
    for one, detail in zip(packed, details, strict=True):
        one.Pack(detail)
    return status_pb2.Status(code=code.value[0], message="words", details=packed)


def completion_with(answer: Any) -> tuple[Completion, list[Any]]:
    """A Completion whose service answers, or raises, always the same; and what it was asked."""
    asked: list[Any] = []

    async def report_externals(request: callbacks.ReportExternalsRequest, *, timeout: float) -> Any:
        asked.extend(request.reports)
        if isinstance(answer, Exception):
            raise answer
        return callbacks.ReportExternalsResponse(answers=[answer for _ in request.reports])

    return completion_of(report_externals), asked


def completion_of(report_externals: Any, *, policy: RetryPolicy = POLICY) -> Completion:
    stub: Any = SimpleNamespace(ReportExternals=report_externals)
    return Completion(stub=stub, retry=policy, retry_after=timedelta(seconds=2))


async def settled() -> None:
    """Every task that could begin has begun."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("disposition", list(Disposition))
async def test_report_every_disposition_of_the_contract_is_known(disposition: Disposition) -> None:
    completion, _ = completion_with(callbacks.ExternalReportAnswer(disposition=f"DISPOSITION_{disposition}"))

    assert await completion.report(FAILED, capability="c") is disposition


def test_disposition_names_are_those_of_the_contract() -> None:
    names = {name.removeprefix("DISPOSITION_") for name in executions.Disposition.keys()}  # noqa: SIM118 # no mapping

    assert names == {one.value for one in Disposition} | {"UNSPECIFIED"}


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, "", PipelineAway),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", PipelineAway),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", PipelineAway),
        (grpc.StatusCode.CANCELLED, "", PipelineAway),
        (grpc.StatusCode.ABORTED, "ABORTED", PipelineAway),
        (grpc.StatusCode.UNIMPLEMENTED, "", PipelineAway),
        (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED", PipelineAway),
        (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN", PipelineAway),
        (grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID", CapabilityInvalid),
        (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED", CapabilityTooOld),
        (grpc.StatusCode.FAILED_PRECONDITION, "ARTIFACT_MISMATCH", ReportRefused),
        (grpc.StatusCode.INVALID_ARGUMENT, "KEY_OUTSIDE_PREFIX", ReportRefused),
        (grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND", ExecutionGone),
        (grpc.StatusCode.INTERNAL, "INTERNAL", grpc.aio.AioRpcError),
        (grpc.StatusCode.UNKNOWN, "", grpc.aio.AioRpcError),
    ],
)
@pytest.mark.parametrize("of_the_call", [False, True])
async def test_report_error_of_the_service_is_translated(
    code: grpc.StatusCode, reason: str, expected: type[Exception], *, of_the_call: bool
) -> None:
    error = status(code, reason)
    completion, _ = completion_with(error_of(error) if of_the_call else callbacks.ExternalReportAnswer(error=error))

    with pytest.raises(expected):
        await completion.report(FAILED, capability="c")


@pytest.mark.parametrize(("asked_s", "expected_s"), [(None, 2), (30.0, 30)])
async def test_report_service_away_says_when_to_come_back(asked_s: float | None, expected_s: int) -> None:
    error = status(CODE.UNAVAILABLE, "UNAVAILABLE", retry_after_s=asked_s)
    completion, _ = completion_with(callbacks.ExternalReportAnswer(error=error))

    with pytest.raises(PipelineAway) as caught:
        await completion.report(FAILED, capability="c")

    assert caught.value.retry_after == timedelta(seconds=expected_s)


async def test_report_unavailable_is_repeated_refused_is_not() -> None:
    away, asked_away = completion_with(error_of(status(CODE.UNAVAILABLE)))
    refusing, asked_refusing = completion_with(error_of(status(CODE.INVALID_ARGUMENT)))

    with pytest.raises(PipelineAway):
        await away.report(FAILED, capability="c")
    with pytest.raises(ReportRefused):
        await refusing.report(FAILED, capability="c")

    assert len(asked_away) > 1
    assert len(asked_refusing) == 1


async def test_report_reports_that_come_while_two_calls_are_under_way_go_in_one_with_an_answer_each() -> None:
    calls: list[list[str]] = []
    may_answer = asyncio.Event()

    async def report_externals(request: callbacks.ReportExternalsRequest, *, timeout: float) -> Any:
        calls.append([report.capability for report in request.reports])
        await may_answer.wait()
        refused = callbacks.ExternalReportAnswer(error=status(CODE.FAILED_PRECONDITION, "ARTIFACT_MISMATCH"))
        answers = [refused if report.capability == "bad" else APPLIED for report in request.reports]
        return callbacks.ReportExternalsResponse(answers=answers)

    completion = completion_of(report_externals, policy=RetryPolicy(deadline_s=60))
    reporting = []
    for capability in ("a", "b", "c", "bad", "d"):
        reporting.append(asyncio.create_task(completion.report(FAILED, capability=capability)))
        await settled()
    may_answer.set()
    answers = await asyncio.gather(*reporting, return_exceptions=True)

    assert calls == [["a"], ["b"], ["c", "bad", "d"]]
    assert [str(answer) for answer in answers] == ["APPLIED", "APPLIED", "APPLIED", "ARTIFACT_MISMATCH", "APPLIED"]


async def test_report_caller_gives_up_at_its_own_deadline_while_the_call_goes_on() -> None:
    may_answer = asyncio.Event()

    async def report_externals(request: callbacks.ReportExternalsRequest, *, timeout: float) -> Any:
        await may_answer.wait()
        return callbacks.ReportExternalsResponse(answers=[APPLIED for _ in request.reports])

    completion = completion_of(report_externals)

    with pytest.raises(PipelineAway) as caught:
        await completion.report(FAILED, capability="c")

    assert caught.value.cause == "DEADLINE_EXCEEDED"
    await completion.close()


async def test_report_facts_not_stated_stay_unstated() -> None:
    completion, asked = completion_with(APPLIED)
    outcome = Output(media_type=MediaType.JSON, s3_key="k.json", size_bytes=2, content_type="application/json")

    await completion.report(
        Report(execution_id=None, node_uid="n", executor_type=None, outcome=outcome), capability="c"
    )

    assert asked == [
        callbacks.ReportExternalRequest(
            capability="c",
            node_uid="n",
            output=resources.Output(
                type=resources.MEDIA_TYPE_JSON, s3_key="k.json", size_bytes=2, content_type="application/json"
            ),
        )
    ]
    assert not asked[0].output.HasField("duration")
