"""Looking at processes, and waiting for what they do."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from devstack.nursery_client import Nursery
from devstack.supervisor import ManagedProcess, ProcessEvent, ProcessSpec
from tests.patience import PATIENCE_S

Until = Callable[[Callable[[], object]], Awaitable[None]]
Manage = Callable[..., ManagedProcess]


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes_below(ancestor: int) -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            continue
    found, frontier = set[int](), {ancestor}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found |= frontier
    return found


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive


@pytest.fixture
def below() -> Callable[[int], set[int]]:
    return processes_below


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], object]) -> None:
        """Wait until the condition holds. Raises TimeoutError after 10 s."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - other processes announce nothing
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def events() -> list[ProcessEvent]:
    return []


@pytest.fixture
async def manage(tmp_path: Path, events: list[ProcessEvent]) -> AsyncIterator[Manage]:
    """Makes supervised Python one-liners that are ready when they have written their ready file ($READY)."""
    async with AsyncExitStack() as cleanup:
        nursery = await cleanup.enter_async_context(Nursery())

        def make(
            code: str, *, name: str = "fake", start_timeout_s: float = 10, stop_grace_s: float = 5
        ) -> ManagedProcess:
            ready = tmp_path / f"{name}.ready"

            async def forget() -> None:
                ready.unlink(missing_ok=True)

            async def probe(_: int) -> bool:
                return ready.is_file()

            spec = ProcessSpec(
                name=name,
                argv=[sys.executable, "-I", "-S", "-c", code],
                environment={"READY": str(ready), "PATH": os.environ["PATH"]},
                probe=probe,
                log=tmp_path / f"{name}.jsonl",
                cwd=tmp_path,
                stop_grace_s=stop_grace_s,
                before_start=forget,
            )
            process = ManagedProcess(spec, nursery=nursery, on_event=events.append, start_timeout_s=start_timeout_s)
            cleanup.push_async_callback(process.stop)
            return process

        yield make


@pytest.fixture
def awkward_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mit Leerzeichen und Ümlaut" / "it's"
    folder.mkdir(parents=True)
    return folder
