"""A supervisor that is killed takes everything along: processes of every depth, and temporary data."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devstack.layout import repository_root

Until = Callable[[Callable[[], object]], Awaitable[None]]

# A stack, a client in the middle of a transaction (so that a Postgres worker is busy), and below the stack
# a program whose own child has another session and an empty environment, as an FFmpeg might.
SUPERVISOR = textwrap.dedent(
    """
    import asyncio, json, sys
    from pathlib import Path
    import asyncpg
    from devstack.stack import Stack, StackOptions

    GRANDCHILD = (
        "import subprocess, time; subprocess.Popen(['/bin/sleep', '120'], start_new_session=True, env={}); "
        "time.sleep(120)"
    )

    async def main():
        async with Stack(StackOptions(processes=("postgres", "nats", "s3"))) as stack:
            password = stack.layout.postgres_password("montage_engine").read_text()
            port = stack.addresses.ports.postgres
            db = await asyncpg.connect(
                host="127.0.0.1", port=port, user="montage_engine", database="montage", password=password, ssl=False
            )
            busy = asyncio.create_task(db.execute("SELECT pg_sleep(120)"))
            await stack.spawn("tool", [sys.executable, "-I", "-c", GRANDCHILD], env={}, cwd=Path("/"))
            print(json.dumps({"data": str(stack.data), "nursery": stack.nursery.pid}), flush=True)
            await busy

    asyncio.run(main())
    """
)


@pytest.mark.parametrize("victims", ["supervisor", "supervisor and nursery", "nursery"])
async def test_kill_nine_leaves_nothing(
    victims: str, below: Callable[[int], set[int]], alive: Callable[[int], bool], until: Until
) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", SUPERVISOR),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=repository_root(),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(repository_root())},
    )
    assert supervisor.stdout is not None
    started = json.loads(await supervisor.stdout.readline())
    await until(lambda: _runs(below(supervisor.pid), "sleep"))
    pids = below(supervisor.pid) | {supervisor.pid}
    assert _runs(pids, "postgres") > 4

    if "nursery" in victims:
        # Paused first, so that it cannot tidy up between its supervisor's end and its own.
        os.kill(started["nursery"], signal.SIGSTOP)
        os.kill(started["nursery"], signal.SIGKILL)
    if "supervisor" in victims:
        supervisor.kill()

    if victims == "supervisor":
        await until(lambda: not [pid for pid in pids if alive(pid)])
        await until(lambda: not Path(started["data"]).exists())
    else:
        # Without its nursery a stack cannot know grandchildren in sessions of their own; all direct children go.
        await until(lambda: {_name(pid) for pid in pids if alive(pid)} <= {"sleep", "python", "python3"})
        for pid in pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(started["data"], ignore_errors=True)
    await supervisor.wait()


def _runs(pids: set[int], name: str) -> int:
    return sum(_name(pid) == name for pid in pids)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""
