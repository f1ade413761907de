"""Wires the endpoint: journal, workers, the two servers, and the way in which all of it ends."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from devstack.lambda_endpoint.events import Events, RetryPolicy
from devstack.lambda_endpoint.faults import Faults
from devstack.lambda_endpoint.invoke_api import InvokeApi, make_server
from devstack.lambda_endpoint.journal import Journal
from devstack.lambda_endpoint.pool import Pool
from devstack.lambda_endpoint.runtime_api import RuntimeApi
from devstack.lambda_endpoint.worker import Function
from devstack.s3.credentials import AccessKey, Credential

_POLL_S = 0.1
"""How soon the server notices that it shall stop."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """All that can be chosen."""

    host: str
    port: int
    """0 takes a free one."""
    data: Path
    credentials: Mapping[AccessKey, Credential]
    principals: frozenset[str]
    """Who of them may invoke."""
    functions: tuple[Function, ...]
    workers: int
    """Per function."""
    retry: RetryPolicy
    faults: Faults
    fault_seed: int


class Endpoint:
    """The running endpoint."""

    def __init__(self, options: Options) -> None:
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = Journal(options.data / "events")
        self._runtime_api = RuntimeApi()
        self._pools = {
            function.name: Pool(function, workers=options.workers, api=self._runtime_api)
            for function in options.functions
        }
        self._events = Events(
            journal=self._journal,
            pools=self._pools,
            retry=options.retry,
            faults=options.faults,
            chance=random.Random(options.fault_seed),  # noqa: S311 - repeatable faults, not secrets
            failure_file=options.data / "on-failure.jsonl",
        )
        api = InvokeApi(
            credentials=options.credentials,
            principals=options.principals,
            pools=self._pools,
            events=self._events,
        )
        self._server = make_server((options.host, options.port), api.answer)
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="invoke-api", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Take up unfinished events, then accept requests."""
        self._runtime_api.start()
        for pool in self._pools.values():
            pool.start()
        self._events.resume()
        self._thread.start()

    def stop(self) -> None:
        """End the workers and everything they started; unfinished events wait on disk for the next start."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for pool in self._pools.values():
            pool.stop()
        self._runtime_api.stop()
        self._journal.close()
