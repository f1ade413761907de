"""The processes of a stack as data: what each runs, in which environment, when it is ready, what it waits for."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from devstack.buckets import ensure_bucket
from devstack.layout import EXAMPLE_FUNCTION, MEDIA_FUNCTION, Layout, repository_root
from devstack.place import Place
from devstack.readiness import Probe, file_appears, http_answers_ok, never
from devstack.service_environments import (
    executor_environment,
    gateway_environment,
    internal_environment,
    lambda_environment,
    migrate_environment,
    pipeline_environment,
    s3_environment,
    variables_of,
)
from devstack.supervisor import ProcessSpec

INHERITED = ("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""All that a process sees of the environment around the stack."""


@dataclass(frozen=True, kw_only=True)
class PythonProcess:
    """An entry of the table: `python -m <module> <arguments>`."""

    name: str
    module: str
    arguments: Callable[[Place], Sequence[str]]
    environment: Callable[[Place], Mapping[str, str]]
    probe: Callable[[Place], Probe]
    prefix: str | None = None
    """Of its settings; variables of `Place.inherited` that start so reach it, unless the table sets them."""
    after: tuple[str, ...] = ()
    stops_before: tuple[str, ...] = ()
    runs_once: bool = False
    once_ready: Callable[[Place], Awaitable[None]] | None = None
    stop_grace_s: float = 10.0


PYTHON_PROCESSES: tuple[PythonProcess, ...] = (
    PythonProcess(
        name="s3",
        module="devstack.s3",
        arguments=lambda place: [
            *("--listen", f"127.0.0.1:{place.addresses.ports.s3}", "--data", str(place.layout.s3)),
            *("--credentials", str(place.layout.s3_credentials), "--ready-file", str(place.ready_file("s3"))),
        ],
        environment=s3_environment,
        probe=lambda place: file_appears(place.ready_file("s3")),
        once_ready=lambda place: ensure_bucket(place.layout, port=place.addresses.ports.s3),
    ),
    PythonProcess(
        name="lambda",
        module="devstack.lambda_endpoint",
        arguments=lambda place: [
            *("--listen", f"127.0.0.1:{place.addresses.ports.lambda_endpoint}"),
            *("--data", str(place.layout.lambda_endpoint), "--credentials", str(place.layout.s3_credentials)),
            *("--ready-file", str(place.ready_file("lambda")), "--workers", "2"),
            *("--function", f"{MEDIA_FUNCTION}=media_lambda.handler:handler"),
            *("--principal", "executor", "--principal", "operator"),
            *("--environment-file", str(place.layout.media_environment)),
            *("--function", f"{EXAMPLE_FUNCTION}=examples.function.count_words:handler"),
            *("--environment-file", f"{EXAMPLE_FUNCTION}={place.layout.example_environment}"),
        ],
        environment=lambda_environment,
        probe=lambda place: file_appears(place.ready_file("lambda")),
    ),
    PythonProcess(
        name="migrate",
        module="pipeline_service",
        arguments=lambda _: ["migrate"],
        prefix="PIPELINE_",
        environment=migrate_environment,
        probe=lambda _: never,
        after=("postgres",),
        runs_once=True,
    ),
    PythonProcess(
        name="pipeline",
        module="pipeline_service",
        arguments=lambda _: [],
        prefix="PIPELINE_",
        environment=pipeline_environment,
        probe=lambda place: http_answers_ok(place.addresses.ports.pipeline_ops, "/readyz"),
        after=("postgres", "nats", "s3"),  # it waits for the migration itself
    ),
    PythonProcess(
        name="executor",
        module="executor_service",
        arguments=lambda _: [],
        prefix="EXECUTOR_",
        environment=executor_environment,
        probe=lambda place: http_answers_ok(place.addresses.ports.executor_ops, "/readyz"),
        # It waits for the pipeline service itself. Its imports run beside the migration, not beside initdb,
        # which everything waits for.
        after=("nats", "postgres"),
        stops_before=("pipeline", "lambda"),
    ),
    PythonProcess(
        name="gateway",
        module="callback_gateway",
        arguments=lambda _: [],
        prefix="GATEWAY_",
        environment=gateway_environment,
        probe=lambda place: http_answers_ok(place.addresses.ports.gateway_ops, "/readyz"),
        after=("postgres",),
        stops_before=("pipeline",),
    ),
    PythonProcess(
        name="internal",
        module="callback_gateway",
        arguments=lambda _: ["internal"],
        prefix="GATEWAY_INTERNAL_",
        environment=internal_environment,
        probe=lambda place: http_answers_ok(place.addresses.ports.internal_ops, "/readyz"),
        after=("postgres",),
        stops_before=("pipeline",),
    ),
)

SERVERS = ("postgres", "nats", "s3", "lambda")
SERVICES = ("migrate", "pipeline", "executor", "gateway")
ALL_PROCESSES = (*SERVERS, *SERVICES, "internal")
FILM_PROCESSES = SERVERS + SERVICES
"""All that a film needs."""


def python_spec(
    process: PythonProcess, place: Place, *, extra: Mapping[str, str], arguments: Sequence[str] = ()
) -> ProcessSpec:
    """The entry made concrete; `extra` are variables that add to its environment or replace parts of it."""
    once_ready = process.once_ready

    async def forget_readiness() -> None:
        place.ready_file(process.name).unlink(missing_ok=True)

    inherited = variables_of(process.prefix, place.inherited) if process.prefix else {}
    return ProcessSpec(
        name=process.name,
        argv=[sys.executable, "-m", process.module, *process.arguments(place), *arguments],
        environment=base_environment(place.layout) | inherited | dict(process.environment(place)) | dict(extra),
        probe=process.probe(place),
        log=place.layout.log(process.name),
        cwd=repository_root(),
        after=process.after,
        stops_before=process.stops_before,
        runs_once=process.runs_once,
        stop_grace_s=process.stop_grace_s,
        before_start=forget_readiness,
        once_ready=(lambda: once_ready(place)) if once_ready else None,
    )


def base_environment(layout: Layout) -> dict[str, str]:
    """What every Python process gets. Its home is the data folder, so that no dot-file of a user plays a part."""
    root = repository_root()
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return inherited | {
        "HOME": str(layout.data),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "protos" / "gen")]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }
