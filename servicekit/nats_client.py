"""A NATS connection that finds its way back by itself, and the few JetStream calls that services share."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, PubAck, StreamConfig, StreamInfo

from servicekit.config import read_secret
from servicekit.nats_steady import SteadyClient
from servicekit.tls import InvalidTlsFiles, TlsFiles, client_ssl_context, refresh_ssl_context

DEFAULT_PORT = 4222
# What a connection may hold back while the broker is away; past that a publish fails, and its caller keeps the message.
REFUSED_PERMISSION = "permission"
"""What a broker does not let its user say or hear: a wrong set-up, or somebody who tries."""
PENDING_BYTES = 2 * 1024 * 1024


class NatsUnavailable(ConnectionError):
    """The broker did not answer in time; whether a publish arrived is unknown."""


class NatsRefused(NatsUnavailable):
    """The broker is there and does not admit us, or we don't trust it; waiting does not help."""


@dataclass(frozen=True, kw_only=True)
class NatsAddress:
    """Where the broker is and who we are there."""

    url: str
    """tls://host:port, or nats://host:port for a broker without TLS."""
    user: str
    password_file: Path
    inbox_prefix: str
    """`_INBOX_<user>`: the user may subscribe to nothing else for answers."""
    tls: TlsFiles | None = None
    """Required by tls://."""


async def connect(
    address: NatsAddress,
    *,
    name: str,
    timeout_s: float = 5.0,
    on_error: Callable[[str], None] | None = None,
    reconnect_wait_s: float = 0.25,
    client: Client | None = None,
) -> Client:
    """Connect once (raises NatsUnavailable, ConfigError or InvalidTlsFiles), from then on reconnect for ever.

    `client` is one that is not connected yet, or not any more; None makes one.

    `on_error(kind)` is called for every error of the connection. A refused permission shows only there, as
    REFUSED_PERMISSION; the call itself just times out.
    """
    await _probe(address.url, timeout_s)
    events = _Events(name, on_error)
    options: dict[str, Any] = {
        "user": address.user,
        "password": read_secret(address.password_file),
        "inbox_prefix": address.inbox_prefix,
    }
    if urlsplit(address.url).scheme == "tls":
        if address.tls is None:
            raise ValueError(f"{address.url} needs TLS files")
        options["tls"] = client_ssl_context(address.tls)
        events.before_reconnect = functools.partial(refresh_ssl_context, options["tls"], address.tls)
        options["tls_hostname"] = urlsplit(address.url).hostname
    client = client or SteadyClient()
    connecting = client.connect(
        servers=[address.url],
        name=name,
        error_cb=events.on_error,
        disconnected_cb=events.on_disconnected,
        reconnected_cb=events.on_reconnected,
        connect_timeout=max(int(timeout_s), 1),
        max_reconnect_attempts=-1,
        reconnect_time_wait=reconnect_wait_s,  # type: ignore[arg-type] # declared int, used as seconds in sleep
        ping_interval=10,
        max_outstanding_pings=2,
        pending_size=PENDING_BYTES,
        drain_timeout=10,
        # Every subject is one of ours, or a reply address that the broker has made.
        skip_subject_validation=True,
        **options,
    )
    try:
        await _first_time(connecting, events, timeout_s)
    except (TimeoutError, OSError, nats.errors.Error) as err:
        await client.close()
        kind = NatsRefused if _is_refusal(err) else NatsUnavailable
        raise kind(f"cannot connect to {address.url} as {address.user}: {type(err).__name__}") from err
    return client


async def close(client: Client, *, timeout_s: float = 10.0) -> None:
    """Drain (let what was received be handled and what was published leave), then close, within `timeout_s`."""
    if client.is_connected and not client.is_draining:
        with contextlib.suppress(TimeoutError, nats.errors.Error):
            async with asyncio.timeout(timeout_s):
                await client.drain()
    if not client.is_closed:
        await client.close()


async def check_connected(client: Client) -> None:
    """A readiness check: raises NatsUnavailable when the broker does not answer now."""
    if not client.is_connected:
        raise NatsUnavailable("not connected")
    try:
        await client.flush(timeout=2)
    except (nats.errors.Error, TimeoutError) as err:
        raise NatsUnavailable("no answer to a ping") from err


async def ensure_stream(jetstream: JetStreamContext, config: StreamConfig) -> StreamInfo:
    """Create the stream, or bring it to `config` where it exists. Safe to repeat and to race."""
    if config.name is None:
        raise ValueError("a stream needs a name")
    try:
        await jetstream.stream_info(config.name)
    except nats.js.errors.NotFoundError:
        with contextlib.suppress(nats.js.errors.BadRequestError):  # another process was first: update to ours below
            return await jetstream.add_stream(config)
    return await jetstream.update_stream(config)


async def ensure_consumer(jetstream: JetStreamContext, stream: str, config: ConsumerConfig) -> ConsumerInfo:
    """Create the durable consumer, or bring it to `config` where it exists. Safe to repeat."""
    return await jetstream.add_consumer(stream, config)


async def publish(
    jetstream: JetStreamContext,
    subject: str,
    payload: bytes,
    *,
    message_id: str,
    stream: str,
    timeout_s: float = 5.0,
    headers: Mapping[str, str] | None = None,
) -> PubAck:
    """Publish and wait until the stream has it. Raises NatsUnavailable, which means "unknown".

    The same `message_id` inside the stream's duplicate window is stored once; outside of it, or after it was consumed
    from a work queue, it is stored again: a reader must not rely on it.
    """
    try:
        return await jetstream.publish(
            subject, payload, timeout=timeout_s, stream=stream, headers=_headers(message_id, headers)
        )
    except (nats.errors.Error, TimeoutError) as err:
        raise NatsUnavailable(f"no confirmation for message {message_id}: {type(err).__name__}") from err


async def publish_all(
    client: Client,
    messages: Sequence["OutgoingMessage"],
    *,
    stream: str,
    timeout_s: float = 5.0,
) -> None:
    """Publish all without waiting for each, then wait until the stream has the last one. Raises NatsUnavailable.

    A connection's messages are taken in their order, so that one confirmation speaks for those before it; asking for
    each costs more than publishing. It says nothing about a message that the stream refused for itself, such as one
    that is too large: whoever must know of those uses `publish`. The error means "unknown", for each of them.
    """
    *others, last = messages
    try:
        for message in others:
            await client.publish(
                message.subject, message.payload, headers=_headers(message.message_id, message.headers)
            )
    except (nats.errors.Error, TimeoutError) as err:
        raise NatsUnavailable(f"{len(messages)} messages not sent: {type(err).__name__}") from err
    await publish(
        client.jetstream(),
        last.subject,
        last.payload,
        message_id=last.message_id,
        stream=stream,
        timeout_s=timeout_s,
        headers=last.headers,
    )


@dataclass(frozen=True, kw_only=True)
class OutgoingMessage:
    """One message for publish_all."""

    subject: str
    payload: bytes
    message_id: str
    headers: Mapping[str, str] | None = None


async def _first_time(connecting: Coroutine[Any, Any, None], events: "_Events", timeout_s: float) -> None:
    """Connect or raise. The client, told to try for ever, would also try for ever with a wrong password."""
    task = asyncio.ensure_future(connecting)
    either: set[asyncio.Future[Any]] = {task, events.first_error}
    try:
        await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_decided = task.done()
        if not is_decided:
            task.cancel()
            await asyncio.wait({task})
    if not is_decided:
        raise events.first_error.result() if events.first_error.done() else TimeoutError
    await task


def _is_refusal(error: Exception) -> bool:
    """While it connects, the client tells of a wrong password by its text alone."""
    return isinstance(error, ssl.SSLCertVerificationError) or "authorization violation" in str(error).lower()


class _Events:
    def __init__(self, name: str, on_error: Callable[[str], None] | None) -> None:
        self._name = name
        self._on_error = on_error
        self._log = structlog.get_logger("servicekit.nats")
        self.before_reconnect: Callable[[], None] | None = None
        self.first_error: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def on_error(self, error: Exception) -> None:
        if not self.first_error.done():
            self.first_error.set_result(error)
        self._log.warning("nats_error", connection=self._name, kind=type(error).__name__, error=str(error))
        if self._on_error is not None:
            self._on_error(_kind(error))

    async def on_disconnected(self) -> None:
        self._log.warning("nats_disconnected", connection=self._name)
        if self.before_reconnect is not None:
            try:
                self.before_reconnect()
            except InvalidTlsFiles as err:
                self._log.error("tls_reload_failed", connection=self._name, error=str(err))

    async def on_reconnected(self) -> None:
        self._log.info("nats_reconnected", connection=self._name)


def _kind(error: Exception) -> str:
    """The client tells of a refused permission by its text alone."""
    return REFUSED_PERMISSION if "permissions violation" in str(error).lower() else type(error).__name__


def _headers(message_id: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    return {**(headers or {}), "Nats-Msg-Id": message_id}


async def _probe(url: str, timeout_s: float) -> None:
    """Whether anyone listens. The client itself would wait two seconds after a refused first connection."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or DEFAULT_PORT)
    except (OSError, TimeoutError) as err:
        raise NatsUnavailable(f"nobody listens at {url}: {type(err).__name__}") from err
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
