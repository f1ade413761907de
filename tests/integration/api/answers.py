"""Calls a method by its name with whatever bytes, and reads what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.patience import PATIENCE_S

QUIET_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A call that was refused, with all that its caller is told."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    domain: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def call(channel: grpc.Channel, method: MethodDescriptor, payload: bytes) -> Message | Refusal:
    """The answer, or why there is none. Of a stream: the last of what comes soon."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    answer = message_class(method.output_type)()
    codec: dict[str, Any] = {"request_serializer": _as_it_is, "response_deserializer": type(answer).FromString}
    try:
        if method.server_streaming:
            for update in channel.unary_stream(path, **codec)(payload, timeout=QUIET_S):
                answer = update
        else:
            answer = channel.unary_unary(path, **codec)(payload, timeout=PATIENCE_S)
    except grpc.RpcError as error:
        refused = refusal_of(error)
        # A stream in which nothing more happens is no refusal.
        is_quiet = method.server_streaming and refused.code is grpc.StatusCode.DEADLINE_EXCEEDED
        return answer if is_quiet else refused
    return answer


def refusal_of(error: Any) -> Refusal:
    """Everything that an RpcError says."""
    status = rpc_status.from_call(error)
    details: Sequence[Any] = status.details if status is not None else ()
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in details:
        if not detail.Unpack(info):
            detail.Unpack(bad_request)
    return Refusal(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        fields={one.field: one.description for one in bad_request.field_violations},
    )


@cache
def message_class(descriptor: Any) -> type[Message]:
    """The class of a message type: generated classes and their descriptors share one pool."""
    found: type[Message] = message_factory.GetMessageClass(descriptor)
    return found


def _as_it_is(payload: bytes) -> bytes:
    return payload
