"""What `montage doctor` hears from the service: does it admit us, which version, which clock, and its needs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import node_service_pb2_grpc, pipeline_service_pb2_grpc
from montage.v1 import pipeline_service_pb2 as api

from montage_cli import __version__
from montage_cli.connection import Connection
from montage_cli.findings import Finding, Result, failed, ok, skipped, warning
from servicekit.grpc_health import TIME_HEADER, VERSION_HEADER
from servicekit.grpc_retry import error_reason

_PATIENCE_S = 5.0
_SKEW_WARNING_S = 5.0
_SKEW_FAILED_S = 60.0
"""Certificates, presigned URLs and leases of both sides should agree about what time it is."""
SERVICES = ("montage.v1.PipelineService", "montage.v1.NodeService")
NEEDS = {
    "montage.database": "database",
    "montage.nats": "NATS",
    "montage.work_queue": "work queue",
    "montage.store": "object store",
}
"""Names of health that the service keeps about what it needs, and how we call them."""
AFTER_ADMISSION = ("permitted", "version", "clock", *SERVICES, *NEEDS.values(), "vendors")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An answer of Health/Check."""

    is_serving: bool | None
    """None when the service does not know the name."""
    version: str
    skew_s: float | None
    """Its clock minus ours; None when it does not tell its time."""


async def ask_service(connection: Connection, *, clock: Callable[[], datetime]) -> AsyncIterator[Finding]:
    """`admitted`, then everything that an admitted caller can hear."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=connection.ca_cert.read_bytes(),
        private_key=connection.client_key.read_bytes(),
        certificate_chain=connection.client_cert.read_bytes(),
    )
    async with grpc.aio.secure_channel(connection.address, credentials) as channel:
        try:
            heard = await _check(channel, "", clock=clock)
        except grpc.aio.AioRpcError as err:
            is_hung_up = err.code() is grpc.StatusCode.UNAVAILABLE
            word = "the service hangs up on our certificate" if is_hung_up else err.code().name
            yield failed("admitted", f"{word}: {err.details()}")
            for check in AFTER_ADMISSION:
                yield skipped(check, "'admitted'")
            return
        yield ok("admitted", "the service takes our certificate")
        yield await _permitted(channel)
        yield _version(heard.version)
        yield _clock(heard.skew_s)
        for finding in await _health(channel, clock=clock):
            yield finding
        yield await _vendors(channel)


async def _check(channel: grpc.aio.Channel, name: str, *, clock: Callable[[], datetime]) -> Heard:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    asked = clock()
    call = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=_PATIENCE_S)
    headers = dict(await call.initial_metadata() or ())
    answered = clock()
    try:
        status = (await call).status
    except grpc.aio.AioRpcError as err:
        if err.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        status = None
    told = headers.get(TIME_HEADER)
    return Heard(
        is_serving=None if status is None else status == health_pb2.HealthCheckResponse.SERVING,
        version=headers.get(VERSION_HEADER, ""),
        # Half-way between asking and hearing is the best guess of when it looked at its clock.
        skew_s=(datetime.fromisoformat(told) - (asked + (answered - asked) / 2)).total_seconds() if told else None,
    )


async def _permitted(channel: grpc.aio.Channel) -> Finding:
    stub: Any = pipeline_service_pb2_grpc.PipelineServiceStub(channel)
    try:
        await stub.ListPipelines(api.ListPipelinesRequest(page_size=1), timeout=_PATIENCE_S)
    except grpc.aio.AioRpcError as err:
        words = f"{error_reason(err) or err.code().name}: {err.details()}"
        refusals = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}
        return failed("permitted", words) if err.code() in refusals else warning("permitted", words)
    return ok("permitted", "may list pipelines")


def _version(version: str) -> Finding:
    if version == __version__:
        return ok("version", f"{version}, as this program")
    return warning("version", f"the service is {version or 'of a version that it does not tell'}, we are {__version__}")


def _clock(skew_s: float | None) -> Finding:
    if skew_s is None:
        return warning("clock", "the service does not tell its time")
    apart_s = abs(skew_s)
    words = f"ours is {apart_s:.1f} s {'behind' if skew_s > 0 else 'ahead of'} that of the service"
    if apart_s < _SKEW_WARNING_S:
        return ok("clock", words)
    return failed("clock", words) if apart_s > _SKEW_FAILED_S else warning("clock", words)


async def _health(channel: grpc.aio.Channel, *, clock: Callable[[], datetime]) -> Sequence[Finding]:
    named = {**{name: name for name in SERVICES}, **NEEDS}
    heard = await asyncio.gather(*(_check(channel, name, clock=clock) for name in named), return_exceptions=True)
    return [_serving(check, one) for check, one in zip(named.values(), heard, strict=True)]


def _serving(check: str, heard: Heard | BaseException) -> Finding:
    match heard:
        case grpc.aio.AioRpcError():
            return failed(check, f"{heard.code().name}: {heard.details()}")
        case BaseException():
            raise heard
        case Heard(is_serving=None):
            return Finding(check=check, result=Result.SKIPPED, saw="the service does not tell")
        case Heard(is_serving=True):
            return ok(check, "serving" if check in SERVICES else "there")
    return failed(check, "not serving" if check in SERVICES else "the service does not reach it")


async def _vendors(channel: grpc.aio.Channel) -> Finding:
    """How much each vendor is asked to do; a warning when one is left alone, or does not answer."""
    stub: Any = node_service_pb2_grpc.NodeServiceStub(channel)
    try:
        answer = await stub.ListVendors(node_api.ListVendorsRequest(), timeout=_PATIENCE_S)
    except grpc.aio.AioRpcError as err:
        if err.code() is grpc.StatusCode.UNIMPLEMENTED:
            return Finding(check="vendors", result=Result.SKIPPED, saw="the service does not tell")
        return warning("vendors", f"{error_reason(err) or err.code().name}: {err.details()}")
    words = "; ".join(map(_one_vendor, answer.vendors))
    is_well = all(
        one.breaker == node_api.BREAKER_STATE_CLOSED and not one.HasField("left_alone_until") for one in answer.vendors
    )
    return ok("vendors", words) if is_well else warning("vendors", words)


def _one_vendor(one: node_api.Vendor) -> str:
    key = f" (key of {one.owner})" if one.owner else ""
    words = f"{one.vendor}{key} {one.in_use} of {one.concurrency}"
    if one.breaker != node_api.BREAKER_STATE_CLOSED:
        words += ", does not answer"
    if one.HasField("left_alone_until"):
        words += f", left alone until {one.left_alone_until.ToDatetime():%H:%M:%S} UTC"
    return words
