"""The set-up that a newcomer waits for: a fresh clone, an empty home, no package cache."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.progress import MeasurementFailed, last_lines

LONGEST_S = 1800.0
BYTES_PER_MB = 1_000_000
# Where packages come from and whom to trust; everything else of the caller's environment stays outside.
KEPT = ("PATH", "LANG", "TMPDIR")
KEPT_PREFIXES = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CACHES = ("PIP_CACHE_DIR", "UV_CACHE_DIR")
"""Unset, both lie inside the clone: empty at first, and gone with it."""


@dataclass(frozen=True, kw_only=True)
class ColdSetUp:
    seconds: float
    megabytes: float | None
    """None where the system does not count what its network receives."""


def measure_cold_set_up(repository: Path) -> ColdSetUp:
    """Clone what is committed and let it set itself up. Raises MeasurementFailed."""
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as folder:
        clone, home = Path(folder) / "montage", Path(folder) / "home"
        home.mkdir()
        _run(["git", "clone", "--quiet", "--no-hardlinks", str(repository), str(clone)], environment=dict(os.environ))
        received = received_bytes()
        began = time.monotonic()
        _run([str(clone / "bin" / "montage"), "--help"], environment=newcomers_environment(home))
        seconds = time.monotonic() - began
        now = received_bytes()
    megabytes = (now - received) / BYTES_PER_MB if now is not None and received is not None else None
    return ColdSetUp(seconds=seconds, megabytes=megabytes)


def newcomers_environment(home: Path) -> dict[str, str]:
    """Of somebody who has never set anything up: no cache, and of this shell only how to reach packages."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if (name in KEPT or name.upper().startswith(KEPT_PREFIXES)) and name not in CACHES
    }
    return kept | {"HOME": str(home)}


def received_bytes(net: Path = Path("/proc/net")) -> int | None:
    """Bytes that came in where the default route leads; from all but loopback when there is no such route."""
    try:
        routes = [line.split() for line in (net / "route").read_text().splitlines()[1:]]
        devices = (net / "dev").read_text().splitlines()[2:]
    except OSError:
        return None
    outward = {route[0] for route in routes if len(route) > 1 and route[1] == "00000000"}
    received = {name.strip(): int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in devices)}
    return sum(count for name, count in received.items() if (name in outward if outward else name != "lo"))


def _run(command: list[str], *, environment: Mapping[str, str]) -> None:
    # A group of its own, so that whatever ends us can end all that a script has started.
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired as err:
        raise MeasurementFailed(f"the cold set-up was not over after {LONGEST_S:g} s") from err
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        raise MeasurementFailed(
            f"the cold set-up failed (--no-set-up leaves it out): {Path(command[0]).name} ended with "
            f"{process.returncode}:{last_lines(said)}"
        )
