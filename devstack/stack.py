"""A whole system on one machine, or a part of it: started in order, kept alive, stopped in order."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from devstack.addresses import Addresses, choose_ports, client_environment
from devstack.certificates import ensure_certificates
from devstack.external import ExternalServers
from devstack.layout import Layout, make_private_folder, write_private
from devstack.logs import keep_previous
from devstack.nats_server import nats_spec
from devstack.nursery_client import Launch, Nursery, Spawned
from devstack.place import Place
from devstack.ports import PortReservations
from devstack.postgres import find_home, folder_for_nobody, postgres_spec
from devstack.process_table import ALL_PROCESSES, FILM_PROCESSES, PYTHON_PROCESSES, base_environment, python_spec
from devstack.secret_files import ensure_secrets
from devstack.service_environments import example_environment, functions_file, media_environment
from devstack.supervisor import ManagedProcess, ProcessEvent, ProcessSpec, StartFailed


class NotADataFolder(ValueError):
    """The folder was not made by devstack."""


class DataInUse(RuntimeError):
    """Another stack runs on this data folder."""


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    data: Path | None = None
    """Where everything is kept; None makes a temporary folder."""
    ephemeral: bool = True
    """Whether a temporary folder goes when the stack stops. A folder given as `data` always stays."""
    processes: tuple[str, ...] = FILM_PROCESSES
    """Which of them exist in this stack; `after` counts only among these."""
    held_back: tuple[str, ...] = ()
    """Processes that exist but are started only by `process(name).start()`."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Extra environment per process; `postgres` takes server settings, `media` the media function's variables."""
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Extra arguments per process, such as the faults of the Lambda endpoint."""
    inherited: Mapping[str, str] = field(default_factory=dict)
    """Variables with a service's prefix that reach it unless the stack sets them itself."""
    preferred_ports: Mapping[str, int] = field(default_factory=dict)
    external: ExternalServers = field(default_factory=ExternalServers)
    test_types: bool = False
    start_timeout_s: float = 60.0


class Stack:
    """Use as an async context manager, from the main thread or any other; leaving it ends every process."""

    def __init__(self, options: StackOptions, *, on_event: Callable[[ProcessEvent], None] | None = None) -> None:
        unknown = {*options.processes, *options.held_back} - set(ALL_PROCESSES)
        if unknown:
            raise ValueError(f"expected processes among {', '.join(ALL_PROCESSES)}, found {', '.join(sorted(unknown))}")
        self.options = options
        self._on_event = on_event or _ignore
        self._cleanup = AsyncExitStack()
        self._processes: dict[str, ManagedProcess] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as cleanup:
            await self._enter(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    @property
    def data(self) -> Path:
        return self.layout.data

    def process(self, name: str) -> ManagedProcess:
        if name not in self._processes:
            raise KeyError(f"expected a process of this stack ({', '.join(self._processes)}), found {name!r}")
        return self._processes[name]

    @property
    def processes(self) -> tuple[ManagedProcess, ...]:
        return tuple(self._processes.values())

    def env_for_client(self) -> dict[str, str]:
        """The `MONTAGE_*` variables of a client."""
        return client_environment(self.layout, self.addresses)

    def settings(self, name: str) -> Mapping[str, str]:
        """The whole environment a process is started with."""
        return self.process(name).spec.environment

    async def spawn(self, name: str, argv: list[str], *, env: Mapping[str, str], cwd: Path) -> Spawned:
        """Run another program below this stack, on the caller's terminal; it ends with the stack at the latest."""
        launch = Launch(name=name, argv=argv, env=base_environment(self.layout) | dict(env), cwd=cwd, log=None)
        return await self.nursery.spawn(launch)

    async def _enter(self, cleanup: AsyncExitStack) -> None:
        self.nursery = await cleanup.enter_async_context(Nursery())
        self.layout = Layout(self._make_data_folder(cleanup))
        cleanup.callback(lock_data(self.layout).close)
        self._prepare_folders()
        ports = PortReservations()
        cleanup.callback(ports.release)
        self.addresses = Addresses(
            ports=choose_ports(self.layout, ports, preferred=self.options.preferred_ports),
            external=self.options.external,
        )
        specs = await self._specs(cleanup)
        self._processes = {
            spec.name: ManagedProcess(
                spec,
                nursery=self.nursery,
                on_event=self._on_event,
                start_timeout_s=self.options.start_timeout_s,
            )
            for spec in specs
        }
        cleanup.push_async_callback(self._stop_all)
        await self._start_all()

    def _make_data_folder(self, cleanup: AsyncExitStack) -> Path:
        if self.options.data is not None:
            check_data_folder(self.options.data)
            make_private_folder(self.options.data)
            return self.options.data.resolve()
        folder = Path(tempfile.mkdtemp(prefix="montage-"))
        if self.options.ephemeral:
            self._remove_at_the_end(folder, cleanup)
        return folder

    def _remove_at_the_end(self, folder: Path, cleanup: AsyncExitStack) -> None:
        """By us, and by the nursery, since either of the two may be killed."""
        self.nursery.remove_at_the_end(folder)
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)

    def _prepare_folders(self) -> None:
        layout = self.layout
        for folder in (layout.logs, layout.nats, layout.s3, layout.lambda_endpoint, layout.work, layout.ready):
            make_private_folder(folder)
        for log in layout.logs.glob("*.jsonl"):
            if not log.name.endswith(".previous.jsonl"):
                keep_previous(log)
        ensure_secrets(layout)
        ensure_certificates(layout)

    async def _specs(self, cleanup: AsyncExitStack) -> list[ProcessSpec]:
        place = Place(
            layout=self.layout,
            addresses=self.addresses,
            test_types=self.options.test_types,
            inherited=self.options.inherited,
            media_environment=self.options.settings.get("media", {}),
        )
        base = base_environment(self.layout)
        write_private(self.layout.media_environment, json.dumps(base | dict(media_environment(place))))
        write_private(self.layout.example_environment, json.dumps(base | dict(example_environment(place))))
        write_private(self.layout.functions, json.dumps(functions_file(), indent=2))
        wanted = [name for name in self.options.processes if not _is_replaced(name, self.options.external)]
        specs: list[ProcessSpec] = []
        if "postgres" in wanted:
            specs.append(await self._postgres_spec(cleanup))
        if "nats" in wanted:
            specs.append(nats_spec(self.layout, port=self.addresses.ports.nats))
        return specs + [
            python_spec(
                process,
                place,
                extra=self.options.settings.get(process.name, {}),
                arguments=self.options.arguments.get(process.name, ()),
            )
            for process in PYTHON_PROCESSES
            if process.name in wanted
        ]

    async def _postgres_spec(self, cleanup: AsyncExitStack) -> ProcessSpec:
        ephemeral = self.options.data is None and self.options.ephemeral
        home = await asyncio.to_thread(find_home, self.layout, ephemeral=ephemeral)
        if home.is_outside and ephemeral:
            self._remove_at_the_end(home.cluster.parent, cleanup)
        return postgres_spec(
            home,
            self.layout,
            nursery=self.nursery,
            port=self.addresses.ports.postgres,
            settings=self.options.settings.get("postgres", {}),
        )

    async def _start_all(self) -> None:
        """Start each as soon as those it waits for are ready. Raises StartFailed for the first that fails."""
        ready = {name: asyncio.Event() for name in self._processes}

        async def start(process: ManagedProcess) -> None:
            for name in process.spec.after:
                if name in ready and name not in self.options.held_back:
                    await ready[name].wait()
            await process.start()
            ready[process.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for process in self._processes.values():
                    if process.name not in self.options.held_back:
                        group.create_task(start(process), name=f"start {process.name}")
        except* StartFailed as failures:
            raise failures.exceptions[0] from None

    async def _stop_all(self) -> None:
        """Stop each when those that need it have stopped."""
        stopped = {name: asyncio.Event() for name in self._processes}

        async def stop(process: ManagedProcess) -> None:
            for other in self._processes.values():
                if process.name in (*other.spec.after, *other.spec.stops_before):
                    await stopped[other.name].wait()
            await process.stop()
            stopped[process.name].set()

        async with asyncio.TaskGroup() as group:
            for process in self._processes.values():
                group.create_task(stop(process), name=f"stop {process.name}")


def check_data_folder(data: Path) -> None:
    """Refuse a folder that holds somebody else's files: we would close it to others, and `--reset` would empty it."""
    layout = Layout(data)
    if data.exists() and not data.is_dir():
        raise NotADataFolder(f"expected a folder at {data}, found a file")
    if data.is_dir() and not layout.secrets.is_dir() and any(entry != layout.lock for entry in data.iterdir()):
        raise NotADataFolder(f"expected {data} to be empty or a data folder of devstack, found other files in it")


def lock_data(layout: Layout) -> IO[bytes]:
    """Keep others off this data folder until the returned file is closed. Raises DataInUse."""
    file = layout.lock.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataInUse(f"another devstack runs on {layout.data}; stop it, or choose a folder with --data") from None
    return file


def wipe_data(data: Path) -> None:
    """Remove everything a stack keeps in a data folder, if it is one and nobody uses it. Raises DataInUse."""
    check_data_folder(data)
    layout = Layout(data)
    if not layout.lock.is_file():
        return
    with lock_data(layout):
        shutil.rmtree(folder_for_nobody(layout), ignore_errors=True)
        for entry in data.iterdir():
            # The lock stays: whoever waits for it must find the same file.
            if entry != layout.lock and entry.is_dir():
                shutil.rmtree(entry)
            elif entry != layout.lock:
                entry.unlink()


def _is_replaced(name: str, external: ExternalServers) -> bool:
    replaced = {
        "postgres": external.database,
        "nats": external.nats,
        "s3": external.s3,
        "lambda": external.lambda_endpoint,
    }
    return replaced.get(name) is not None


def _ignore(_: ProcessEvent) -> None:
    return None
