"""Translation between the contract and our values, and what is refused there."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from montage.v1 import execution_service_pb2 as pb
from montage.v1 import resources_pb2 as resource_pb
from montage.v1 import work_pb2 as work_pb

from executor_service import wire
from executor_service.task import (
    ClaimId,
    ErrorType,
    ExecutionId,
    Failure,
    MediaFacts,
    MediaType,
    Output,
    Progress,
    RetryLater,
    TaskQueue,
    VendorTrouble,
    WorkItem,
    WorkKind,
)

EXECUTION = ExecutionId(str(UUID(int=7)))
CLAIM = ClaimId(str(UUID(int=8)))


def an_output(**fields: object) -> Output:
    values = {
        "type": MediaType.VIDEO,
        "s3_key": "pipelines/p/nodes/n/executions/e/c/output.mp4",
        "size_bytes": 12,
        "sha256": "ab" * 32,
        "content_type": "video/mp4",
        "duration": timedelta(seconds=1.5),
        "media": MediaFacts(video_codec="h264", width=1280, height=720, fps=25.0, audio_codec="aac"),
    }
    return Output(**{**values, **fields})  # type: ignore[arg-type]


def test_work_item_that_is_whole_is_read() -> None:
    message = work_pb.WorkItem(
        kind=work_pb.WORK_KIND_RUN, execution_id=EXECUTION, dispatch_no=3, task_queue="local", traceparent="00-1-2-01"
    )

    item = wire.work_item(message.SerializeToString())

    assert item == WorkItem(kind=WorkKind.RUN, execution_id=EXECUTION, dispatch_no=3, task_queue=TaskQueue("local"))


@pytest.mark.parametrize(
    "message",
    [
        work_pb.WorkItem(),
        work_pb.WorkItem(kind=work_pb.WORK_KIND_RUN, execution_id="../../etc", dispatch_no=1),
        work_pb.WorkItem(kind=work_pb.WORK_KIND_RUN, execution_id=EXECUTION),
        work_pb.WorkItem(kind=work_pb.WORK_KIND_UNSPECIFIED, execution_id=EXECUTION, dispatch_no=1),
    ],
)
def test_work_item_that_lacks_something_is_refused(message: work_pb.WorkItem) -> None:
    with pytest.raises(wire.InvalidMessage):
        wire.work_item(message.SerializeToString())


@given(st.binary(max_size=200))
def test_work_item_of_any_bytes_is_read_or_refused(body: bytes) -> None:
    try:
        item = wire.work_item(body)
    except wire.InvalidMessage:
        return
    assert item.dispatch_no >= 1


@pytest.mark.parametrize("value", [an_output(), an_output(duration=None, media=None, type=MediaType.TEXT, sha256="")])
def test_output_there_and_back_is_the_same(value: Output) -> None:
    assert wire.output(wire.output_message(value)) == value


def test_output_without_key_or_type_is_refused() -> None:
    with pytest.raises(wire.InvalidMessage, match="key"):
        wire.output(resource_pb.Output(type=resource_pb.MEDIA_TYPE_TEXT))
    with pytest.raises(wire.InvalidMessage, match="type"):
        wire.output(resource_pb.Output(s3_key="k"))


def test_config_has_whole_numbers_as_int_and_keeps_nesting() -> None:
    struct = struct_pb2.Struct()
    json_format.ParseDict({"width": 720, "scale": 0.3, "on": True, "no": None, "list": [1, {"a": "b"}]}, struct)

    config = wire.config(struct)

    assert config == {"width": 720, "scale": 0.3, "on": True, "no": None, "list": [1, {"a": "b"}]}
    assert isinstance(config["width"], int)


def test_task_has_inputs_in_order_and_its_deadline() -> None:
    deadline = datetime(2026, 1, 2, tzinfo=UTC)
    message = work_pb.Task(execution="e", node="n", node_uid="u", node_type="merge-videos", provider="ffmpeg")
    message.deadline.FromDatetime(deadline)
    for position in (1, 0):
        given_input = message.inputs.add(slot="segments", position=position, node=f"n{position}")
        given_input.output.CopyFrom(wire.output_message(an_output(s3_key=f"k{position}")))

    task = wire.task(message)

    assert [source.s3_key for source in task.inputs_of("segments")] == ["k0", "k1"]
    assert task.inputs_of("audio") == ()
    assert task.deadline == deadline
    assert task.start_to_close is None


def test_claim_without_lease_or_prefix_is_refused() -> None:
    answer = pb.StartExecutionResponse(outcome=pb.START_OUTCOME_CLAIMED, key_prefix="pipelines/x/")
    with pytest.raises(wire.InvalidMessage, match="lease"):
        wire.start_answer(answer)


def test_answer_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(wire.InvalidMessage):
        wire.start_answer(pb.StartExecutionResponse())
    with pytest.raises(wire.InvalidMessage):
        wire.disposition(0)


def test_failure_keeps_the_end_of_long_details() -> None:
    failure = Failure(error_type=ErrorType.FFMPEG_ERROR, message="m" * 5_000, details="ä" * 10_000 + "the end")

    message = wire.fail_report(EXECUTION, CLAIM, failure).fail.failure

    assert message.details.endswith("the end")
    assert len(message.details.encode()) <= wire.MAX_DETAILS_BYTES
    assert len(message.message) == wire.MAX_MESSAGE_CHARS


def test_heartbeat_clamps_the_fraction_and_names_no_release() -> None:
    report = wire.heartbeat_report(EXECUTION, CLAIM, progress=Progress(stage="drawing", fraction=1.7))

    assert report.heartbeat.progress.fraction == 1.0
    assert report.heartbeat.WhichOneof("release") is None


def test_parking_and_requeueing_say_how_they_let_go() -> None:
    parked = wire.park_report(EXECUTION, CLAIM).heartbeat
    requeued = wire.requeue_report(EXECUTION, CLAIM, RetryLater(timedelta(0), "later")).heartbeat

    assert parked.waiting_for == resource_pb.WAITING_FOR_CALLBACK
    assert requeued.WhichOneof("release") == "requeue_after"


def test_trouble_with_a_vendor_is_told_with_how_long_it_wants_to_be_left_alone() -> None:
    busy = VendorTrouble(error_type=ErrorType.RATE_LIMITED, retry_after=timedelta(seconds=20))
    silent = VendorTrouble(error_type=ErrorType.PROVIDER_UNAVAILABLE)

    throttled = wire.requeue_report(EXECUTION, CLAIM, RetryLater(timedelta(0), "busy", vendor=busy)).heartbeat
    in_doubt = wire.requeue_report(EXECUTION, CLAIM, RetryLater(timedelta(0), "silent", vendor=silent)).heartbeat

    assert throttled.vendor.trouble == pb.VENDOR_TROUBLE_RATE_LIMITED
    assert throttled.vendor.retry_after.seconds == 20
    assert in_doubt.vendor.trouble == pb.VENDOR_TROUBLE_UNAVAILABLE
    assert not in_doubt.vendor.HasField("retry_after")
