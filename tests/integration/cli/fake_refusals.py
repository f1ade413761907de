"""Errors as the service answers them: a code, a reason, and what is wrong with which field."""

from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

Context = Any  # grpc.aio.ServicerContext, of which the stubs know only a part


async def refuse(
    context: Context,
    code: grpc.StatusCode,
    reason: str,
    message: str,
    *,
    violations: list[tuple[str, str]] | None = None,
    omitted: int = 0,
    resource: str = "",
) -> NoReturn:
    info = error_details_pb2.ErrorInfo(reason=reason, domain="montage")
    if omitted:
        info.metadata["violations_omitted"] = str(omitted)
    bad = error_details_pb2.BadRequest()
    for place, description in violations or ():
        bad.field_violations.add(field=place, description=description)
    details = []
    about = error_details_pb2.ResourceInfo(resource_name=resource)
    for detail in (info, bad, about):
        packed = any_pb2.Any()
        packed.Pack(detail)
        details.append(packed)
    status = status_pb2.Status(code=code.value[0], message=message, details=details)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status returned")
