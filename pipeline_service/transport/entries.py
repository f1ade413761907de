"""Calls that carry many reports: each is answered by itself."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from pipeline_service.commands.reporting import Reporter
from pipeline_service.domain.engine.reports import Answer, ExecutionReport
from pipeline_service.transport.errors import ERRORS
from servicekit.grpc_errors import RpcError, lookup
from servicekit.validation import MessageValidator, invalid_request

Entry = TypeVar("Entry", bound=Message)
Told = TypeVar("Told", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Entries(Generic[Entry, Told]):
    """How the entries of a call are read and answered."""

    validator: MessageValidator
    read: Callable[[Entry], Awaitable[ExecutionReport]]
    """Raises what the entry is refused with."""
    tell: Callable[[ExecutionReport, Answer], Told]
    refuse: Callable[[Entry, RpcError], Told]

    async def answer(self, entries: Sequence[Entry], reporter: Reporter) -> list[Told]:
        """The answers, in the order of the entries. An entry's error is its own answer, and leaves the others alone."""
        read = [await self._read(entry) for entry in entries]
        answers = iter(await reporter.report_all([one for one in read if not isinstance(one, RpcError)]))
        return [
            self.refuse(entry, one) if isinstance(one, RpcError) else self._tell(entry, one, next(answers))
            for entry, one in zip(entries, read, strict=True)
        ]

    async def _read(self, entry: Entry) -> ExecutionReport | RpcError:
        violations = self.validator.violations(entry)
        if violations:
            return invalid_request(violations)
        try:
            return await self.read(entry)
        except Exception as error:
            return _refusal(error)

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
