"""A channel for calling another service: mutual TLS, a deadline on every call, retries, keepalive, rotation."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import grpc
import structlog

from servicekit.clock import Clock, SystemClock
from servicekit.tls import Fingerprint, InvalidTlsFiles, TlsFiles, channel_credentials

MAX_METADATA_BYTES = 64 * 1024

# A server that stops answers UNAVAILABLE; gRPC repeats those calls itself, unless most of them fail anyway.
_SERVICE_CONFIG = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)


@dataclass(frozen=True, kw_only=True)
class ChannelOptions:
    """How a channel behaves; the defaults suit calls between services."""

    default_deadline_s: float = 10.0
    """For calls that state none; without one gRPC would wait for ever."""
    default_stream_deadline_s: float = 3600.0
    """The same for calls whose answer is a stream."""
    server_name: str | None = None
    """Name that the server's certificate must carry, when it is not the host of the address."""
    max_request_bytes: int = 16 * 1024 * 1024
    max_response_bytes: int = 16 * 1024 * 1024
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 10.0
    max_reconnect_wait_s: float = 2.0
    rotation_check_s: float = 10.0
    """How often the certificate files are looked at; channels cannot reload them, so a new one takes over."""
    old_channel_grace_s: float = 60.0
    """How long calls on a replaced channel may go on."""


class ServiceChannel(grpc.aio.Channel):
    """A grpc.aio channel to one service; hand it to the generated stubs.

    It replaces the connection underneath when the certificate files change. Create it on the event loop that uses it.
    """

    def __init__(
        self, address: str, *, tls: TlsFiles, options: ChannelOptions | None = None, clock: Clock | None = None
    ) -> None:
        """`address` is host:port; connects with the first call. Raises InvalidTlsFiles."""
        self._address = address
        self._tls = tls
        self._options = options or ChannelOptions()
        self._clock = clock or SystemClock()
        self._log = structlog.get_logger("servicekit.grpc")
        self._retiring: set[asyncio.Task[None]] = set()
        self._seen = _fingerprint(tls)
        self._channel = self._connect()
        self._checked_at = self._clock.monotonic()

    def current(self) -> grpc.aio.Channel:
        """The channel for a new call: a fresh one if the certificate files changed since the last look."""
        now = self._clock.monotonic()
        if now - self._checked_at >= self._options.rotation_check_s:
            self._checked_at = now
            self._follow_rotation()
        return self._channel

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Callable(self, "unary_unary", (method, *args), kwargs, self._options.default_deadline_s)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Callable(self, "unary_stream", (method, *args), kwargs, self._options.default_stream_deadline_s)

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Callable(self, "stream_unary", (method, *args), kwargs, self._options.default_deadline_s)

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return _Callable(self, "stream_stream", (method, *args), kwargs, self._options.default_stream_deadline_s)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 # gRPC's signature
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until connected; bound it with `asyncio.timeout`."""
        await self.current().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close, after giving running calls `grace` seconds. Replaced channels are closed at once."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await self._channel.close(grace)

    async def __aenter__(self) -> "ServiceChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _connect(self) -> grpc.aio.Channel:
        options = _channel_arguments(self._options)
        return grpc.aio.secure_channel(self._address, channel_credentials(self._tls), options=options)

    def _follow_rotation(self) -> None:
        try:
            seen = _fingerprint(self._tls)
            if seen == self._seen:
                return
            fresh = self._connect()
        except InvalidTlsFiles as err:
            # Caught half-written, or broken: go on with the old certificate and look again.
            self._log.error("tls_reload_failed", address=self._address, error=str(err))
            return
        old, self._channel, self._seen = self._channel, fresh, seen
        retiring = asyncio.get_running_loop().create_task(_close(old, self._options.old_channel_grace_s))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)
        self._log.info("channel_renewed", address=self._address)


class _Callable:
    """What a stub keeps per method; finds the present channel at each call and fills in the default deadline."""

    def __init__(
        self, owner: ServiceChannel, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], default_deadline_s: float
    ) -> None:
        self._owner = owner
        self._kind = kind
        self._args = args
        self._kwargs = kwargs
        self._default_deadline_s = default_deadline_s
        self._channel: grpc.aio.Channel | None = None
        self._method: Any = None

    def __call__(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        channel = self._owner.current()
        if channel is not self._channel:
            self._channel, self._method = channel, getattr(channel, self._kind)(*self._args, **self._kwargs)
        return self._method(*args, timeout=self._default_deadline_s if timeout is None else timeout, **kwargs)


async def _close(channel: grpc.aio.Channel, grace_s: float) -> None:
    try:
        await channel.close(grace_s)
    except asyncio.CancelledError:
        await channel.close(None)
        raise


def _channel_arguments(options: ChannelOptions) -> list[tuple[str, int | str]]:
    arguments: list[tuple[str, int | str]] = [
        ("grpc.service_config", _SERVICE_CONFIG),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", int(options.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(options.keepalive_timeout_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(options.max_reconnect_wait_s * 1000)),
        ("grpc.max_send_message_length", options.max_request_bytes),
        ("grpc.max_receive_message_length", options.max_response_bytes),
        # Details of errors come as headers; a list of violations may be long.
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        # Channels to one address would share a connection, and with it the certificate that was just replaced.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if options.server_name is not None:
        arguments.append(("grpc.ssl_target_name_override", options.server_name))
    return arguments


def _fingerprint(files: TlsFiles) -> Fingerprint:
    try:
        return files.fingerprint()
    except OSError as err:
        raise InvalidTlsFiles(f"cannot read {err.filename}: {err.strerror}") from err
