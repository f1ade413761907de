"""Runs the endpoint: `python -m devstack.lambda_endpoint --listen 127.0.0.1:0 --data DIR --credentials FILE …`."""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import click
import structlog

from devstack.lambda_endpoint.app import Endpoint, Options
from devstack.lambda_endpoint.events import RetryPolicy
from devstack.lambda_endpoint.faults import Faults, parse_faults
from devstack.lambda_endpoint.journal import JournalInUseError
from devstack.lambda_endpoint.worker import Function
from devstack.s3.credentials import AccessKey, Credential, CredentialsError, load_credentials

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--listen", required=True, help="HOST:PORT; port 0 takes a free one.")
@click.option("--data", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where events are kept.")
@click.option("--credentials", required=True, type=_FILE, help="JSON list of {access_key, secret_key, principal}.")
@click.option("--principal", "principals", multiple=True, help="Who of them may invoke; repeatable; default: everyone.")
@click.option("--function", "functions", required=True, multiple=True, help="NAME=package.module:function; repeatable.")
@click.option(
    "--environment-file",
    "environments",
    multiple=True,
    help="[NAME=]FILE: JSON object, all that function NAME, or any other one, has as environment; repeatable.",
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes per function.")
@click.option("--timeout-s", default=900.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--max-retry-attempts", default=0, show_default=True, type=click.IntRange(0, 2))
@click.option("--retry-wait-s", default=60.0, show_default=True, type=click.FloatRange(min=0))
@click.option("--fault", "faults", multiple=True, help="drop=P, duplicate=P or delay=SECONDS, for tests; repeatable.")
@click.option("--fault-seed", default=0, show_default=True, help="Makes faults repeatable.")
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help='Gets {"port": N} once listening.')
def main(
    listen: str,
    data: Path,
    credentials: Path,
    principals: tuple[str, ...],
    functions: tuple[str, ...],
    environments: tuple[str, ...],
    workers: int,
    timeout_s: float,
    max_retry_attempts: int,
    retry_wait_s: float,
    faults: tuple[str, ...],
    fault_seed: int,
    ready_file: Path | None,
) -> None:
    """Run functions as AWS Lambda would, in processes of their own."""
    _log_json()
    if ready_file:
        ready_file.unlink(missing_ok=True)
    host, port = _address(listen)
    environment_of = dict(_environment(text) for text in environments)
    known = _credentials(credentials)
    options = Options(
        host=host,
        port=port,
        data=data,
        credentials=known,
        principals=frozenset(principals or (credential.principal for credential in known.values())),
        functions=tuple(_function(text, timeout_s=timeout_s, environment_of=environment_of) for text in functions),
        workers=workers,
        retry=RetryPolicy(max_attempts=max_retry_attempts, wait_s=retry_wait_s),
        faults=_faults(faults),
        fault_seed=fault_seed,
    )
    _serve(options, ready_file)


def _serve(options: Options, ready_file: Path | None) -> None:
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    try:
        endpoint = Endpoint(options)
    except (OSError, JournalInUseError) as error:
        raise click.ClickException(str(error)) from error
    endpoint.start()
    log = structlog.get_logger()
    log.info("lambda_listening", port=endpoint.port, functions=[function.name for function in options.functions])
    if ready_file:
        _write_atomically(ready_file, json.dumps({"port": endpoint.port}))
    is_over.wait()
    endpoint.stop()
    if ready_file:
        ready_file.unlink(missing_ok=True)
    log.info("lambda_stopped")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"expected HOST:PORT, found {text!r}", param_hint="--listen")
    return host, int(port)


def _function(text: str, *, timeout_s: float, environment_of: Mapping[str, Mapping[str, str]]) -> Function:
    name, _, handler = text.partition("=")
    module, _, function = handler.partition(":")
    if not name or not module or not function:
        raise click.BadParameter(f"expected NAME=package.module:function, found {text!r}", param_hint="--function")
    environment = environment_of.get(name, environment_of.get("", {}))
    return Function(name=name, handler=handler, timeout_s=timeout_s, environment=environment)


def _environment(text: str) -> tuple[str, dict[str, str]]:
    """Whose it is, empty for all that have none of their own, and what it holds."""
    name, separator, file = text.partition("=")
    path = Path(file) if separator else Path(text)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"cannot read {path}: {error.strerror}", param_hint="--environment-file") from error
    except ValueError as error:
        raise click.BadParameter(f"{path}: expected JSON", param_hint="--environment-file") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise click.BadParameter(f"{path}: expected an object of texts", param_hint="--environment-file")
    return name if separator else "", found


def _credentials(path: Path) -> dict[AccessKey, Credential]:
    try:
        return load_credentials(path)
    except CredentialsError as error:
        raise click.BadParameter(str(error), param_hint="--credentials") from error


def _faults(words: tuple[str, ...]) -> Faults:
    try:
        return parse_faults(words)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error


def _write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def _log_json() -> None:
    """One JSON object per line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
