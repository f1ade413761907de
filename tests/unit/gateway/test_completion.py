"""What the pipeline service's words mean to the gateway."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import execution_service_pb2 as executions
from montage.v1 import resources_pb2 as resources

from callback_gateway.completion import (
    CapabilityInvalid,
    CapabilityTooOld,
    Completion,
    ExecutionGone,
    PipelineAway,
    ReportRefused,
)
from callback_gateway.report import Disposition, ErrorType, Failure, MediaType, Output, Report
from servicekit.grpc_retry import RetryPolicy

POLICY = RetryPolicy(deadline_s=0.05, first_wait_s=0.001, max_wait_s=0.001)
FAILED = Report(
    execution_id=None,
    node_uid=None,
    executor_type=None,
    outcome=Failure(error_type=ErrorType.FFMPEG_ERROR, message="m"),
)


def rpc_error(code: grpc.StatusCode, reason: str = "", *, retry_after_s: float | None = None) -> grpc.aio.AioRpcError:
    """An error as it comes out of a stub."""
    details = [error_details_pb2.ErrorInfo(reason=reason, domain="montage")] if reason else []
    packed = [any_pb2.Any() for _ in details]
    for one, detail in zip(packed, details, strict=True):
        one.Pack(detail)
    if retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=retry_after_s))
        packed.append(any_pb2.Any())
        packed[-1].Pack(retry)
    status = status_pb2.Status(code=code.value[0], details=packed).SerializeToString()
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details="words", debug_error_string="")


def completion_with(answer: Any) -> tuple[Completion, list[Any]]:
    """A Completion whose service answers, or raises, always the same; and what it was asked."""
    asked: list[Any] = []

    async def report_external(request: Any, *, timeout: float) -> Any:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stub: Any = SimpleNamespace(ReportExternal=report_external)
    return Completion(stub=stub, retry=POLICY, retry_after=timedelta(seconds=2)), asked


@pytest.mark.parametrize("disposition", list(Disposition))
async def test_report_every_disposition_of_the_contract_is_known(disposition: Disposition) -> None:
    completion, _ = completion_with(callbacks.ReportExternalResponse(disposition=f"DISPOSITION_{disposition}"))

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
async def test_report_error_of_the_service_is_translated(
    code: grpc.StatusCode, reason: str, expected: type[Exception]
) -> None:
    completion, _ = completion_with(rpc_error(code, reason))

    with pytest.raises(expected):
        await completion.report(FAILED, capability="c")


@pytest.mark.parametrize(("asked_s", "expected_s"), [(None, 2), (30.0, 30)])
async def test_report_service_away_says_when_to_come_back(asked_s: float | None, expected_s: int) -> None:
    completion, _ = completion_with(rpc_error(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", retry_after_s=asked_s))

    with pytest.raises(PipelineAway) as caught:
        await completion.report(FAILED, capability="c")

    assert caught.value.retry_after == timedelta(seconds=expected_s)


async def test_report_unavailable_is_repeated_refused_is_not() -> None:
    away, asked_away = completion_with(rpc_error(grpc.StatusCode.UNAVAILABLE))
    refusing, asked_refusing = completion_with(rpc_error(grpc.StatusCode.INVALID_ARGUMENT))

    with pytest.raises(PipelineAway):
        await away.report(FAILED, capability="c")
    with pytest.raises(ReportRefused):
        await refusing.report(FAILED, capability="c")

    assert len(asked_away) > 1
    assert len(asked_refusing) == 1


async def test_report_facts_not_stated_stay_unstated() -> None:
    completion, asked = completion_with(callbacks.ReportExternalResponse(disposition=executions.DISPOSITION_APPLIED))
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
