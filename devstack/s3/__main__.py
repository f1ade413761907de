"""Runs the server: `python -m devstack.s3 --listen 127.0.0.1:0 --data DIR --credentials FILE [--ready-file FILE]`."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import click
import structlog
import uvicorn

from devstack.s3.app import build_app
from devstack.s3.credentials import CredentialsError, load_credentials
from devstack.s3.files import CorruptFileError
from devstack.s3.storage import Store, StoreInUseError
from servicekit.telemetry import configure_logging

_SHUTDOWN_S: Final = 5
# Longer than clients keep pooled connections idle, so that none is closed under a request.
_KEEP_ALIVE_S: Final = 75


class _AnnouncingServer(uvicorn.Server):
    """A uvicorn server that tells when it accepts connections."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()


@click.command()
@click.option("--listen", required=True, help="HOST:PORT; port 0 takes a free one.")
@click.option("--data", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where objects are kept.")
@click.option(
    "--credentials",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON list of {access_key, secret_key, principal, allow?}; mode 0600.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help='Gets {"port": N, "pid": P} once connections are accepted.',
)
def main(listen: str, data: Path, credentials: Path, ready_file: Path | None) -> None:
    """Serve a small subset of S3 from a folder."""
    configure_logging(service="s3")
    signal.signal(signal.SIGTERM, _exit)
    if ready_file:
        ready_file.unlink(missing_ok=True)
    try:
        by_key = load_credentials(credentials)
        listener = _listen(listen)
        store = Store(data)
    except (CredentialsError, CorruptFileError, StoreInUseError, OSError) as err:
        raise click.ClickException(str(err)) from err
    port = listener.getsockname()[1]

    def announce() -> None:
        structlog.get_logger().info("s3_listening", port=port, data=str(data))
        if ready_file:
            _write_atomically(ready_file, json.dumps({"port": port, "pid": os.getpid()}))

    config = uvicorn.Config(
        build_app(store, data, by_key),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    server = _AnnouncingServer(config, announce)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    finally:
        store.close()
        if ready_file:
            ready_file.unlink(missing_ok=True)


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"expected HOST:PORT, found {address!r}", param_hint="--listen")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=512)


def _write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def _exit(_signal: int, _frame: object) -> NoReturn:
    """Leave through the `finally` blocks once uvicorn, which handles the signal first, has drained."""
    raise SystemExit(0)


if __name__ == "__main__":
    main()
