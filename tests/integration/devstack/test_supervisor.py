"""One process under supervision, with small programs of our own in its place."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devstack.nursery_client import Launch, Nursery, SpawnRefused
from devstack.supervisor import EventKind, ManagedProcess, ProcessEvent, ProcessState, StartFailed

Manage = Callable[..., ManagedProcess]
Until = Callable[[Callable[[], object]], Awaitable[None]]

READY = "import os, pathlib, time; pathlib.Path(os.environ['READY']).touch(); "
SLEEPS = READY + "time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
# A grandchild in a session of its own, with an empty environment, as a media tool may run.
HAS_GRANDCHILD = (
    "import subprocess, sys; "
    "p = subprocess.Popen(['/bin/sleep', '60'], start_new_session=True, env={}); "
    "open('grandchild', 'w').write(str(p.pid)); "
) + SLEEPS


async def test_process_that_dies_is_restarted(manage: Manage, events: list[ProcessEvent]) -> None:
    process = manage(SLEEPS)
    await process.start()
    first = process.pid

    code = await process.kill(signal.SIGKILL)
    await process.wait_ready()

    assert code == -signal.SIGKILL
    assert process.pid != first
    assert process.restarts == 1
    assert [(event.kind, event.detail) for event in events] == [
        (EventKind.READY, ""),
        (EventKind.DIED, "signal SIGKILL"),
        (EventKind.RESTARTING, "in 0.2 s"),
        (EventKind.READY, ""),
    ]


async def test_process_that_keeps_dying_is_restarted_ever_later(
    manage: Manage, events: list[ProcessEvent], until: Until
) -> None:
    process = manage(READY + "time.sleep(0.05); raise SystemExit(7)")
    await process.start()

    await until(lambda: process.restarts >= 3)
    await process.stop()

    waits = [event.detail for event in events if event.kind is EventKind.RESTARTING]
    assert waits[:3] == ["in 0.2 s", "in 0.4 s", "in 0.8 s"]
    assert {event.detail for event in events if event.kind is EventKind.DIED} == {"exit code 7"}


async def test_process_stopped_while_waiting_for_its_restart_stays_stopped(manage: Manage, until: Until) -> None:
    process = manage(SLEEPS)
    await process.start()
    await process.kill()
    await until(lambda: process.state is ProcessState.BACKING_OFF)

    await process.stop()

    assert process.state is ProcessState.STOPPED
    with pytest.raises(ProcessLookupError, match="fake is not running"):
        _ = process.pid


async def test_start_of_a_program_that_ends_shows_its_last_20_lines(manage: Manage) -> None:
    process = manage("print(*(f'line {n}' for n in range(50)), sep='\\n'); raise SystemExit(3)")

    with pytest.raises(StartFailed) as caught:
        await process.start()

    assert str(caught.value).startswith(
        "fake ended before it was ready, with exit code 3; its last lines:\n    line 30\n"
    )
    assert caught.value.last_words[-1] == "line 49"
    assert len(caught.value.last_words) == 20


async def test_start_of_a_program_that_never_gets_ready_times_out_and_leaves_nothing(
    manage: Manage, alive: Callable[[int], bool], until: Until
) -> None:
    process = manage("import time; time.sleep(60)", start_timeout_s=0.5)
    pids: list[int] = []

    def has_begun() -> bool:
        with contextlib.suppress(ProcessLookupError):
            pids.append(process.pid)
        return bool(pids)

    starting = asyncio.create_task(process.start())
    await until(has_begun)
    with pytest.raises(StartFailed, match=r"was not ready within 0\.5 s"):
        await starting

    assert not alive(pids[0])


async def test_program_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    async with Nursery() as nursery:
        with pytest.raises(SpawnRefused, match="ghost: FileNotFoundError"):
            await nursery.spawn(
                Launch(name="ghost", argv=["/no/such"], env={}, cwd=tmp_path, log=tmp_path / "ghost.jsonl")
            )


async def test_stop_kills_what_ignores_the_request(manage: Manage, alive: Callable[[int], bool]) -> None:
    process = manage(STUBBORN, stop_grace_s=0.3)
    await process.start()
    pid = process.pid

    await process.stop()

    assert not alive(pid)


async def test_stop_reaches_a_paused_process(manage: Manage, alive: Callable[[int], bool]) -> None:
    process = manage(SLEEPS)
    await process.start()
    pid = process.pid
    process.pause()

    async with asyncio.timeout(4):
        await process.stop()

    assert not alive(pid)


async def test_paused_process_is_stopped_by_the_kernel_and_goes_on_when_resumed(manage: Manage, until: Until) -> None:
    process = manage(SLEEPS)
    await process.start()
    stat = Path(f"/proc/{process.pid}/stat")

    process.pause()
    await until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    process.resume()
    await until(lambda: stat.read_text().rpartition(")")[2].split()[0] != "T")

    assert process.restarts == 0


async def test_restart_gives_a_new_process_without_counting_an_accident(manage: Manage) -> None:
    process = manage(SLEEPS)
    await process.start()
    first = process.pid

    await process.restart()

    assert process.pid != first
    assert process.restarts == 0
    assert process.state is ProcessState.READY


async def test_killed_process_takes_its_grandchildren_along(
    manage: Manage, tmp_path: Path, alive: Callable[[int], bool], until: Until
) -> None:
    process = manage(HAS_GRANDCHILD)
    await process.start()
    grandchild = int((tmp_path / "grandchild").read_text())
    assert alive(grandchild)

    await process.kill()

    await until(lambda: not alive(grandchild))


async def test_leaving_the_nursery_ends_everything_below_it(
    tmp_path: Path, alive: Callable[[int], bool], until: Until
) -> None:
    async with Nursery() as nursery:
        spawned = await nursery.spawn(
            Launch(
                name="tree",
                argv=[sys.executable, "-I", "-S", "-c", HAS_GRANDCHILD],
                env={"READY": str(tmp_path / "ready")},
                cwd=tmp_path,
                log=tmp_path / "tree.jsonl",
            )
        )
        await until((tmp_path / "ready").is_file)
        pids = [spawned.pid, int((tmp_path / "grandchild").read_text())]
        assert all(alive(pid) for pid in pids)

    assert not any(alive(pid) for pid in pids)


async def test_output_of_a_text_program_becomes_json_lines(tmp_path: Path) -> None:
    log = tmp_path / "text.jsonl"
    async with Nursery() as nursery:
        spawned = await nursery.spawn(
            Launch(
                name="text",
                argv=["/bin/sh", "-c", "echo 'grüße \"du\"'; printf unfinished >&2"],
                env={},
                cwd=tmp_path,
                log=log,
                wraps_output=True,
            )
        )
        assert await spawned.exited == 0

    lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert '"service": "text"' in lines[0]
    assert '"line": "grüße \\"du\\""' in lines[0]
    assert '"line": "unfinished"' in lines[1]
