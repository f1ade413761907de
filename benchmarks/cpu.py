"""Processor time of the processes of a stack, looked at from outside, through /proc."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from benchmarks.memory import ALL, SUPERVISOR, look, name_processes

CLIENT = "client"
"""The measuring process and the supervisor of the stack: beside the system, not in `all`."""


def cpu_seconds(*, supervisor: int, proc: Path = Path("/proc")) -> dict[str, float]:
    """Seconds that each process of the stack has used so far, children that ended included, and `all` of them."""
    seconds: dict[str, float] = defaultdict(float)
    for pid, name in name_processes(look(proc), supervisor=supervisor).items():
        used = _used(proc / str(pid))
        seconds[CLIENT if name == SUPERVISOR else name] += used
        if name != SUPERVISOR:
            seconds[ALL] += used
    return dict(seconds)


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - before.get(name, 0.0) for name in after}


def process_seconds(pid: int, proc: Path = Path("/proc")) -> float:
    """The same of one process with its children that ended."""
    return _used(proc / str(pid))


def ticks_of(stat: str) -> int:
    """User and system time of a process and of its ended children, in clock ticks, from `/proc/<pid>/stat`."""
    # The name, in parentheses, may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def _used(process: Path) -> float:
    try:
        return ticks_of((process / "stat").read_text(errors="replace")) / os.sysconf("SC_CLK_TCK")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
