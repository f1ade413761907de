"""A backup of the stack's Postgres with its write-ahead log, and the way back to a moment behind it."""

import asyncio
import os
import shutil
from pathlib import Path

from devstack.layout import SUPERUSER_ROLE
from devstack.postgres import find_home
from tests.e2e.house import House

_DATA = "SHOW data_directory"
_ARCHIVED = "SELECT last_archived_wal >= $1 FROM pg_stat_archiver"


def archiving(folder: Path) -> dict[str, str]:
    """Settings of a server that copies each piece of its log there."""
    return {"archive_mode": "on", "archive_command": f"test ! -f {folder}/%f && cp %p {folder}/%f"}


async def base_backup(house: House, target: Path) -> None:
    """Copy the cluster while it works."""
    home = find_home(house.stack.layout, ephemeral=True)
    process = await asyncio.create_subprocess_exec(
        str(home.binaries / "pg_basebackup"),
        *("--pgdata", str(target), "--checkpoint=fast", "--wal-method=none", "--no-password"),
        *("--host=127.0.0.1", f"--port={house.stack.addresses.ports.postgres}", f"--username={SUPERUSER_ROLE}"),
        env={
            "PATH": os.defpath,
            "PGPASSWORD": house.stack.layout.postgres_password(SUPERUSER_ROLE).read_text(),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def mark(house: House, moment: str) -> None:
    """Give this moment a name."""
    async with house.database(SUPERUSER_ROLE) as database:
        await database.fetchval("SELECT pg_create_restore_point($1)", moment)


async def archive_all(house: House) -> None:
    """Wait until everything that was written is in the archive."""
    async with house.database(SUPERUSER_ROLE) as database:
        current = await database.fetchval("SELECT pg_walfile_name(pg_current_wal_lsn())")
        await database.execute("SELECT pg_switch_wal()")
        async with asyncio.timeout(60):
            while not await database.fetchval(_ARCHIVED, current):  # noqa: ASYNC110 - the archiver announces nothing
                await asyncio.sleep(0.05)


async def bring_back(house: House, backup: Path, archive: Path, moment: str) -> None:
    """Stop the services, put the backup in place of the cluster, replay the log as far as the moment, start again.

    NATS begins empty; the store stays as it is.
    """
    stack = house.stack
    async with house.database(SUPERUSER_ROLE) as database:
        cluster = Path(await database.fetchval(_DATA))
    for name in ("executor", "pipeline", "nats", "postgres"):
        await stack.process(name).stop()
    _replace_cluster(cluster, backup, archive, moment)
    shutil.rmtree(stack.layout.nats)
    stack.layout.nats.mkdir(mode=0o700)
    for name in ("postgres", "nats", "pipeline", "executor"):
        await stack.process(name).start()


def _replace_cluster(cluster: Path, backup: Path, archive: Path, moment: str) -> None:
    owner = cluster.stat()
    shutil.move(cluster, cluster.with_name("lost"))
    shutil.copytree(backup, cluster)
    with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"restore_command = 'cp {archive}/%f %p'\nrecovery_target_name = '{moment}'\n")
        # Nobody is let in before the moment is reached and writing is possible.
        settings.write("recovery_target_action = 'promote'\nhot_standby = off\n")
    (cluster / "recovery.signal").touch()
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    cluster.chmod(0o700)
