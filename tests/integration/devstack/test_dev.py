"""`bin/dev` on the embedded servers: what it prints, writes, refuses, and leaves."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from devstack.layout import Layout, repository_root
from tests.patience import PATIENCE_S

# The command itself with the servers only: the services have their own tests of being run by it.
DEV = """
import os, sys
from pathlib import Path
from devstack.dev import DevOptions, dev
from devstack.external import external_servers_from
from devstack.interrupts import run_until_interrupted
from devstack.stack import DataInUse

options = DevOptions(
    data=Path(sys.argv[1]),
    external=external_servers_from(os.environ),
    inherited=dict(os.environ),
    processes=("postgres", "nats", "s3"),
)
try:
    sys.exit(run_until_interrupted(dev(options), interrupted=0))
except DataInUse as err:
    sys.exit(str(err))
"""


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(repository_root()), "HOME": ""}


async def start_dev(data: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", DEV, str(data)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


@asynccontextmanager
async def running_dev(data: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process, and what it printed until it was ready."""
    process = await start_dev(data)
    assert process.stdout is not None
    printed = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while "Ctrl-C stops everything" not in printed:
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
        yield process, printed
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        if process.returncode is None:
            await asyncio.wait_for(process.communicate(), PATIENCE_S)


async def source_in_bash(dev_env: Path) -> dict[str, str]:
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euc", 'source "$1" && env -0', "bash", str(dev_env)),
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    output, _ = await shell.communicate()
    return dict(entry.split("=", 1) for entry in output.decode().split("\0") if "=" in entry)


async def test_dev_prints_addresses_and_a_shell_can_source_its_variables(awkward_folder: Path) -> None:
    layout = Layout(awkward_folder / "data")

    async with running_dev(layout.data) as (_, printed):
        variables = await source_in_bash(layout.dev_env)
        mode = layout.dev_env.stat().st_mode & 0o777
        missing = [name for name, value in variables.items() if _names_no_file(name, value)]

    assert mode == 0o600
    assert missing == []
    assert variables.keys() >= {
        *("MONTAGE_PIPELINE_ADDR", "MONTAGE_GATEWAY_URL", "MONTAGE_S3_ENDPOINT", "MONTAGE_S3_BUCKET"),
        *("MONTAGE_LAMBDA_ENDPOINT", "MONTAGE_DATABASE_URL", "MONTAGE_NATS_URL", "MONTAGE_CA_CERT"),
        *("MONTAGE_CLIENT_CERT", "MONTAGE_CLIENT_KEY", "MONTAGE_S3_ACCESS_KEY_FILE", "MONTAGE_S3_SECRET_KEY_FILE"),
    }
    for name in ("PIPELINE_ADDR", "GATEWAY_URL", "S3_ENDPOINT", "LAMBDA_ENDPOINT", "DATABASE_URL", "NATS_URL"):
        assert variables[f"MONTAGE_{name}"] in printed
    assert not layout.dev_env.exists()


async def test_dev_stopped_by_ctrl_c_ends_well_and_leaves_nothing(
    tmp_path: Path, below: Callable[[int], set[int]], alive: Callable[[int], bool]
) -> None:
    layout = Layout(tmp_path / "data")
    async with running_dev(layout.data) as (process, _):
        pids = below(process.pid)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), PATIENCE_S)

    assert process.returncode == 0
    assert len(pids) >= 4
    assert not [pid for pid in pids if alive(pid)]
    assert not layout.dev_env.exists()
    assert (layout.postgres / "PG_VERSION").is_file()
    assert not (layout.postgres / "postmaster.pid").exists()


async def test_dev_killed_by_two_signals_leaves_nothing_running(
    tmp_path: Path, below: Callable[[int], set[int]], alive: Callable[[int], bool]
) -> None:
    async with running_dev(tmp_path / "data") as (process, _):
        pids = below(process.pid)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), PATIENCE_S)

    async with asyncio.timeout(PATIENCE_S):
        while any(alive(pid) for pid in pids):  # noqa: ASYNC110 - orphans announce nothing
            await asyncio.sleep(0.01)


async def test_second_dev_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    async with running_dev(layout.data):
        second = await start_dev(layout.data)
        _, complaint = await asyncio.wait_for(second.communicate(), PATIENCE_S)

        assert second.returncode == 1
        assert complaint.decode().strip() == (
            f"another devstack runs on {layout.data}; stop it, or choose a folder with --data"
        )
        assert layout.dev_env.exists()


async def test_dev_whose_nursery_is_killed_ends_and_says_so(
    tmp_path: Path, below: Callable[[int], set[int]], alive: Callable[[int], bool]
) -> None:
    async with running_dev(tmp_path / "data") as (process, _):
        pids = below(process.pid)
        [nursery] = [pid for pid in pids if _is_nursery(pid)]
        os.kill(nursery, signal.SIGKILL)
        _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE_S)

    assert process.returncode == 1
    assert "the parent of all processes was killed" in complaint.decode()
    assert not [pid for pid in pids if alive(pid)]
    assert not Layout(tmp_path / "data").dev_env.exists()


async def test_restart_of_a_killed_server_is_told(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    async with running_dev(layout.data) as (process, _):
        postmaster = int((layout.postgres / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGKILL)

        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            told = [(await process.stdout.readline()).decode().split(maxsplit=1)[1].strip() for _ in range(3)]

    assert [" ".join(line.split()) for line in told] == [
        "postgres died signal SIGKILL",
        "postgres restarting in 0.2 s",
        "postgres ready",
    ]


async def test_cert_issues_a_client_certificate_and_prints_where(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devstack", "cert", "alice", "--data", str(tmp_path / "data")]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment(), cwd=tmp_path)
    output, _ = await process.communicate()

    files = Layout(tmp_path / "data").tls("client-alice")
    assert process.returncode == 0
    assert output.decode().split() == [
        "certificate",
        str(files.cert),
        "key",
        str(files.key),
        "authority",
        str(files.ca),
    ]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (files.cert, files.key, files.ca))


async def test_cert_with_a_bad_name_is_a_usage_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devstack", "cert", "../alice", "--data", str(tmp_path / "data")]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path)
    _, complaint = await process.communicate()

    assert process.returncode == 2
    assert complaint.decode().startswith("devstack: expected a name like 'alice'")
    assert not (tmp_path / "data" / "secrets").exists()


def _is_nursery(pid: int) -> bool:
    try:
        return b"nursery.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        # A helper of the start that has ended meanwhile.
        return False


def _names_no_file(name: str, value: str) -> bool:
    return name.endswith(("_FILE", "_CERT", "_KEY")) and not Path(value).is_file()
