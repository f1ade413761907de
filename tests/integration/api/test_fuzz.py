"""No message makes the service fail, and a call that is refused has changed nothing."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import grpc
import pytest
import structlog.testing
from google.protobuf import text_format
from google.protobuf.message import Message
from montage.v1.execution_service_pb2 import ExecutionReport, ReportExecutionsRequest, StartExecutionRequest
from montage.v1.pipeline_service_pb2 import (
    CreatePipelineRequest,
    RunPipelineRequest,
    UpdatePipelineRequest,
    WatchPipelineRequest,
)
from montage.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from montage.v1.resources_pb2 import EVENT_TYPE_PIPELINE_UPDATED

from tests.integration.api.answers import Refusal, call, refusal_of
from tests.integration.api.branches import Branches
from tests.integration.api.fuzzing.messages import Maker
from tests.integration.api.fuzzing.stage import CALLERS, METHODS, Stage, set_stage
from tests.integration.api.fuzzing.values import damaged
from tests.integration.api.here import QUIET, neighbours, serving
from tests.unit.pipeline.test_webhooks import SECRET

EXAMPLES = 50
LARGE = (
    *("CreateNode", "UpdateNode", "HeartbeatExecution", "CompleteExecution", "ReportExecutions", "ReportExternal"),
    "ReportExternals",
    *("CreateAsset", "ListRuns", "ListNodes", "ListExecutions", "ListPipelines"),
)
"""Methods with many fields, of which few messages are good as a whole: they get five times as many."""
UNKNOWN_FIELD = b"\xf8\x7f\x01"
"""Number 2047, which no message has; it is 1."""
MANY_EXAMPLES = 600
CODE = grpc.StatusCode
REFUSALS = {
    *(CODE.INVALID_ARGUMENT, CODE.NOT_FOUND, CODE.FAILED_PRECONDITION, CODE.ABORTED, CODE.ALREADY_EXISTS),
    *(CODE.RESOURCE_EXHAUSTED, CODE.UNAUTHENTICATED, CODE.PERMISSION_DENIED, CODE.UNIMPLEMENTED),
}


@pytest.fixture(scope="module")
def branches() -> Iterator[Branches]:
    with Branches(("pipeline_service.transport", "pipeline_service.wire")).measured() as branches:
        yield branches


@pytest.fixture(scope="module")
def stage(branches: Branches) -> Iterator[Stage]:
    with neighbours() as stack:
        owners = stack.data / "owners.json"
        owners.write_text('{"spiffe://montage/ops/dev": "default"}')
        webhooks = stack.data / "webhooks"
        webhooks.touch(mode=0o600)
        webhooks.write_text(SECRET)
        files = {
            "PIPELINE_OWNERS_FILE": str(owners),
            "PIPELINE_WEBHOOK_GITHUB_SECRET_FILE": str(webhooks),
            "PIPELINE_OTLP_ENDPOINT": f"file://{stack.data / 'spans.jsonl'}",
        }
        with (
            serving(stack, QUIET | files) as service,
            set_stage(service) as stage,
        ):
            yield stage


@pytest.mark.parametrize("name", METHODS)
def test_any_message_is_answered_or_refused_in_words(stage: Stage, name: str) -> None:
    codes = try_messages(stage, name, seed=0, examples=EXAMPLES * (5 if name.endswith(LARGE) else 1))

    assert codes["INVALID_ARGUMENT"] or not METHODS[name].input_type.fields, codes


def test_request_that_many_send_at_once_is_done_once(stage: Stage) -> None:
    method = METHODS["montage.v1.PipelineService.RunPipeline"]
    request = RunPipelineRequest(name="pipelines/film", request_id="at-once", force=True).SerializeToString()
    before = stage.count("runs")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(partial(call, stage.channel("client-dev"), method), [request] * 8))
    after = stage.count("runs")
    stage.restore()

    assert after == before + 1
    assert all(answer == answers[0] for answer in answers), answers
    assert not isinstance(answers[0], Refusal)


@pytest.mark.parametrize(
    ("failpoint", "method", "request_"),
    [
        (
            "request.after_commit",
            "montage.v1.PipelineService.CreatePipeline",
            CreatePipelineRequest(pipeline_id="new", request_id="bug"),
        ),
        (
            "batch.after_commit",
            "montage.v1.ExecutionService.StartExecution",
            StartExecutionRequest(claim=str(uuid4()), dispatch_no=1),
        ),
    ],
)
def test_defect_is_answered_blandly_and_its_cause_is_logged(
    stage: Stage, failpoint: str, method: str, request_: Any
) -> None:
    if isinstance(request_, StartExecutionRequest):
        request_.execution_id = stage.wished["execution_id"][-1]
    settings = QUIET | {"PIPELINE_FAILPOINTS": f"{failpoint}=raise"}
    with (
        serving(stage.service.stack, settings) as broken,
        broken.channel(CALLERS[method]) as channel,
        structlog.testing.capture_logs() as logs,
    ):
        answer = call(channel, METHODS[method], request_.SerializeToString())
    stage.restore()

    assert isinstance(answer, Refusal)
    assert (answer.code, answer.reason) == (CODE.INTERNAL, "INTERNAL")
    assert failpoint not in answer.message
    (failed,) = [line for line in logs if line["event"] == "rpc_failed"]
    assert failpoint in str(failed["exc_info"])
    assert failed["request_id"] in answer.message


def test_defect_about_one_report_of_many_is_the_answer_to_that_one(stage: Stage) -> None:
    name = "montage.v1.ExecutionService.ReportExecutions"
    start = StartExecutionRequest(execution_id=stage.wished["execution_id"][-1], claim=str(uuid4()), dispatch_no=1)
    unknown = StartExecutionRequest(execution_id=str(uuid4()), claim=str(uuid4()), dispatch_no=1)
    reports = ReportExecutionsRequest(reports=[ExecutionReport(start=start), ExecutionReport(start=unknown)])
    with (
        serving(stage.service.stack, QUIET | {"PIPELINE_FAILPOINTS": "batch.after_commit=raise"}) as broken,
        broken.channel(CALLERS[name]) as channel,
        structlog.testing.capture_logs() as logs,
    ):
        answer: Any = call(channel, METHODS[name], reports.SerializeToString())
    stage.restore()

    assert [one.error.code for one in answer.answers] == [CODE.INTERNAL.value[0], CODE.NOT_FOUND.value[0]]
    assert "after_commit" not in str(answer)
    assert "batch.after_commit" in str([line["exc_info"] for line in logs if line["event"] == "report_failed"])


def test_watch_hears_of_changes_at_once_and_of_a_stop(stage: Stage) -> None:
    name = "montage.v1.PipelineService.WatchPipeline"
    settings = QUIET | {"PIPELINE_WATCH_HEARTBEAT_S": "0.1"}
    with serving(stage.service.stack, settings) as other, other.channel(CALLERS[name]) as channel:
        stub: Any = PipelineServiceStub(channel)
        stream = stub.WatchPipeline(WatchPipelineRequest(name="pipelines/film"), timeout=20)
        snapshot = next(stream).snapshot
        beat = next(update.heartbeat for update in stream if update.HasField("heartbeat"))
        stub.UpdatePipeline(UpdatePipelineRequest(pipeline={"name": "pipelines/film", "title": "New"}))
        events = (update.event for update in stream if update.HasField("event"))
        event = next(event for event in events if event.type == EVENT_TYPE_PIPELINE_UPDATED)
        other.thread.do(other.life.close())
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
    stage.restore()

    refusal = refusal_of(ended.value)
    # The replica looked at its timers when it started, and may have told of that.
    assert event.sequence > beat.sequence >= snapshot.sequence
    assert (refusal.code, refusal.reason) == (CODE.UNAVAILABLE, "UNAVAILABLE")
    assert "watch again" in refusal.message


def test_the_messages_take_nine_of_ten_branches_of_transport_and_wire(
    stage: Stage, branches: Branches, tmp_path: Path
) -> None:
    taken = branches.taken(tmp_path)

    print(f"{taken.taken} of {taken.branches} branches; missed:", *taken.missed, sep="\n  ")
    assert taken.taken >= 0.9 * taken.branches, "run the whole file: the messages of every method count"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", METHODS)
def test_any_of_many_messages_is_answered_or_refused_in_words(stage: Stage, name: str) -> None:
    seed = random.SystemRandom().getrandbits(32)

    print(f"{name}, seed {seed}: {dict(try_messages(stage, name, seed=seed, examples=MANY_EXAMPLES))}")


def try_messages(stage: Stage, name: str, *, seed: int, examples: int) -> Counter[str]:
    """Call a method again and again. Answers how often it said what."""
    codes: Counter[str] = Counter()
    channel, rows = stage.channel(CALLERS[name]), stage.rows()
    for number in range(examples):
        rng = Random(f"{seed}/{name}/{number}")
        maker = Maker(rng=rng, texts=stage.texts, wished=stage.wished, spoiled=rng.choice((0.0, 0.0, 0.0, 0.1, 0.5)))
        message = maker.message(METHODS[name].input_type)
        if rng.random() < 0.5:
            maker.spoil_one(message)
        payload = message.SerializeToString()
        if rng.random() < 0.1:
            payload = damaged(payload, rng)
        answer = call(channel, METHODS[name], payload)
        after = stage.rows()
        if isinstance(answer, Refusal):
            said = f"seed {seed}, {number}: {answer} to {text_format.MessageToString(message)[:2000]} {payload[:200]!r}"
            check_refusal(answer, said)
            assert after == rows, f"was refused and changed a row: {said}"
        else:
            check_parts(answer)
            if after != rows:
                # A damaged payload says something else than the message that it was made of.
                sent = type(message).FromString(payload)
                assert not getattr(sent, "validate_only", False), f"a rehearsal changed a row: {sent}"
                check_repeat(answer, sent, partial(call, channel, METHODS[name]), payload)
                stage.restore()
                after = stage.rows()
        codes[answer.code.name if isinstance(answer, Refusal) else "OK"] += 1
        rows = after
    return codes


def check_parts(answer: Any) -> None:
    """Of many reports in one call none met a defect."""
    for one in getattr(answer, "answers", ()):
        assert one.error.code != CODE.INTERNAL.value[0], one


def check_repeat(answer: Message, message: Any, again: Callable[[bytes], Message | Refusal], payload: bytes) -> None:
    """What was done under a request id is not done twice, but answered as before; other bytes under it are refused."""
    if getattr(message, "request_id", ""):
        assert again(payload) == answer, message
        other = again(payload + UNKNOWN_FIELD)
        assert isinstance(other, Refusal)
        assert (other.code, other.reason) == (CODE.ALREADY_EXISTS, "REQUEST_ID_REUSED"), message


def check_refusal(refusal: Refusal, said: str) -> None:
    """A program can tell what is wrong, and a person as well."""
    assert refusal.code in REFUSALS, said
    assert refusal.reason, said
    assert refusal.domain == "montage", said
    assert 5 < len(refusal.message) <= 1024, said
    if refusal.code is CODE.INVALID_ARGUMENT:
        assert refusal.fields, said
        assert all(refusal.fields.values()), said
