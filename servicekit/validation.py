"""Requests that break a rule stated in their contract are refused before a handler sees them."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from protovalidate import Validator, Violation

from servicekit.grpc_errors import FieldViolation, RpcError, abort
from servicekit.grpc_handlers import Context, Handler, HandlerWrapper

MAX_QUOTED = 80
"""Characters of a wrong value that are shown."""


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Stands for a request whose bytes are no message of its type."""

    problem: str


class MessageValidator:
    """protovalidate with its rules compiled once per message type (9 ms each, 3-46 µs from then on)."""

    def __init__(self, warm_up: Iterable[type[Message]] = (), *, patterns: Mapping[str, str] | None = None) -> None:
        """Compiles the rules of `warm_up` now, so that no caller waits for it and a broken rule stops the start.

        `patterns` says in words what a regular expression of the contract takes.
        """
        self._validator = Validator()
        self._patterns = dict(patterns or {})
        for kind in warm_up:
            self._validator.collect_violations(kind())

    def violations(self, message: Message) -> tuple[FieldViolation, ...]:
        """All rules that `message` breaks; empty when it is valid."""
        return tuple(self._violation(one) for one in self._validator.collect_violations(message))

    def _violation(self, violation: Violation) -> FieldViolation:
        proto = violation.proto
        return FieldViolation(field=_path(proto.field), description=self._words(violation), reason=proto.rule_id)

    def _words(self, violation: Violation) -> str:
        """What was expected; the library's own words where they are for people."""
        rule, value = violation.proto.rule_id, violation.rule_value
        if rule == "string.pattern" and value in self._patterns:
            return f"expected {self._patterns[value]}; found '{str(violation.field_value)[:MAX_QUOTED]}'"
        if rule == "string.not_contains" and value == "\x00":
            return "expected text without the character U+0000"
        if rule == "enum.not_in":
            return "expected one of its values; none was given"
        return str(violation.proto.message)


class ValidationInterceptor(HandlerWrapper):
    """INVALID_ARGUMENT with every broken rule, and for bytes that are no message of the method.

    RESOURCE_EXHAUSTED for a request above the limit of its method.
    """

    def __init__(
        self,
        *,
        domain: str,
        validator: MessageValidator,
        max_request_bytes: int,
        max_request_bytes_of: Mapping[str, int] | None = None,
    ) -> None:
        """`max_request_bytes_of` names the methods that may carry more (or less) than `max_request_bytes`."""
        super().__init__()
        self._domain = domain
        self._validator = validator
        self._max_request_bytes = max_request_bytes
        self._max_request_bytes_of = dict(max_request_bytes_of or {})

    def around(self, method: str, context: Context) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 # nothing to do around
        return nullcontext()

    def wrap(self, method: str, handler: Handler) -> Handler:
        wrapped: Any = super().wrap(method, handler)
        # Left to gRPC, an error of the parser is answered before any wrapper runs: UNKNOWN, and without a reason.
        readable: Handler = wrapped._replace(request_deserializer=_reading(wrapped.request_deserializer))
        return readable

    async def check_request(self, method: str, request: Any, context: Context) -> None:
        if isinstance(request, Unreadable):
            await abort(context, _unreadable(request), domain=self._domain)
        limit = self._max_request_bytes_of.get(method, self._max_request_bytes)
        size = request.ByteSize()
        if size > limit:
            await abort(context, _too_large(method, size, limit), domain=self._domain)
        violations = self._validator.violations(request)
        if violations:
            await abort(context, invalid_request(violations), domain=self._domain)


def invalid_request(violations: tuple[FieldViolation, ...]) -> RpcError:
    """INVALID_ARGUMENT with every rule that a message breaks."""
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return RpcError(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason="INVALID_FIELD",
        message=f"{first.field or 'request'}: {first.description}{more}",
        fields=violations,
    )


def _reading(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(payload: bytes) -> Any:
        try:
            return parse(payload)
        except DecodeError as error:
            return Unreadable(problem=str(error))

    return read


def _unreadable(request: Unreadable) -> RpcError:
    return RpcError(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason="INVALID_FIELD",
        message=f"The request cannot be read: {request.problem}.",
        fields=(FieldViolation(field="", description=request.problem),),
    )


def _too_large(method: str, size: int, limit: int) -> RpcError:
    return RpcError(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason="REQUEST_TOO_LARGE",
        message=f"{method} takes requests of at most {limit} bytes, this one has {size}.",
    )


def _path(path: Any) -> str:
    """`a.b[3].c["key"]` of a FieldPath; empty for a rule about the whole message."""
    parts: list[str] = []
    for element in path.elements if path is not None else ():
        parts.append(f".{element.field_name}" if parts else element.field_name)
        subscript = element.subscript
        if subscript is not None:
            parts.append(f"[{subscript.value!r}]".replace("'", '"'))
    return "".join(parts)
