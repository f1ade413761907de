"""Node type noop, for tests and benchmarks: waits, then fails, answers a few bytes or has somebody call back."""

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import timedelta

from executor_service.executors import config_values
from executor_service.executors.artifacts import store_troubles
from executor_service.executors.config_values import invalid, require_provider
from executor_service.executors.context import Context
from executor_service.executors.executor import PaidExecutor, Result
from executor_service.executors.noop_vendors import NoopVendors
from executor_service.task import AwaitingCallback, ErrorType, GiveUp, MediaType, Output, RetryLater, Task
from servicekit.object_store import ObjectStore

_CONTENT_BYTES = 200
_UPLOAD_S = 10.0


class Noop:
    """Config: `seconds` to wait; `fail`, an error class to give up with, or `retry_later`; `output`, any JSON;
    `nonce`, anything that makes the node another one; `inline`, to answer in the report itself and name this process;
    `vendor`, the address of somebody who will call back."""

    def __init__(self, store: ObjectStore, *, bought: Mapping[str, PaidExecutor]) -> None:
        """`bought` by the provider that is paid for it."""
        self._store = store
        self._vendors = NoopVendors()
        self._bought = bought

    async def ask(self, task: Task, context: Context) -> Result:
        require_provider(task, tuple(self._bought))
        return await self._bought[task.provider].ask(task, context)

    async def execute(self, task: Task, context: Context) -> Result:
        require_provider(task, ("local", *self._bought))
        if task.provider in self._bought:
            return await self._bought[task.provider].execute(task, context)
        if task.config.get("inline"):
            return _inline(task)
        vendor = config_values.text(task.config, "vendor")
        if vendor is not None:
            await self._vendors.submit(vendor, task, context)
            return AwaitingCallback()
        await asyncio.sleep(config_values.number(task.config, "seconds", low=0, high=3600) or 0)
        _fail_if_asked(task)
        content = noop_content(task)
        await context.failpoints.hit("executor.before_upload")
        context.lease.require(_UPLOAD_S)
        key = f"{context.key_prefix}output.json"
        with store_troubles(key):
            stored = await self._store.put_bytes(key, content, content_type="application/json")
        await context.failpoints.hit("executor.after_upload")
        return Output(
            type=MediaType.JSON,
            s3_key=key,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256 or "",
            content_type="application/json",
        )


def _inline(task: Task) -> Output:
    content = noop_content(task, pid=os.getpid())
    return Output(
        type=MediaType.JSON,
        s3_key="",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content_type="application/json",
        content=content.decode(),
    )


def noop_content(task: Task, **more: object) -> bytes:
    """The same for the same node, about 200 bytes."""
    body = {"node": task.node_uid, "nonce": task.config.get("nonce"), "output": task.config.get("output"), **more}
    return json.dumps(body, sort_keys=True).ljust(_CONTENT_BYTES).encode()


def _fail_if_asked(task: Task) -> None:
    wanted = config_values.text(task.config, "fail")
    if wanted is None:
        return
    if wanted == "retry_later":
        raise RetryLater(timedelta(seconds=1), "as config.fail asks")
    if wanted not in set(ErrorType):
        raise invalid(f"config.fail: expected retry_later or {', '.join(ErrorType)}, found {wanted!r}")
    raise GiveUp(ErrorType(wanted), "failed as config.fail asks", "details as a tool would give them")
