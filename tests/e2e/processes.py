"""Looking at the processes of this machine, and holding one still while a test looks around."""

import contextlib
import os
import signal
from pathlib import Path


def parent_of(pid: int) -> int:
    """Raises ProcessLookupError when there is no such process."""
    return int(_stat(pid)[1])


def is_alive(pid: int) -> bool:
    """Whether it runs or is stopped; a zombie is not alive."""
    try:
        return _stat(pid)[0] not in "ZX"
    except ProcessLookupError:
        return False


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP holds it still."""
    try:
        return _stat(pid)[0] == "T"
    except ProcessLookupError:
        return False


ENCODING = "libx264"
"""In the command line of an FFmpeg that encodes pictures; it is started for shorter things as well."""


def below(ancestor: int, *, running: str) -> list[int]:
    """Living processes below `ancestor` whose command line contains `running`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            parents[int(entry.name)] = parent_of(int(entry.name))
    found, frontier = list[int](), {ancestor}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += frontier
    return [pid for pid in found if running in command_line(pid) and is_alive(pid)]


def command_line(pid: int) -> str:
    """Empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stop(pid: int) -> None:
    """Hold it still."""
    os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    """Let it go on; no matter if it has ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _stat(pid: int) -> list[str]:
    try:
        # The name, in parentheses, may hold anything, spaces included.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"there is no process {pid}") from None
