"""Repeating idempotent calls until a deadline, and reading the details of the errors that come back."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import grpc
from google.rpc import error_details_pb2, status_pb2

Answer_co = TypeVar("Answer_co", covariant=True)
Answer = TypeVar("Answer")

_DETAILS_KEY = "grpc-status-details-bin"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# A server that stops cancels what it has; that CANCELLED is an AioRpcError, our own cancelling is a CancelledError.
_REPEATABLE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})


class Attempt(Protocol[Answer_co]):
    """One try of the call, within `timeout` seconds."""

    def __call__(self, *, timeout: float) -> Awaitable[Answer_co]: ...


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Full jitter between nothing and a ceiling that doubles."""

    deadline_s: float
    """For all tries together."""
    attempt_timeout_s: float = 10.0
    first_wait_s: float = 0.1
    max_wait_s: float = 2.0


async def call(
    attempt: Attempt[Answer],
    *,
    policy: RetryPolicy,
    rng: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Answer:
    """Make an idempotent call, `functools.partial(stub.Method, request)`, until it is answered or time is up.

    Repeats UNAVAILABLE and CANCELLED-by-the-server, RESOURCE_EXHAUSTED only when the server said when to come back. Not
    DEADLINE_EXCEEDED: that ends the call. Raises the last AioRpcError.
    """
    clock = asyncio.get_running_loop().time
    ends_at = clock() + policy.deadline_s
    ceiling_s = policy.first_wait_s
    while True:
        timeout = min(policy.attempt_timeout_s, max(ends_at - clock(), 0.001))
        try:
            return await attempt(timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise_if_cancelled(error)
            asked_s = retry_after_s(error)
            wait_s = rng() * ceiling_s if asked_s is None else asked_s
            if not (error.code() in _REPEATABLE or _pushed_back(error)) or clock() + wait_s >= ends_at:
                raise
        await sleep(wait_s)
        ceiling_s = min(ceiling_s * 2, policy.max_wait_s)


def raise_if_cancelled(error: grpc.aio.AioRpcError | None = None) -> None:
    """Go on with our own cancelling where gRPC told of it as an error, or as the end of a stream.

    It must never look like a server that stops.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def error_of(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """The error that a call of its own would have ended with, for an entry of a call that carried many."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    trailing = grpc.aio.Metadata((_DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=status.message, debug_error_string=None)


def rich_status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """The `google.rpc.Status` that came with the error, if any."""
    metadata: Any = error.trailing_metadata()  # a sequence of pairs, which the type stubs do not know
    for key, value in metadata or ():
        if key == _DETAILS_KEY:
            return status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode("latin-1"))
    return None


def error_reason(error: grpc.aio.AioRpcError) -> str | None:
    """`ErrorInfo.reason`, if any: what a program decides by."""
    info = error_details_pb2.ErrorInfo()
    return info.reason if _unpack(error, info) else None


def field_violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    """(field, description) of each violation the error lists."""
    request = error_details_pb2.BadRequest()
    _unpack(error, request)
    return [(one.field, one.description) for one in request.field_violations]


def retry_after_s(error: grpc.aio.AioRpcError) -> float | None:
    """How long the server asked us to wait, if it did."""
    retry = error_details_pb2.RetryInfo()
    if not _unpack(error, retry):
        return None
    delay = retry.retry_delay
    return max(float(delay.seconds) + float(delay.nanos) / 1e9, 0.0)


def _pushed_back(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s(error) is not None


def _unpack(
    error: grpc.aio.AioRpcError,
    into: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> bool:
    status = rich_status(error)
    return status is not None and any(detail.Unpack(into) for detail in status.details)
