"""Between protobuf and our values; refuses the incomplete."""

import re
from datetime import UTC, timedelta

from google.protobuf import duration_pb2, struct_pb2
from google.protobuf.message import DecodeError
from montage.v1 import execution_service_pb2 as execution_pb
from montage.v1 import resources_pb2 as resource_pb
from montage.v1 import work_pb2 as work_pb

from executor_service.task import (
    Asset,
    AwaitingVendor,
    Claimed,
    ClaimId,
    Config,
    Disposition,
    Dropped,
    ErrorType,
    ExecutionId,
    Failure,
    HeartbeatAnswer,
    Held,
    JsonValue,
    Learned,
    MediaFacts,
    MediaType,
    Output,
    Progress,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    StartAnswer,
    Task,
    TaskInput,
    TaskQueue,
    VendorTrouble,
    WorkItem,
    WorkKind,
)

MAX_DETAILS_BYTES = 8 * 1024
"""What the contract allows for the last lines of a tool."""
MAX_MESSAGE_CHARS = 2_000


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class InvalidMessage(ValueError):
    """What came from outside lacks something that the contract promises."""


def work_item(body: bytes) -> WorkItem:
    """Read a message of the work queue. Raises InvalidMessage."""
    message = work_pb.WorkItem()
    try:
        message.ParseFromString(body)
    except DecodeError as err:
        raise InvalidMessage(f"expected a WorkItem, found {len(body)} bytes of something else") from err
    kind = _WORK_KINDS.get(message.kind)
    # One malformed id would have a whole batch of reports refused, so it ends here.
    if kind is None or not _UUID.fullmatch(message.execution_id) or message.dispatch_no < 1:
        found = (message.kind, message.execution_id, message.dispatch_no)
        raise InvalidMessage(f"expected kind, execution UUID and dispatch number, found {found}")
    return WorkItem(
        kind=kind,
        execution_id=ExecutionId(message.execution_id),
        dispatch_no=message.dispatch_no,
        task_queue=TaskQueue(message.task_queue),
        task=task(message.task) if message.HasField("task") else None,
    )


def start_report(
    execution_id: ExecutionId, claim: ClaimId, dispatch_no: int, *, kind: WorkKind = WorkKind.RUN
) -> execution_pb.ExecutionReport:
    return execution_pb.ExecutionReport(
        start=execution_pb.StartExecutionRequest(
            execution_id=execution_id, claim=claim, dispatch_no=dispatch_no, kind=_KIND_NUMBERS[kind]
        )
    )


def heartbeat_report(
    execution_id: ExecutionId, claim: ClaimId, *, progress: Progress | None
) -> execution_pb.ExecutionReport:
    """A sign of life that keeps the execution."""
    return execution_pb.ExecutionReport(heartbeat=_heartbeat(execution_id, claim, progress))


def park_report(execution_id: ExecutionId, claim: ClaimId) -> execution_pb.ExecutionReport:
    """Lets go of the execution until a callback comes."""
    heartbeat = _heartbeat(execution_id, claim, None)
    heartbeat.waiting_for = resource_pb.WAITING_FOR_CALLBACK
    return execution_pb.ExecutionReport(heartbeat=heartbeat)


def await_vendor_report(
    execution_id: ExecutionId, claim: ClaimId, waiting: AwaitingVendor
) -> execution_pb.ExecutionReport:
    """Lets go of the execution, or of its purchase, until the vendor is asked again."""
    heartbeat = _heartbeat(execution_id, claim, waiting.progress)
    heartbeat.waiting_for = resource_pb.WAITING_FOR_VENDOR
    learned = Learned(outcome=PurchaseOutcome.SUBMITTED, job_id=waiting.job_id, ask_after=waiting.ask_after)
    heartbeat.purchase.CopyFrom(_purchase_report(learned))
    _tell_of_vendor(heartbeat, waiting.vendor)
    return execution_pb.ExecutionReport(heartbeat=heartbeat)


def await_person_report(execution_id: ExecutionId, claim: ClaimId, *, reason: str) -> execution_pb.ExecutionReport:
    """Lets go of the execution until a person has found out what became of the submission."""
    heartbeat = _heartbeat(execution_id, claim, Progress(stage="submit_unknown"))
    heartbeat.waiting_for = resource_pb.WAITING_FOR_HUMAN
    heartbeat.details["submit_unknown"] = reason
    heartbeat.purchase.CopyFrom(_purchase_report(Learned(outcome=PurchaseOutcome.UNKNOWN)))
    return execution_pb.ExecutionReport(heartbeat=heartbeat)


def requeue_report(execution_id: ExecutionId, claim: ClaimId, later: RetryLater) -> execution_pb.ExecutionReport:
    """Puts the execution back into its queue."""
    heartbeat = _heartbeat(execution_id, claim, None)
    heartbeat.requeue_after.CopyFrom(duration_message(later.after))
    if later.purchase is not None:
        heartbeat.purchase.CopyFrom(_purchase_report(later.purchase))
    _tell_of_vendor(heartbeat, later.vendor)
    return execution_pb.ExecutionReport(heartbeat=heartbeat)


def complete_report(execution_id: ExecutionId, claim: ClaimId, output: Output) -> execution_pb.ExecutionReport:
    complete = execution_pb.CompleteExecutionRequest(
        execution_id=execution_id, claim=claim, output=output_message(output)
    )
    if output.cost_micros is not None:
        complete.cost_micros = output.cost_micros
    return execution_pb.ExecutionReport(complete=complete)


def fail_report(execution_id: ExecutionId, claim: ClaimId, failure: Failure) -> execution_pb.ExecutionReport:
    """The end of `details` is kept when they are too long: tools say last what went wrong."""
    message = resource_pb.Failure(
        error_type=failure.error_type.value,
        message=failure.message[:MAX_MESSAGE_CHARS],
        details=failure.details.encode()[-MAX_DETAILS_BYTES:].decode(errors="ignore"),
    )
    fail = execution_pb.FailExecutionRequest(execution_id=execution_id, claim=claim, failure=message)
    if failure.purchase is not None:
        fail.purchase.CopyFrom(_purchase_report(failure.purchase))
    return execution_pb.ExecutionReport(fail=fail)


def start_answer(message: execution_pb.StartExecutionResponse) -> StartAnswer:
    """Read what became of a claim. Raises InvalidMessage."""
    match message.outcome:
        case execution_pb.START_OUTCOME_CLAIMED:
            return _claimed(message)
        case execution_pb.START_OUTCOME_HELD:
            return Held(until=message.hold_expire_time.ToDatetime(tzinfo=UTC))
        case execution_pb.START_OUTCOME_STALE:
            return Dropped(reason="stale")
        case execution_pb.START_OUTCOME_PAUSED:
            return Dropped(reason="paused")
    raise InvalidMessage(f"expected what became of the claim, found outcome {message.outcome}")


def heartbeat_answer(message: execution_pb.HeartbeatExecutionResponse) -> HeartbeatAnswer:
    return HeartbeatAnswer(disposition=disposition(message.disposition), lease=message.lease.ToTimedelta())


def disposition(number: int) -> Disposition:
    """Raises InvalidMessage for a value that we do not know: acting on a guess could touch another's work."""
    found = _DISPOSITIONS.get(number)
    if found is None:
        raise InvalidMessage(f"expected a disposition, found {number}")
    return found


def task(message: work_pb.Task) -> Task:
    """Raises InvalidMessage when the task does not say what is to be done."""
    missing = [name for name in ("execution", "node", "node_uid", "node_type") if not getattr(message, name)]
    if missing:
        raise InvalidMessage(f"task {message.execution!r} lacks {', '.join(missing)}")
    given = sorted(message.inputs, key=lambda each: (each.slot, each.position))
    return Task(
        execution=message.execution,
        node=message.node,
        node_uid=message.node_uid,
        node_type=message.node_type,
        provider=message.provider,
        title=message.title,
        config=config(message.config),
        inputs=tuple(_task_input(each) for each in given),
        asset=_asset(message.asset) if message.HasField("asset") else None,
        attempt=message.attempt,
        deadline=message.deadline.ToDatetime(tzinfo=UTC) if message.HasField("deadline") else None,
        start_to_close=message.start_to_close.ToTimedelta() if message.HasField("start_to_close") else None,
        details=dict(message.details),
        purchase=_purchase(message.purchase) if message.HasField("purchase") else None,
    )


def output(message: resource_pb.Output) -> Output:
    """Raises InvalidMessage without a type or a key."""
    if not message.s3_key and not message.content:
        raise InvalidMessage("expected an artifact with a key or its content, found neither")
    return Output(
        type=_media_type(message.type),
        s3_key=message.s3_key,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        content_type=message.content_type,
        duration=message.duration.ToTimedelta() if message.HasField("duration") else None,
        media=_media_facts(message.media) if message.HasField("media") else None,
        content=message.content,
        contact_sheet=message.contact_sheet,
    )


def output_message(value: Output) -> resource_pb.Output:
    message = resource_pb.Output(
        type=_MEDIA_NUMBERS[value.type],
        s3_key=value.s3_key,
        size_bytes=value.size_bytes,
        sha256=value.sha256,
        content_type=value.content_type,
        content=value.content,
        contact_sheet=value.contact_sheet,
    )
    if value.duration is not None:
        message.duration.CopyFrom(duration_message(value.duration))
    if value.media is not None:
        message.media.CopyFrom(
            resource_pb.MediaFacts(
                video_codec=value.media.video_codec,
                width=value.media.width,
                height=value.media.height,
                fps=value.media.fps,
                audio_codec=value.media.audio_codec,
                sample_rate=value.media.sample_rate,
                channels=value.media.channels,
            )
        )
    return message


def config(struct: struct_pb2.Struct) -> Config:
    """Plain JSON values. A Struct knows only doubles, so that 720 arrives as 720.0: whole numbers become int again."""
    return {key: _json(value) for key, value in struct.fields.items()}


def duration_message(value: timedelta) -> duration_pb2.Duration:
    message = duration_pb2.Duration()
    message.FromTimedelta(value)
    return message


_WORK_KINDS = {
    work_pb.WORK_KIND_RUN: WorkKind.RUN,
    work_pb.WORK_KIND_POLL: WorkKind.POLL,
    work_pb.WORK_KIND_RECONCILE: WorkKind.RECONCILE,
    work_pb.WORK_KIND_CANCEL: WorkKind.CANCEL,
}
_KIND_NUMBERS = {kind: number for number, kind in _WORK_KINDS.items()}
_PURCHASE_STATES: dict[int, PurchaseState] = {
    work_pb.PURCHASE_STATE_INTENDED: PurchaseState.INTENDED,
    work_pb.PURCHASE_STATE_SUBMITTED: PurchaseState.SUBMITTED,
    work_pb.PURCHASE_STATE_UNKNOWN: PurchaseState.UNKNOWN,
}
_OUTCOME_NUMBERS = {
    PurchaseOutcome.SUBMITTED: execution_pb.PURCHASE_OUTCOME_SUBMITTED,
    PurchaseOutcome.REFUSED: execution_pb.PURCHASE_OUTCOME_REFUSED,
    PurchaseOutcome.UNKNOWN: execution_pb.PURCHASE_OUTCOME_UNKNOWN,
    PurchaseOutcome.FAILED: execution_pb.PURCHASE_OUTCOME_FAILED,
}
_DISPOSITIONS: dict[int, Disposition] = {
    execution_pb.DISPOSITION_APPLIED: Disposition.APPLIED,
    execution_pb.DISPOSITION_DUPLICATE: Disposition.DUPLICATE,
    execution_pb.DISPOSITION_CONFLICT: Disposition.CONFLICT,
    execution_pb.DISPOSITION_SUPERSEDED: Disposition.SUPERSEDED,
    execution_pb.DISPOSITION_LOST: Disposition.LOST,
}
_MEDIA_NUMBERS = {
    MediaType.TEXT: resource_pb.MEDIA_TYPE_TEXT,
    MediaType.JSON: resource_pb.MEDIA_TYPE_JSON,
    MediaType.IMAGE: resource_pb.MEDIA_TYPE_IMAGE,
    MediaType.AUDIO: resource_pb.MEDIA_TYPE_AUDIO,
    MediaType.VIDEO: resource_pb.MEDIA_TYPE_VIDEO,
}
_MEDIA_TYPES: dict[int, MediaType] = {number: name for name, number in _MEDIA_NUMBERS.items()}


def _heartbeat(
    execution_id: ExecutionId, claim: ClaimId, progress: Progress | None
) -> execution_pb.HeartbeatExecutionRequest:
    message = execution_pb.HeartbeatExecutionRequest(execution_id=execution_id, claim=claim)
    if progress is not None:
        message.progress.stage = progress.stage
        if progress.fraction is not None:
            message.progress.fraction = min(max(progress.fraction, 0.0), 1.0)
    return message


def _claimed(message: execution_pb.StartExecutionResponse) -> Claimed:
    lease = message.lease.ToTimedelta()
    if lease <= timedelta(0) or not message.key_prefix.endswith("/"):
        found = f"{lease} and {message.key_prefix!r}"
        raise InvalidMessage(f"claim of {message.task.execution!r}: expected a lease and a key prefix, found {found}")
    return Claimed(
        task=task(message.task),
        lease=lease,
        callback_url=message.callback_url,
        progress_url=message.progress_url,
        render_data_url=message.render_data_url,
        key_prefix=message.key_prefix,
    )


def _purchase(message: work_pb.TaskPurchase) -> Purchase:
    state = _PURCHASE_STATES.get(message.state)
    if state is None or not message.submit_key:
        # Guessing here would be paid for.
        raise InvalidMessage(f"expected an open purchase with its key, found state {message.state}")
    return Purchase(
        submit_key=message.submit_key,
        state=state,
        job_id=message.job_id,
        possible_submissions=max(message.possible_submissions, int(message.possibly_submitted)),
        intend_time=message.intend_time.ToDatetime(tzinfo=UTC) if message.HasField("intend_time") else None,
    )


def _purchase_report(learned: Learned) -> execution_pb.PurchaseReport:
    message = execution_pb.PurchaseReport(outcome=_OUTCOME_NUMBERS[learned.outcome], job_id=learned.job_id)
    if learned.ask_after is not None:
        message.next_poll_after.CopyFrom(duration_message(learned.ask_after))
    if learned.cost_micros is not None:
        message.cost_micros = learned.cost_micros
    return message


def _tell_of_vendor(heartbeat: execution_pb.HeartbeatExecutionRequest, trouble: VendorTrouble | None) -> None:
    if trouble is None:
        return
    is_busy = trouble.error_type is ErrorType.RATE_LIMITED
    heartbeat.vendor.trouble = (
        execution_pb.VENDOR_TROUBLE_RATE_LIMITED if is_busy else execution_pb.VENDOR_TROUBLE_UNAVAILABLE
    )
    if trouble.retry_after is not None:
        heartbeat.vendor.retry_after.CopyFrom(duration_message(trouble.retry_after))


def _task_input(message: work_pb.TaskInput) -> TaskInput:
    return TaskInput(slot=message.slot, position=message.position, node=message.node, output=output(message.output))


def _asset(message: resource_pb.Asset) -> Asset:
    return Asset(type=_media_type(message.type), source=message.source)


def _media_type(number: int) -> MediaType:
    found = _MEDIA_TYPES.get(number)
    if found is None:
        raise InvalidMessage(f"expected a type of material, found {number}")
    return found


def _media_facts(message: resource_pb.MediaFacts) -> MediaFacts:
    return MediaFacts(
        video_codec=message.video_codec,
        width=message.width,
        height=message.height,
        fps=message.fps,
        audio_codec=message.audio_codec,
        sample_rate=message.sample_rate,
        channels=message.channels,
    )


def _json(value: struct_pb2.Value) -> JsonValue:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "list_value":
            return [_json(each) for each in value.list_value.values]
        case "struct_value":
            return {key: _json(each) for key, each in value.struct_value.fields.items()}
    return None
