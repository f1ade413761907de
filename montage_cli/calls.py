"""One call to the service: a deadline always, repeats where repeating is safe, errors as MontageError."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import uuid4

import grpc
from google.rpc import error_details_pb2

from montage_cli.connection import Connection
from montage_cli.errors import FieldViolation, MontageError, Status
from servicekit.grpc_retry import RetryPolicy, call, error_reason, field_violations, rich_status


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """How patient the client is."""

    connect_patience_s: float = 4.0
    """How long the first call is repeated: a wrong address should not cost long."""
    patience_s: float = 30.0
    """The same once the service has answered: one that restarts is back within seconds."""
    attempt_s: float = 10.0
    """Deadline of a single try."""
    watch_patience_s: float = 120.0
    """How long a watch tries to come back without hearing anything."""
    watch_silence_s: float = 60.0
    """After so long without a word, heartbeats included, a stream is taken for dead and resumed."""
    watch_deadline_s: float = 240.0
    """Deadline of a single stream; it is resumed afterwards."""


PAGE_SIZE = 200


class Caller:
    """Makes unary calls; `method` is always a method of a generated stub, and the answer its response."""

    def __init__(self, *, options: CallOptions, connection: Connection) -> None:
        self.options = options
        self._connection = connection
        self._was_answered = False

    async def safe(self, method: Any, request: object, *, attempt_s: float | None = None) -> Any:
        """A call that may be repeated: it only reads, or carries a request id. Raises MontageError."""

        async def attempt(*, timeout: float) -> Any:  # noqa: ARG001 # patience bounds the repeats, not the work of one try
            return await method(request, timeout=attempt_s or self.options.attempt_s)

        patience_s = self.options.patience_s if self._was_answered else self.options.connect_patience_s
        return await self._answer_of(call(attempt, policy=RetryPolicy(deadline_s=patience_s)))

    async def pages(self, method: Any, request: Any) -> AsyncIterator[Any]:
        """All pages of a list, each fetched when the one before was used up."""
        while True:
            page = await self.safe(method, request)
            yield page
            if not page.next_page_token:
                return
            if page.next_page_token == request.page_token:
                raise MontageError("the service answered the same page twice", status=Status.INTERNAL)
            request.page_token = page.next_page_token

    def refuse(self, error: grpc.aio.AioRpcError) -> NoReturn:
        """Raise what came back as MontageError."""
        raise as_montage_error(error, self._connection) from error

    async def _answer_of(self, pending: Awaitable[Any]) -> Any:
        try:
            answer = await pending
        except grpc.aio.AioRpcError as error:
            self._was_answered = self._was_answered or error_reason(error) is not None
            self.refuse(error)
        self._was_answered = True
        return answer


def new_request_id() -> str:
    """Makes a change safe to repeat: the service answers the same id with what it answered first."""
    return str(uuid4())


def as_montage_error(error: grpc.aio.AioRpcError, connection: Connection) -> MontageError:
    """Everything that a gRPC error says, in our words where the service itself did not answer."""
    status = Status(error.code().name)
    reason = error_reason(error) or ""
    message = error.details() or status.value
    if not reason and status is Status.UNAVAILABLE:
        message = f"cannot reach the service at {connection.address} (from {connection.origin}): {message}"
    elif not reason and status is Status.DEADLINE_EXCEEDED:
        message = f"the service at {connection.address} did not answer in time"
    return MontageError(
        message,
        status=status,
        reason=reason,
        violations=[FieldViolation(field=field, description=text) for field, text in field_violations(error)],
        omitted_violations=_omitted_violations(error),
        resource=_resource(error),
    )


def _omitted_violations(error: grpc.aio.AioRpcError) -> int:
    status = rich_status(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info) and info.metadata.get("violations_omitted", "").isdecimal():
            return int(info.metadata["violations_omitted"])
    return 0


def _resource(error: grpc.aio.AioRpcError) -> str:
    status = rich_status(error)
    info = error_details_pb2.ResourceInfo()
    found = any(detail.Unpack(info) for detail in status.details) if status else False
    return info.resource_name if found else ""
