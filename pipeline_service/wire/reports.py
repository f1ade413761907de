"""Reports about executions, from the contract's messages to the engine's."""

import math
from uuid import UUID

from montage.v1 import execution_service_pb2, resources_pb2, work_pb2

from pipeline_service.domain.engine.reports import Beat, Complete, Fail, Learned, Start, VendorReport
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.states import Disposition, PurchaseOutcome, VendorTrouble, WaitingFor, WorkKind
from pipeline_service.wire.values import Incomplete, duration_value, failure_value, output_value

MAX_DETAILS_BYTES = 4096


def start_report(message: execution_service_pb2.StartExecutionRequest, *, actor: str) -> Start:
    return Start(
        execution_id=ExecutionId(UUID(message.execution_id)),
        claim=Claim(UUID(message.claim)),
        dispatch_no=message.dispatch_no,
        kind=_work_kind(message.kind),
        actor=actor,
    )


def beat_report(message: execution_service_pb2.HeartbeatExecutionRequest, *, actor: str) -> Beat:
    """A sign of life. Raises Incomplete when the details are too large or it waits for nothing."""
    if sum(len(key) + len(value) for key, value in message.details.items()) > MAX_DETAILS_BYTES:
        raise Incomplete("details", f"expected at most {MAX_DETAILS_BYTES} bytes")
    release = message.WhichOneof("release")
    waiting_for = None
    if release == "waiting_for":
        if message.waiting_for == resources_pb2.WAITING_FOR_UNSPECIFIED:
            raise Incomplete("waiting_for", "expected callback, vendor or human")
        name = resources_pb2.WaitingFor.Name(message.waiting_for)
        waiting_for = WaitingFor(name.removeprefix("WAITING_FOR_"))
    stage, fraction = progress_value(message.progress)
    return Beat(
        execution_id=ExecutionId(UUID(message.execution_id)),
        claim=Claim(UUID(message.claim)),
        stage=stage,
        fraction=fraction,
        details={key.replace("\x00", ""): value.replace("\x00", "") for key, value in message.details.items()} or None,
        waiting_for=waiting_for,
        requeue_after=duration_value(message.requeue_after, field=release) if release == "requeue_after" else None,
        purchase=_learned(message.purchase) if message.HasField("purchase") else None,
        vendor=_vendor(message.vendor) if message.HasField("vendor") else None,
        actor=actor,
    )


def progress_value(message: resources_pb2.Progress) -> tuple[str, float | None]:
    """Stage and done share, 0 to 1. Raises Incomplete for a share that is no number."""
    if not message.HasField("fraction"):
        fraction = None
    elif math.isnan(message.fraction):
        raise Incomplete("progress.fraction", "expected a number, 0 to 1")
    else:
        fraction = min(max(message.fraction, 0.0), 1.0)
    return message.stage.replace("\x00", "")[:64], fraction


def complete_report(message: execution_service_pb2.CompleteExecutionRequest, *, actor: str) -> Complete:
    return Complete(
        execution_id=ExecutionId(UUID(message.execution_id)),
        claim=Claim(UUID(message.claim)),
        output=output_value(message.output),
        cost_micros=message.cost_micros if message.HasField("cost_micros") else None,
        actor=actor,
    )


def fail_report(message: execution_service_pb2.FailExecutionRequest, *, actor: str) -> Fail:
    return Fail(
        execution_id=ExecutionId(UUID(message.execution_id)),
        claim=Claim(UUID(message.claim)),
        failure=failure_value(message.failure),
        purchase=_learned(message.purchase) if message.HasField("purchase") else None,
        actor=actor,
    )


def _work_kind(number: int) -> WorkKind:
    """What the worker was told to do."""
    return WorkKind(work_pb2.WorkKind.Name(number).removeprefix("WORK_KIND_")) if number else WorkKind.RUN


def _learned(message: execution_service_pb2.PurchaseReport) -> Learned:
    """What became of a purchase. Raises Incomplete for one that was submitted as no job."""
    name = execution_service_pb2.PurchaseOutcome.Name(message.outcome).removeprefix("PURCHASE_OUTCOME_")
    outcome = PurchaseOutcome(name)
    job_id = message.job_id.replace("\x00", "")
    if outcome is PurchaseOutcome.SUBMITTED and not job_id:
        raise Incomplete("purchase.job_id", "expected the vendor's id of the job that was accepted, found none")
    return Learned(
        outcome=outcome,
        job_id=job_id,
        next_poll_after=duration_value(message.next_poll_after, field="purchase.next_poll_after")
        if message.HasField("next_poll_after")
        else None,
        cost_micros=message.cost_micros if message.HasField("cost_micros") else None,
    )


def _vendor(message: execution_service_pb2.VendorReport) -> VendorReport:
    name = execution_service_pb2.VendorTrouble.Name(message.trouble).removeprefix("VENDOR_TROUBLE_")
    return VendorReport(
        trouble=VendorTrouble[name],
        retry_after=duration_value(message.retry_after, field="vendor.retry_after")
        if message.HasField("retry_after")
        else None,
    )


def disposition_name(disposition: Disposition) -> str:
    """The word of the contract's enum."""
    return f"DISPOSITION_{disposition}"
