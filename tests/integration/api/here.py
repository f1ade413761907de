"""The pipeline service inside the process of the tests, over its real neighbours: what it runs can be measured."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import grpc

from devstack.layout import DATABASE, SUPERUSER_ROLE
from devstack.ports import PortReservations
from devstack.stack import Stack, StackOptions
from pipeline_service.app import start
from pipeline_service.config import Settings
from servicekit.config import load_settings
from servicekit.lifecycle import Lifecycle
from servicekit.tls import TlsFiles, channel_credentials
from tests.stacks import running_stack

T = TypeVar("T")
NEIGHBOURS = ("postgres", "nats", "s3", "migrate")
OPTIONS = StackOptions(processes=(*NEIGHBOURS, "pipeline"), held_back=("pipeline",), test_types=True)
QUIET = {"PIPELINE_TIMER_INTERVAL_S": "3600", "PIPELINE_LOG_LEVEL": "critical"}
"""Nothing changes a row but what the test asks for."""


class Thread:
    """An event loop of its own, in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T], *, within_s: float = 60) -> T:
        """Run a coroutine there, wait here for what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass(frozen=True, kw_only=True)
class Service:
    """One replica, and the means to look at it from all sides."""

    thread: Thread
    life: Lifecycle
    stack: Stack
    address: str

    def credentials(self, identity: str) -> grpc.ChannelCredentials:
        files = self.stack.layout.tls(identity)
        return channel_credentials(TlsFiles(cert=files.cert, key=files.key, ca=files.ca))

    def channel(self, identity: str) -> grpc.Channel:
        """A blocking channel for a test without an event loop."""
        return grpc.secure_channel(self.address, self.credentials(identity))

    def async_channel(self, identity: str, *options: tuple[str, int]) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(self.address, self.credentials(identity), options=options)


@contextmanager
def neighbours() -> Iterator[Stack]:
    """Everything that the service needs, without the service."""
    with running_stack(OPTIONS) as stack:
        yield stack


@contextmanager
def serving(stack: Stack, settings: Mapping[str, str] = QUIET) -> Iterator[Service]:
    """Start a replica on ports of its own and stop it as a process would."""
    ports, thread = PortReservations(), Thread()
    address = f"127.0.0.1:{ports.reserve()}"
    environment = {name: value for name, value in stack.settings("pipeline").items() if name.startswith("PIPELINE_")}
    own = {"PIPELINE_LISTEN": address, "PIPELINE_OPS_LISTEN": f"127.0.0.1:{ports.reserve()}"}
    life = thread.do(_new_life())
    try:
        thread.do(start(load_settings(Settings, environment | own | dict(settings)), life))
        yield Service(thread=thread, life=life, stack=stack, address=address)
    finally:
        thread.do(life.close())
        thread.end()
        ports.release()


async def superuser(stack: Stack) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection that sees every table of the service."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=stack.addresses.ports.postgres,
        user=SUPERUSER_ROLE,
        password=stack.layout.postgres_password(SUPERUSER_ROLE).read_text(),
        database=DATABASE,
    )


async def _new_life() -> Lifecycle:
    return Lifecycle()
