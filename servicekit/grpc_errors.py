"""One shape for every error that leaves a gRPC server, and the interceptor that makes it of exceptions.

A service passes one table from its exceptions to RpcError. What is not in the table is a defect: the whole cause goes
to the log, the caller gets INTERNAL, a bland message and an id to quote.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn, TypeAlias

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from servicekit.grpc_handlers import Context, HandlerWrapper

# gRPC carries message and details in trailing headers, and its clients refuse more than 8 KiB of those unless told
# otherwise. In the message every byte that is not printable ASCII becomes three.
MAX_MESSAGE_CHARS = 1024
MAX_MESSAGE_HEADER_BYTES = 2 * 1024
MAX_STATUS_BYTES = 5 * 1024
# A violation quotes what was found, which may be as long as a request: alone it must fit.
MAX_FIELD_BYTES = 512
MAX_DESCRIPTION_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class FieldViolation:
    """One field that breaks a rule."""

    field: str
    """Path in the request, e.g. `pipeline.nodes[3].inputs`."""
    description: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PreconditionViolation:
    """One condition of the present state that is not met."""

    type: str
    subject: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What the error is about."""

    type: str
    name: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class RpcError:
    """An answer that is an error, as a value. `reason` is UPPER_SNAKE_CASE and stable, `message` is for people."""

    code: grpc.StatusCode
    reason: str
    message: str
    fields: tuple[FieldViolation, ...] = ()
    preconditions: tuple[PreconditionViolation, ...] = ()
    resource: Resource | None = None
    retry_after: timedelta | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    max_status_bytes: int = MAX_STATUS_BYTES
    """More only where callers are known to take it; ServiceChannel takes 64 KiB."""

    def to_status(self, domain: str) -> status_pb2.Status:
        """As `google.rpc.Status`, ErrorInfo first. Field violations that do not fit into a header are only counted."""
        kept = len(self.fields)
        status = self._status(domain, kept)
        while kept > 1 and status.ByteSize() > self.max_status_bytes:
            kept //= 2
            status = self._status(domain, kept)
        return status

    def _status(self, domain: str, kept: int) -> status_pb2.Status:
        metadata = dict(self.metadata)
        if kept < len(self.fields):
            metadata["violations_omitted"] = str(len(self.fields) - kept)
        details: list[Message] = [error_details_pb2.ErrorInfo(reason=self.reason, domain=domain, metadata=metadata)]
        if self.fields:
            details.append(_bad_request(self.fields[:kept]))
        if self.preconditions:
            details.append(_precondition_failure(self.preconditions))
        if self.resource is not None:
            details.append(_resource_info(self.resource))
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(self.retry_after)
            details.append(retry)
        return status_pb2.Status(
            code=self.code.value[0],
            message=_header_text(self.message),
            details=[_packed(detail) for detail in details],
        )


ErrorTable: TypeAlias = Mapping[type[Exception], Callable[[Exception], RpcError]]


def lookup(table: ErrorTable, error: Exception) -> RpcError | None:
    """The answer for `error` by the nearest class of it that the table names."""
    for kind in type(error).__mro__:
        answer = table.get(kind)
        if answer is not None:
            return answer(error)
    return None


async def abort(context: Context, error: RpcError, *, domain: str) -> NoReturn:
    """End the call with `error`."""
    await context.abort_with_status(  # type: ignore[attr-defined] # missing in the type stubs
        rpc_status.to_status(error.to_status(domain))
    )
    raise AssertionError("abort_with_status returned")


class ErrorInterceptor(HandlerWrapper):
    """Answers the exceptions of handlers. Goes outermost, so that a defect of an interceptor is answered as well."""

    def __init__(self, *, domain: str, table: ErrorTable, on_error: Callable[[str, str], None] | None = None) -> None:
        """`on_error(method, code)` is called for every error answered here, for counting."""
        super().__init__()
        self._domain = domain
        self._table = table
        self._on_error = on_error
        self._log = structlog.get_logger("servicekit.grpc")

    def around(self, method: str, context: Context) -> AbstractAsyncContextManager[None]:
        return self._answering(method, context)

    @asynccontextmanager
    async def _answering(self, method: str, context: Context) -> AsyncIterator[None]:
        try:
            yield
        except (grpc.aio.AbortError, asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # the last place that can turn a defect into an answer
            answer = lookup(self._table, error) or self._defect(method, error)
            if self._on_error is not None:
                self._on_error(method, answer.code.name)
            await abort(context, answer, domain=self._domain)

    def _defect(self, method: str, error: Exception) -> RpcError:
        request_id = str(uuid.uuid4())
        self._log.error("rpc_failed", method=method, request_id=request_id, exc_info=error)
        return RpcError(
            code=grpc.StatusCode.INTERNAL,
            reason="INTERNAL",
            message=f"Internal error {request_id}; the cause is in the log of the service.",
            metadata={"request_id": request_id},
        )


def _header_text(text: str) -> str:
    """As much of a message as a header takes."""
    left = MAX_MESSAGE_HEADER_BYTES
    for place, character in enumerate(text[:MAX_MESSAGE_CHARS]):
        left -= 1 if " " <= character <= "~" else 3 * len(character.encode())
        if left < 0:
            return text[:place]
    return text[:MAX_MESSAGE_CHARS]


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _bad_request(fields: tuple[FieldViolation, ...]) -> error_details_pb2.BadRequest:
    kind = error_details_pb2.BadRequest.FieldViolation
    return error_details_pb2.BadRequest(
        field_violations=[
            kind(
                field=_cut(one.field, MAX_FIELD_BYTES),
                description=_cut(one.description, MAX_DESCRIPTION_BYTES),
                reason=one.reason,
            )
            for one in fields
        ]
    )


def _precondition_failure(violations: tuple[PreconditionViolation, ...]) -> error_details_pb2.PreconditionFailure:
    kind = error_details_pb2.PreconditionFailure.Violation
    return error_details_pb2.PreconditionFailure(
        violations=[kind(type=one.type, subject=one.subject, description=one.description) for one in violations]
    )


def _resource_info(resource: Resource) -> error_details_pb2.ResourceInfo:
    return error_details_pb2.ResourceInfo(
        resource_type=resource.type,
        resource_name=_cut(resource.name, MAX_FIELD_BYTES),
        description=_cut(resource.description, MAX_DESCRIPTION_BYTES),
    )
