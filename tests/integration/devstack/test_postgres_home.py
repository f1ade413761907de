"""PostgreSQL for every kind of user: it refuses to run as root, so root becomes somebody else."""

import os
import stat
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from devstack.layout import SUPERUSER_ROLE, Layout, make_private_folder
from devstack.nursery_client import Nursery
from devstack.ports import PortReservations
from devstack.postgres import NOBODY, find_home, postgres_spec
from devstack.secret_files import ensure_secrets
from devstack.supervisor import ManagedProcess

IS_ROOT = os.geteuid() == 0


@pytest.mark.parametrize("namespaces", [None, False], ids=["as this system allows", "without user namespaces"])
async def test_postgres_runs_below_a_folder_only_its_owner_may_enter(
    tmp_path: Path, *, namespaces: bool | None
) -> None:
    layout = Layout(tmp_path / "home" / "data")
    make_private_folder(layout.data.parent)
    make_private_folder(layout.logs)
    ensure_secrets(layout)
    ports = PortReservations()
    async with AsyncExitStack() as cleanup:
        cleanup.callback(ports.release)
        nursery = await cleanup.enter_async_context(Nursery())
        home = find_home(layout, ephemeral=True, namespaces=namespaces)
        if home.is_outside:
            nursery.remove_at_the_end(home.cluster.parent)
        port = ports.reserve()
        spec = postgres_spec(home, layout, nursery=nursery, port=port, settings={})
        process = ManagedProcess(spec, nursery=nursery, on_event=lambda _: None, start_timeout_s=15)
        cleanup.push_async_callback(process.stop)

        await process.start()

        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER_ROLE,
            database="postgres",
            password=layout.postgres_password(SUPERUSER_ROLE).read_text(),
            ssl=False,
        )
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        assert stat.S_IMODE(home.cluster.stat().st_mode) == 0o700
        assert _owner(process.pid) == (NOBODY if IS_ROOT and namespaces is False else os.geteuid())
        assert not (home.cluster.parent / "password").exists()

    assert not (home.is_outside and home.cluster.parent.exists())


async def test_interrupted_initialisation_is_begun_anew(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    make_private_folder(layout.logs)
    ensure_secrets(layout)
    (layout.data / "pg.new").mkdir()
    (layout.data / "pg.new" / "PG_VERSION").write_text("18\n")
    ports = PortReservations()
    async with Nursery() as nursery:
        home = find_home(layout, ephemeral=True)
        spec = postgres_spec(home, layout, nursery=nursery, port=ports.reserve(), settings={})
        process = ManagedProcess(spec, nursery=nursery, on_event=lambda _: None, start_timeout_s=15)

        await process.start()

        assert process.pid
        await process.stop()
    ports.release()
    assert not (layout.data / "pg.new").exists()


async def test_lock_of_a_process_id_that_is_another_program_now_does_not_stop_the_start(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    make_private_folder(layout.logs)
    ensure_secrets(layout)
    ports = PortReservations()
    async with Nursery() as nursery:
        home = find_home(layout, ephemeral=True)
        spec = postgres_spec(home, layout, nursery=nursery, port=ports.reserve(), settings={})
        process = ManagedProcess(spec, nursery=nursery, on_event=lambda _: None, start_timeout_s=15)
        await process.start()
        lock = (home.cluster / "postmaster.pid").read_text()
        await process.stop()
        (home.cluster / "postmaster.pid").write_text(lock.replace(lock.split("\n", 1)[0], str(os.getpid()), 1))

        await process.start()

        assert process.pid
        await process.stop()
    ports.release()


def _owner(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("Uid:")[2].split()[0])
