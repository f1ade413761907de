"""The life of an asynchronous invocation: accepted to disk, run at least once, retried or recorded as failed."""

import json
import os
import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from devstack.lambda_endpoint.due_queue import QueueFullError
from devstack.lambda_endpoint.faults import Faults, decide
from devstack.lambda_endpoint.invocation import Outcome, RequestId, Task
from devstack.lambda_endpoint.journal import EntryId, Event, Journal
from devstack.lambda_endpoint.pool import Pool
from devstack.lambda_endpoint.runtime_api import function_arn


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What follows a run that ended with an error of the function."""

    max_attempts: int
    """Further runs; AWS's MaximumRetryAttempts."""
    wait_s: float
    """Before the first of them; the second waits twice as long, as on AWS."""


class Events:
    """All asynchronous invocations of one endpoint."""

    def __init__(
        self,
        *,
        journal: Journal,
        pools: Mapping[str, Pool],
        retry: RetryPolicy,
        faults: Faults,
        chance: random.Random,
        failure_file: Path,
    ) -> None:
        self._journal = journal
        self._pools = pools
        self._retry = retry
        self._faults = faults
        self._chance = chance
        self._failure_file = failure_file
        self._failure_lock = threading.Lock()
        self._log = structlog.get_logger()

    def accept(self, function: str, payload: bytes) -> RequestId:
        """Promise to run `function`: when this returns, the promise is on disk. Raises QueueFullError."""
        request_id = RequestId(str(uuid.uuid4()))
        fate = decide(self._faults, self._chance)
        self._log.info("event_accepted", request_id=request_id, function=function, runs=fate.runs)
        event = Event(request_id=request_id, function=function, payload=payload, attempts=0)
        for _ in range(fate.runs):
            entry = self._journal.add(event)
            try:
                self._submit(entry, event, delay_s=fate.delay_s)
            except QueueFullError:
                self._journal.remove(entry)
                raise
        return request_id

    def resume(self) -> None:
        """Run again what an earlier endpoint on this folder had accepted and not finished."""
        for entry in self._journal.entries():
            event = self._journal.read(entry)
            if event.function in self._pools:
                self._log.info("event_resumed", request_id=event.request_id, function=event.function)
                self._submit(entry, event, is_forced=True)
            else:
                self._log.warning("event_without_function", request_id=event.request_id, function=event.function)

    def _submit(self, entry: EntryId, event: Event, *, delay_s: float = 0.0, is_forced: bool = False) -> None:
        # The task keeps only the entry: payloads wait on disk and not in memory.
        bare = replace(event, payload=b"")
        task = Task(
            request_id=event.request_id,
            load=lambda: self._journal.read(entry).payload,
            finish=lambda outcome: self._finish(entry, bare, outcome),
        )
        self._pools[event.function].submit(task, delay_s=delay_s, is_forced=is_forced)

    def _finish(self, entry: EntryId, bare: Event, outcome: Outcome) -> None:
        attempts = bare.attempts + 1
        error_type = None if outcome.function_error is None else _error_type(outcome)
        self._log.info(
            "event_run", request_id=bare.request_id, function=bare.function, attempts=attempts, error_type=error_type
        )
        if outcome.function_error is None:
            self._journal.remove(entry)
            return
        event = replace(self._journal.read(entry), attempts=attempts)
        if attempts <= self._retry.max_attempts:
            self._journal.update(entry, event)
            self._submit(entry, event, delay_s=self._retry.wait_s * attempts, is_forced=True)
            return
        self._record_failure(event, outcome)
        self._journal.remove(entry)

    def _record_failure(self, event: Event, outcome: Outcome) -> None:
        """Add a line in the form of AWS's on-failure destinations; on disk when this returns."""
        line = json.dumps(_failure_record(event, outcome), separators=(",", ":")) + "\n"
        with self._failure_lock:
            # Only the owner may read it: the request holds capabilities.
            descriptor = os.open(self._failure_file, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())


def _failure_record(event: Event, outcome: Outcome) -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{function_arn(event.function)}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": json.loads(event.payload),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": outcome.function_error,
        },
        "responsePayload": json.loads(outcome.payload),
    }


def _error_type(outcome: Outcome) -> str:
    body = json.loads(outcome.payload)
    return str(body.get("errorType")) if isinstance(body, dict) else ""
