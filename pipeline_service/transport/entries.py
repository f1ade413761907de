"""Calls that carry many reports: each is answered by itself."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

import grpc
import structlog
from google.protobuf.message import Message

from pipeline_service.commands.reporting import Reporter
from pipeline_service.domain.engine.reports import Answer, ExecutionReport, Traced
from pipeline_service.domain.replacing import replace
from pipeline_service.transport.errors import ERRORS
from servicekit.grpc_errors import RpcError, lookup
from servicekit.tracing import Kind, Tracer, below, new_span_id, read_context
from servicekit.validation import MessageValidator, invalid_request


class TracedMessage(Protocol):
    """A message of the contract that may say whose work it belongs to."""

    @property
    def traceparent(self) -> str: ...


Entry = TypeVar("Entry", bound=TracedMessage)
Told = TypeVar("Told", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Entries(Generic[Entry, Told]):
    """How the entries of a call are read and answered."""

    validator: MessageValidator
    read: Callable[[Entry], Awaitable[ExecutionReport]]
    """Raises what the entry is refused with."""
    tell: Callable[[ExecutionReport, Answer], Told]
    refuse: Callable[[Entry, RpcError], Told]
    tracer: Tracer
    call: Callable[[Entry], str]
    """What the entry would be called, were it a call of its own."""

    async def answer(self, entries: Sequence[Entry], reporter: Reporter) -> list[Told]:
        """The answers, in the order of the entries. An entry's error is its own answer, and leaves the others alone."""
        began_ns = time.time_ns()
        read = [await self._read(entry) for entry in entries]
        answers = iter(await reporter.report_all([one for one in read if not isinstance(one, RpcError)]))
        for entry, one in zip(entries, read, strict=True):
            if isinstance(one, Traced) and one.trace:
                self.tracer.record(
                    self.call(entry),
                    parent=read_context(entry.traceparent),
                    span_id=one.trace[36:52],
                    kind=Kind.SERVER,
                    start_ns=began_ns,
                    attributes={"rpc.system": "grpc", "montage.execution": str(one.execution_id)},
                )
        return [
            self.refuse(entry, one) if isinstance(one, RpcError) else self._tell(entry, one, next(answers))
            for entry, one in zip(entries, read, strict=True)
        ]

    async def _read(self, entry: Entry) -> ExecutionReport | RpcError:
        violations = self.validator.violations(cast("Message", entry))
        if violations:
            return invalid_request(violations)
        try:
            return self._followed(entry, await self.read(entry))
        except Exception as error:
            return _refusal(error)

    def _followed(self, entry: Entry, report: ExecutionReport) -> ExecutionReport:
        """The report, in the context of a span of its own, where somebody follows it."""
        if not entry.traceparent or not isinstance(report, Traced):
            return report
        parent = read_context(entry.traceparent)
        return replace(report, trace=below(parent, new_span_id())) if self.tracer.wants(parent) else report

    def _tell(self, entry: Entry, report: ExecutionReport, answer: Answer | Exception) -> Told:
        try:
            if isinstance(answer, Exception):
                raise answer
            return self.tell(report, answer)
        except Exception as error:
            return self.refuse(entry, _refusal(error))


def _refusal(error: Exception) -> RpcError:
    """What an entry's error says to its caller. One that no table knows is a defect: logged whole, answered blandly."""
    answer = lookup(ERRORS, error)
    if answer is None:
        structlog.get_logger("pipeline_service.reports").error("report_failed", exc_info=error)
        answer = RpcError(
            code=grpc.StatusCode.INTERNAL,
            reason="INTERNAL",
            message="Internal error; the cause is in the service's log.",
        )
    return answer
