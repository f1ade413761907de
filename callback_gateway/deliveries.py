"""The way of webhooks to the pipeline service: signals of vendors, deliveries of platforms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import grpc
from montage.v1 import callback_service_pb2 as callbacks
from montage.v1 import callback_service_pb2_grpc as callbacks_grpc

from callback_gateway.pipeline_away import away
from servicekit import grpc_retry


class NotConfigured(Exception):
    """The pipeline service has no secret for the platform."""


class DeliveryRefused(Exception):
    """The pipeline service does not believe that the platform sent it."""


class DeliveryUnreadable(Exception):
    """It is the platform's, and no delivery as the contract knows it."""


@dataclass(frozen=True, kw_only=True)
class Deliveries:
    """The way to CallbackService. Repeats are safe."""

    stub: callbacks_grpc.CallbackServiceStub
    retry: grpc_retry.RetryPolicy
    retry_after: timedelta
    """What callers are told when the service names no time itself."""

    async def signal(self, vendor: str, job_id: str) -> None:
        """Have a vendor asked about a job. Raises PipelineAway; any other AioRpcError is a defect there."""
        request = callbacks.SignalVendorJobRequest(vendor=vendor, job_id=job_id)
        try:
            await grpc_retry.call(partial(self.stub.SignalVendorJob, request), policy=self.retry)
        except grpc.aio.AioRpcError as error:
            raise (away(error, retry_after=self.retry_after) or error) from None

    async def ingest(self, source: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Hand on a delivery as it came. True when it is new, False when it was kept before.

        Raises NotConfigured, DeliveryRefused, DeliveryUnreadable and PipelineAway.
        """
        request = callbacks.IngestWebhookRequest(source=source, headers=headers, body=body)
        try:
            response = await grpc_retry.call(partial(self.stub.IngestWebhook, request), policy=self.retry)
        except grpc.aio.AioRpcError as error:
            raise (self._translated(error) or error) from None
        return bool(response.outcome == callbacks.WEBHOOK_OUTCOME_RECORDED)

    def _translated(self, error: grpc.aio.AioRpcError) -> Exception | None:
        match error.code(), grpc_retry.error_reason(error):
            case grpc.StatusCode.NOT_FOUND, "WEBHOOK_NOT_CONFIGURED":
                return NotConfigured()
            case grpc.StatusCode.UNAUTHENTICATED, "SIGNATURE_INVALID":
                return DeliveryRefused()
            case grpc.StatusCode.INVALID_ARGUMENT, _:
                return DeliveryUnreadable()
        return away(error, retry_after=self.retry_after)
