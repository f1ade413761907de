"""Hands reports to the pipeline service, many in one call, which alone decides what each changes."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import assert_never

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, status_pb2
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import callback_service_pb2_grpc as callbacks_grpc
from montage.v1 import execution_service_pb2 as executions
from montage.v1 import resources_pb2 as resources

from callback_gateway.pipeline_away import away
from callback_gateway.report import Disposition, Failure, MediaType, Output, Progress, Report
from servicekit import grpc_retry
from servicekit.grpc_batching import Batcher
from servicekit.tracing import current_context, is_sampled


class CapabilityInvalid(Exception):
    """The issuer does not accept the capability, whatever the public keys said."""


class CapabilityTooOld(Exception):
    """The issuer says that the capability has expired."""


class ExecutionGone(Exception):
    """The execution was deleted with its node or pipeline: there is nothing left that the report could change."""


class ReportRefused(Exception):
    """The service refuses what the report says; repeating it will not help. `reason` is the contract's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Completion:
    """The way to CallbackService."""

    def __init__(
        self, *, stub: callbacks_grpc.CallbackServiceStub, retry: grpc_retry.RetryPolicy, retry_after: timedelta
    ) -> None:
        """`retry` is for one report; `retry_after` is what callers are told when the service names no time itself."""
        self._stub = stub
        self._retry = retry
        self._retry_after = retry_after
        # The second call is on its way while the service works on the first.
        self._batcher: Batcher[callbacks.ReportExternalRequest, callbacks.ExternalReportAnswer] = Batcher(
            self._send, calls=2
        )

    async def report(self, report: Report, *, capability: str) -> Disposition:
        """Record a report. Repeats are safe: the answer says what it changed.

        `capability` goes along as it came, because its issuer checks it for itself. Raises PipelineAway,
        CapabilityInvalid, CapabilityTooOld, ExecutionGone and ReportRefused; any other AioRpcError is a defect there.
        """
        request = _request(report, capability)
        try:
            return await grpc_retry.call(partial(self._ask, request), policy=self._retry)
        except grpc.aio.AioRpcError as error:
            raise (self._translated(error) or error) from None

    async def close(self) -> None:
        """Ends the calls in flight; who still waits is cancelled."""
        await self._batcher.close()

    async def _ask(self, request: callbacks.ReportExternalRequest, *, timeout: float) -> Disposition:
        """One try, in the next call. Raises the error of the report, or of the call that carried it."""
        try:
            answer = await self._batcher.ask(request, within_s=timeout)
        except TimeoutError:
            raise grpc_retry.error_of(status_pb2.Status(code=code_pb2.DEADLINE_EXCEEDED)) from None
        if answer.WhichOneof("answer") == "error":
            raise grpc_retry.error_of(answer.error)
        return Disposition(executions.Disposition.Name(answer.disposition).removeprefix("DISPOSITION_"))

    async def _send(
        self, reports: Sequence[callbacks.ReportExternalRequest]
    ) -> Sequence[callbacks.ExternalReportAnswer]:
        request = callbacks.ReportExternalsRequest(reports=reports)
        response: callbacks.ReportExternalsResponse = await self._stub.ReportExternals(
            request, timeout=self._retry.attempt_timeout_s
        )
        return response.answers

    def _translated(self, error: grpc.aio.AioRpcError) -> Exception | None:
        reason = grpc_retry.error_reason(error) or ""
        match error.code(), reason:
            case grpc.StatusCode.UNAUTHENTICATED, "CAPABILITY_INVALID":
                return CapabilityInvalid(reason)
            case grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_EXPIRED":
                return CapabilityTooOld(reason)
            case grpc.StatusCode.NOT_FOUND, _:
                return ExecutionGone(reason)
            case ((grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.FAILED_PRECONDITION), _):
                return ReportRefused(reason)
        return away(error, retry_after=self._retry_after)


def _request(report: Report, capability: str) -> callbacks.ReportExternalRequest:
    request = callbacks.ReportExternalRequest(
        capability=capability,
        execution_id=report.execution_id or "",
        node_uid=report.node_uid or "",
        executor_type=report.executor_type or "",
    )
    context = current_context()
    if is_sampled(context):
        request.traceparent = context
    match report.outcome:
        case Output() as output:
            request.output.CopyFrom(_output(output))
        case Failure() as failure:
            request.failure.CopyFrom(
                resources.Failure(error_type=failure.error_type.value, message=failure.message, details=failure.details)
            )
        case Progress() as progress:
            request.progress.CopyFrom(resources.Progress(stage=progress.stage, fraction=progress.fraction))
        case _:
            assert_never(report.outcome)
    return request


def _output(output: Output) -> resources.Output:
    message = resources.Output(
        type=_MEDIA_TYPES[output.media_type],
        s3_key=output.s3_key,
        size_bytes=output.size_bytes,
        sha256=output.sha256 or "",
        content_type=output.content_type,
        content=output.content,
        contact_sheet=output.contact_sheet or "",
    )
    if output.duration is not None:
        duration = Duration()
        duration.FromTimedelta(output.duration)
        message.duration.CopyFrom(duration)
    if output.media_type not in (MediaType.TEXT, MediaType.JSON):
        message.media.CopyFrom(
            resources.MediaFacts(
                video_codec=output.video_codec or "",
                width=output.width or 0,
                height=output.height or 0,
                fps=output.fps or 0.0,
                audio_codec=output.audio_codec or "",
            )
        )
    return message


_MEDIA_TYPES = {
    MediaType.TEXT: resources.MEDIA_TYPE_TEXT,
    MediaType.JSON: resources.MEDIA_TYPE_JSON,
    MediaType.IMAGE: resources.MEDIA_TYPE_IMAGE,
    MediaType.AUDIO: resources.MEDIA_TYPE_AUDIO,
    MediaType.VIDEO: resources.MEDIA_TYPE_VIDEO,
}
