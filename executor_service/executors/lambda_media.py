"""Hands a media step to the FFmpeg function, which calls back when it is done; shared by mix, merge and compose."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from executor_service.executors.config_values import invalid, require_provider
from executor_service.executors.context import Context
from executor_service.integrations.aws_lambda import INVOKE_TIMEOUT_S, LambdaFunctions
from executor_service.task import AwaitingCallback, MediaType, Output, Progress, Task

MAX_EVENT_BYTES = 256 * 1024
"""What asynchronous invocations take everywhere; newer regions take four times that."""

Slots: TypeAlias = Mapping[str, tuple[Output, ...]]


class MediaFunction:
    """One Lambda function that reads from and writes to one bucket."""

    def __init__(self, functions: LambdaFunctions, *, function_name: str, bucket: str) -> None:
        self._functions = functions
        self._function_name = function_name
        self._bucket = bucket

    async def begin(self, task: Task, context: Context, slots: Slots) -> AwaitingCallback:
        """Invoke it once for this claim. It may run twice all the same: callbacks are fenced, outputs written once."""
        event = json.dumps(media_event(task, context, slots, bucket=self._bucket)).encode()
        if len(event) > MAX_EVENT_BYTES:
            raise invalid(f"{task.node_type}: inputs and config make {len(event)} bytes, more than {MAX_EVENT_BYTES}")
        context.report_progress(Progress(stage="invoking"))
        await context.failpoints.hit("executor.before_invoke")
        context.lease.require(INVOKE_TIMEOUT_S)
        await self._functions.invoke_event(self._function_name, event)
        await context.failpoints.hit("executor.after_invoke")
        return AwaitingCallback()


def media_event(task: Task, context: Context, slots: Slots, *, bucket: str) -> dict[str, object]:
    """The event as the function and the callback's readers know it; config keys stay camelCase."""
    inputs = {slot: [f"s3://{bucket}/{source.s3_key}" for source in sources] for slot, sources in slots.items()}
    event: dict[str, object] = {
        "executor_type": task.node_type,
        "node_uuid": task.node_uid,
        "process_uuid": context.execution_id,
        "inputs": inputs,
        "output_bucket": bucket,
        "output_key": f"{context.key_prefix}output.mp4",
        "callback_url": context.callback_url,
        "traceparent": context.traceparent,
        "config": {key: value for key, value in task.config.items() if key != "provider" and value is not None},
    }
    if context.progress_url:
        event["progress_url"] = context.progress_url
    if task.node_type == "merge-videos":
        event["input_videos"] = inputs["segments"]
    return event


def media_slots(task: Task, expected: Mapping[str, tuple[MediaType, ...]], *, many: bool = False) -> Slots:
    """The inputs of the expected slots. Gives up when one is missing, has too many, or is of the wrong kind."""
    require_provider(task, ("ffmpeg",))
    slots = {slot: task.inputs_of(slot) for slot in expected}
    for slot, sources in slots.items():
        if many and len(sources) < 2:
            raise invalid(f"inputs.{slot}: expected at least 2 nodes, found {len(sources)}")
        if not many and len(sources) != 1:
            raise invalid(f"inputs.{slot}: expected one node, found {len(sources)}")
        for source in sources:
            if source.type not in expected[slot]:
                raise invalid(f"inputs.{slot}: expected {' or '.join(expected[slot])}, found {source.type}")
    return slots
