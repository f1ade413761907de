"""Node type invoke-lambda: a function of the user's own, which reports its result as the media function does.

It is somebody else's program, so it gets nothing of ours but addresses: one to read each input, one to write its
output once, one for a manifest, and one to call back. Each is good for this execution alone.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

from executor_service.executors import config_values
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.lambda_media import MAX_EVENT_BYTES
from executor_service.integrations.aws_lambda import INVOKE_TIMEOUT_S, LambdaFunctions
from executor_service.task import AwaitingCallback, JsonValue, MediaType, Output, Progress, Task
from servicekit.object_store import ObjectStore, PresignedPut

Function: TypeAlias = tuple[LambdaFunctions, str]
"""Who invokes it, and its ARN."""

MAX_ADDRESS_LIFE = timedelta(days=7)
"""Of a presigned address, by the rules of AWS."""
_LATE = timedelta(minutes=10)
"""How long an address outlives the time limit: an event may lie in the queue of Lambda."""
_SUFFIXES = {
    MediaType.TEXT: ".txt",
    MediaType.JSON: ".json",
    MediaType.IMAGE: ".png",
    MediaType.AUDIO: ".mp3",
    MediaType.VIDEO: ".mp4",
}
_PATCHED = ("tooling-job", "test-run")
"""Families whose results are put into a job that is there; all others are posted."""


class InvokeLambda:
    """`functions` by the operator's names; `store` signs addresses as the functions reach it."""

    def __init__(self, functions: Mapping[str, Function], store: ObjectStore) -> None:
        self._functions = functions
        self._store = store

    async def execute(self, task: Task, context: Context) -> AwaitingCallback:
        """Invoke it once for this claim. It may run twice all the same: callbacks are fenced, outputs written once."""
        functions, arn = self._function(task)
        event = json.dumps(function_event(task, context, self._store)).encode()
        if len(event) > MAX_EVENT_BYTES:
            raise invalid(f"invoke-lambda: inputs and payload make {len(event)} bytes, more than {MAX_EVENT_BYTES}")
        context.report_progress(Progress(stage="invoking"))
        await context.failpoints.hit("executor.before_invoke")
        context.lease.require(INVOKE_TIMEOUT_S)
        await functions.invoke_event(arn, event)
        await context.failpoints.hit("executor.after_invoke")
        return AwaitingCallback()

    def _function(self, task: Task) -> Function:
        name = config_values.text(task.config, "functionName") or ""
        if name not in self._functions:
            known = ", ".join(sorted(self._functions)) or "none"
            raise invalid(f"config.functionName: this executor has no function '{name[:64]}'; there are: {known}")
        return self._functions[name]


def function_event(task: Task, context: Context, store: ObjectStore) -> dict[str, object]:
    """All that a function is told. What the user wrote stays below `payload`, where it can pose as nothing of ours."""
    limit_s = config_values.number(task.config, "timeoutSeconds", low=1, high=86_400) or 900
    life = min(timedelta(seconds=limit_s) + _LATE, MAX_ADDRESS_LIFE)
    kind = config_values.text(task.config, "kind")
    key = f"{context.key_prefix}output{_suffix(task)}"
    return {
        "executor_type": task.node_type,
        "node_uuid": task.node_uid,
        "process_uuid": context.execution_id,
        "kind": kind,
        "draft": task.config.get("draft") is True,
        "payload": _payload(task),
        "inputs": [{"slot": one.slot, "node": one.node, **_input(one.output, store, life)} for one in task.inputs],
        "output": {"s3_key": key, **_put(store.presign_put_once(key, expires=life))},
        "manifest": _put(store.presign_put_once(f"{context.key_prefix}result.json", expires=life)),
        "callback_url": context.callback_url,
        "traceparent": context.traceparent,
        "progress_url": context.progress_url or None,
        "render_data_url": context.render_data_url or None,
        "callback_method": "PATCH" if kind in _PATCHED else "POST",
        "timeout_seconds": limit_s,
    }


def _payload(task: Task) -> JsonValue:
    payload = task.config.get("payload")
    if payload is not None and not isinstance(payload, Mapping):
        raise invalid("config.payload: expected an object")
    return payload or {}


def _input(source: Output, store: ObjectStore, life: timedelta) -> dict[str, object]:
    facts: dict[str, object] = {
        "type": source.type.value,
        "content_type": source.content_type,
        "size": source.size_bytes,
        "sha256": source.sha256 or None,
    }
    if source.content:
        return {**facts, "content": source.content}
    return {**facts, "url": store.presign_get(source.s3_key, expires=life)}


def _put(address: PresignedPut) -> dict[str, object]:
    return {"url": address.url, "headers": dict(address.headers)}


def _suffix(task: Task) -> str:
    told = config_values.text(task.config, "outputType") or MediaType.JSON.value
    if told not in list(MediaType):
        raise invalid(f"config.outputType: expected {', '.join(MediaType)}, found {told!r}")
    return _SUFFIXES[MediaType(told)]
