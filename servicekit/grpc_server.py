"""A grpc.aio server that is safe by default: mutual TLS, access rules, health, reflection, limits, a drain on stop."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from servicekit.access import AccessInterceptor, AccessTable, Allow, check_every_method_has_a_rule
from servicekit.grpc_calls import CallInterceptor, CountAnswer
from servicekit.grpc_errors import ErrorInterceptor, ErrorTable
from servicekit.grpc_health import StampedHealth
from servicekit.tracing import Tracer
from servicekit.validation import MessageValidator, ValidationInterceptor

HEALTH_SERVICE = "grpc.health.v1.Health"
REFLECTION_SERVICE = "grpc.reflection.v1alpha.ServerReflection"
HEALTH_METHODS = tuple(f"/{HEALTH_SERVICE}/{method}" for method in ("Check", "List", "Watch"))
REFLECTION_METHOD = f"/{REFLECTION_SERVICE}/ServerReflectionInfo"

SLACK_BYTES = 64 * 1024

Register: TypeAlias = Callable[[Any], None]
"""Adds one servicer, e.g. `lambda server: add_ThingServiceServicer_to_server(servicer, server)`."""
CountCall: TypeAlias = Callable[[str, str], None]
"""Called with (method, code or reason)."""


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """What one peer may ask of the server."""

    max_request_bytes: int = 1024 * 1024
    max_request_bytes_of: Mapping[str, int] | None = None
    """Methods with a limit of their own, by full method name."""
    max_response_bytes: int = 16 * 1024 * 1024
    max_metadata_bytes: int = 8 * 1024
    max_concurrent_streams: int = 128
    max_concurrent_rpcs: int = 256
    connection_age_s: float = 300.0
    """How long a revoked identity can go on with its connection."""
    connection_age_grace_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Drain:
    """How a stop goes: tell health checkers, let them look away, then let running calls end."""

    notice_s: float = 3.0
    grace_s: float = 20.0


class GrpcServer:
    """Built with everything, then `start`ed once and `stop`ped once."""

    def __init__(
        self,
        *,
        listen: str,
        credentials: grpc.ServerCredentials,
        services: Sequence[Register],
        access: AccessTable,
        reflection_access: Allow,
        domain: str,
        errors: ErrorTable,
        version: str = "",
        validator: MessageValidator | None = None,
        limits: ServerLimits | None = None,
        drain: Drain | None = None,
        on_error: CountCall | None = None,
        on_refusal: CountCall | None = None,
        on_answer: CountAnswer | None = None,
        tracer: Tracer | None = None,
        begins_traces: Collection[str] = (),
    ) -> None:
        """Bind nothing yet. Raises MissingRule when a method of `services` has no entry in `access`.

        `listen` is host:port, port 0 takes a free one. Health may be asked by everyone who has a certificate,
        reflection by `reflection_access`. `validator` knows the rules of the contract. `domain` goes into every
        ErrorInfo, `version` into answers of Health/Check. `begins_traces` are the methods with which a trace begins
        where the caller has none.
        """
        limits = limits or ServerLimits()
        self._listen = listen
        self._drain = drain or Drain()
        self._health: Any = StampedHealth(version=version)
        self._log = structlog.get_logger("servicekit.grpc")
        table = (
            dict(access)
            | dict.fromkeys(HEALTH_METHODS, Allow(any_identity=True))
            | {REFLECTION_METHOD: reflection_access}
        )
        # The order is the order in which a call passes them:
        # 0. calls: what any of the others answers is counted, timed and seen in its trace;
        # 1. errors: whatever fails further in, an interceptor included, is answered in one shape;
        # 2. access: somebody who may not call costs nothing more and learns nothing from validation;
        # 3. validation: a handler sees only requests that keep the contract.
        interceptors = (
            CallInterceptor(tracer=tracer or Tracer(), begins=begins_traces, on_answer=on_answer),
            ErrorInterceptor(domain=domain, table=errors, on_error=on_error),
            AccessInterceptor(table=table, domain=domain, on_refusal=on_refusal),
            ValidationInterceptor(
                domain=domain,
                validator=validator or MessageValidator(),
                max_request_bytes=limits.max_request_bytes,
                max_request_bytes_of=limits.max_request_bytes_of,
            ),
        )
        self._server = grpc.aio.server(
            interceptors=interceptors,
            options=_options(limits),
            maximum_concurrent_rpcs=limits.max_concurrent_rpcs,
        )
        self.service_names = self._register(services, table)
        self._port = self._server.add_secure_port(listen, credentials)

    @property
    def port(self) -> int:
        """The port that is bound, also when `listen` asked for any free one."""
        return self._port

    async def start(self) -> int:
        """Serve, every service SERVING. Returns the bound port."""
        await self._server.start()
        for name in self.service_names:
            await self.set_serving(name, serving=True)
        self._log.info("grpc_listening", listen=self._listen, port=self._port, services=self.service_names)
        return self._port

    async def set_serving(self, service: str, *, serving: bool) -> None:
        """What health says about `service` ("" is the whole server)."""
        status = health_pb2.HealthCheckResponse
        await self._health.set(service, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self) -> None:
        """Drain: NOT_SERVING, wait for the notice, refuse new calls, give running ones the grace."""
        await self._health.enter_graceful_shutdown()
        if self._drain.notice_s > 0:
            await asyncio.sleep(self._drain.notice_s)
        await self._server.stop(self._drain.grace_s)
        self._log.info("grpc_stopped", port=self._port)

    def _register(self, services: Sequence[Register], table: AccessTable) -> tuple[str, ...]:
        recorder = _Recorder(self._server)
        for register in services:
            register(recorder)
        names = tuple(recorder.services)
        reflected = (*names, HEALTH_SERVICE, REFLECTION_SERVICE)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, recorder)
        describer: Any = reflection.aio.ReflectionServicer(reflected)  # type: ignore[attr-defined] # as above
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(describer, recorder)
        check_every_method_has_a_rule(recorder.methods, table)
        return names


class _Recorder:
    """Passes registrations on to the server and remembers what was registered."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._inner: Any = server  # generated code registers by methods that the type stubs lack
        self.services: list[str] = []
        self.methods: list[str] = []

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:
        self._inner.add_generic_rpc_handlers(generic_rpc_handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Any]) -> None:
        # Not passed on: the generic handlers serve the same methods, and for each call grpc.aio would wait for every
        # registered method anew, which with 50 of them costs as much as a small query.
        self.services.append(service_name)
        self.methods.extend(f"/{service_name}/{method}" for method in method_handlers)


def _options(limits: ServerLimits) -> list[tuple[str, int]]:
    largest = max((limits.max_request_bytes, *(limits.max_request_bytes_of or {}).values()))
    return [
        # What is a little too large is refused by us, in words; more than that by gRPC, before it is held in memory.
        ("grpc.max_receive_message_length", largest + SLACK_BYTES),
        ("grpc.max_send_message_length", limits.max_response_bytes),
        ("grpc.max_metadata_size", limits.max_metadata_bytes),
        ("grpc.max_concurrent_streams", limits.max_concurrent_streams),
        ("grpc.max_connection_age_ms", int(limits.connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(limits.connection_age_grace_s * 1000)),
        # Clients may ping once a minute while calls run; more is a flood.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.keepalive_permit_without_calls", 0),
        # Two processes must not share a port by accident: the second has to fail.
        ("grpc.so_reuseport", 0),
    ]
