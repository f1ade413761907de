"""`bin/dev` with every service: it shows a run made from another shell, revives what dies, and leaves nothing."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devstack.layout import Layout, repository_root
from tests.e2e.documents import Document, animation
from tests.e2e.house import until_true, write_document
from tests.e2e.processes import below, is_alive

READY_S = 45.0
STOP_S = 20.0
BIN = repository_root() / "bin"
VOICE: Document = {
    "id": "greeting",
    "nodes": [
        {"id": "script", "type": "asset", "asset": {"type": "text", "content": "Hello."}},
        {
            "id": "voice",
            "type": "generate-voiceover",
            "inputs": {"script": ["script"]},
            "config": {"provider": "local"},
        },
    ],
}
PAID: Document = {
    "id": "paid",
    "nodes": [
        {
            "id": "voice",
            "type": "generate-voiceover",
            "config": {"provider": "elevenlabs", "voiceId": "any", "text": "Hello."},
        },
        {
            "id": "head",
            "type": "generate-talking-head",
            "inputs": {"audio": ["voice"]},
            "config": {"provider": "heygen", "avatarId": "any"},
        },
    ],
}
# Longer to draw than this test looks.
ANIMATION: Document = {"id": "long", "nodes": [animation("dawn") | {"config": {"provider": "local", "duration": 30}}]}


@dataclass(kw_only=True)
class Dev:
    """A running `bin/dev` and all it has printed."""

    process: asyncio.subprocess.Process
    layout: Layout
    printed: list[str] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.printed.append(line.decode().rstrip())

    async def until_printed(self, pattern: str, *, after: int = 0, within_s: float = 45.0) -> None:
        """Wait for a line, not counting the first `after`. Raises AssertionError with what there was instead."""

        def is_there() -> bool:
            return any(re.search(pattern, line) for line in self.printed[after:])

        try:
            await until_true(is_there, within_s=within_s)
        except TimeoutError:
            raise AssertionError(f"expected a line like {pattern!r}, found:\n" + "\n".join(self.printed)) from None


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Dev]:
    """Ready, on data of its own."""
    async with open_dev(tmp_path) as dev:
        yield dev


@asynccontextmanager
async def open_dev(tmp_path: Path, *options: str) -> AsyncIterator[Dev]:
    layout = Layout(tmp_path / "data")
    process = await asyncio.create_subprocess_exec(
        *(str(BIN / "dev"), "--data", str(layout.data), *options),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    dev = Dev(process=process, layout=layout)
    reader = asyncio.create_task(dev.read())
    try:
        await dev.until_printed("Ctrl-C stops everything", within_s=READY_S)
        yield dev
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), STOP_S)
        await reader


async def run_from_another_shell(dev: Dev, document: Document, folder: Path) -> tuple[int, str]:
    """Source dev.env and run a document; the results are below `folder`. Answers exit code and output."""
    file = write_document(folder / "document.json", document)
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euc", 'source "$1"; "$2" run "$3" --out "$4"', "bash", str(dev.layout.dev_env)),
        *(str(BIN / "montage"), str(file), str(folder / "out")),
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(shell.communicate(), 60)
    finally:
        if shell.returncode is None:
            os.killpg(shell.pid, signal.SIGKILL)
            await shell.wait()
    assert shell.returncode is not None
    return shell.returncode, output.decode()


async def test_run_from_another_shell_is_shown_line_by_line_while_it_happens(dev: Dev, tmp_path: Path) -> None:
    code, said = await run_from_another_shell(dev, VOICE, tmp_path)

    assert code == 0, said
    assert (tmp_path / "out" / "voice.m4a").stat().st_size > 1000
    await dev.until_printed(r"pipeline +run_succeeded")
    shown = [line.split()[1:3] for line in dev.printed if "pipeline=greeting" in line]
    assert [event for process, event in shown if process == "pipeline"] == [
        "pipeline_created",
        "node_created",
        "node_created",
        "asset_completed",
        "run_created",
        "execution_queued",
        "execution_started",
        "execution_succeeded",
        "run_succeeded",
    ]


async def test_service_that_dies_is_told_restarted_and_works_again(dev: Dev, tmp_path: Path) -> None:
    [executor] = below(dev.process.pid, running="-m executor_service")
    before = len(dev.printed)

    os.kill(executor, signal.SIGKILL)

    await dev.until_printed(r"executor +died signal SIGKILL", after=before)
    await dev.until_printed(r"executor +restarting in 0\.2 s", after=before)
    await dev.until_printed(r"executor +ready", after=before)
    [successor] = below(dev.process.pid, running="-m executor_service")
    assert successor != executor
    code, said = await run_from_another_shell(dev, VOICE, tmp_path)
    assert code == 0, said


async def test_ctrl_c_while_work_is_held_ends_well_and_leaves_no_process(dev: Dev, tmp_path: Path) -> None:
    run = asyncio.create_task(run_from_another_shell(dev, ANIMATION, tmp_path))
    await until_true(lambda: below(dev.process.pid, running="ffmpeg"), within_s=40)
    pids = below(dev.process.pid, running="")

    dev.process.send_signal(signal.SIGINT)
    await asyncio.wait_for(dev.process.wait(), STOP_S)
    left = [pid for pid in pids if is_alive(pid)]
    run.cancel()
    await asyncio.wait({run})

    assert dev.process.returncode == 0, dev.printed
    assert len(pids) >= 10
    assert left == []
    assert not dev.layout.dev_env.exists()


async def test_paid_nodes_run_behind_simulated_vendors_without_a_key(tmp_path: Path) -> None:
    async with open_dev(tmp_path, "--vendors", "simulated") as dev:
        code, said = await run_from_another_shell(dev, PAID, tmp_path)
        pids = below(dev.process.pid, running="tests.fakes.vendors")

    assert code == 0, said
    assert (tmp_path / "out" / "head.mp4").stat().st_size > 1000
    assert len(pids) == 5  # a process for each vendor
    assert not [pid for pid in pids if is_alive(pid)]
