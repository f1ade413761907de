"""Resident memory of the processes of a stack, looked at from outside, through /proc."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUPERVISOR = "demo"
ALL = "all"
PROGRAMS: Mapping[str, str] = {"postgres": "postgres", "initdb": "postgres", "nats-server": "nats"}
MODULES: Mapping[str, str] = {
    "devstack.s3": "s3",
    "devstack.lambda_endpoint": "lambda",
    "pipeline_service": "pipeline",
    "executor_service": "executor",
    "callback_gateway": "gateway",
    "montage_cli": "cli",
}
_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One process at one moment."""

    pid: int
    parent: int
    command: tuple[str, ...]
    resident_bytes: int
    highest_bytes: int
    """The kernel's high-water mark; 0 where it keeps none."""


class MemorySampler:
    """Collects the peaks of everything below one supervisor, by the names of a stack's processes."""

    def __init__(self, supervisor: int, *, proc: Path = Path("/proc")) -> None:
        self.peak_bytes: dict[str, int] = {}
        self._supervisor = supervisor
        self._proc = proc
        self._before: set[tuple[int, tuple[str, ...]]] = set()

    def sample(self) -> None:
        """Look once, and keep what is more than ever before."""
        seen = look(self._proc)
        names = name_processes(seen, supervisor=self._supervisor)
        # Between fork and exec a child shows its parent's memory a second time; by the next look it is itself.
        counted = [one for one in seen if one.pid in names and (one.pid, one.command) in self._before]
        self._before = {(one.pid, one.command) for one in seen if one.pid in names}
        sums: dict[str, int] = defaultdict(int)
        for one in counted:
            sums[names[one.pid]] += one.resident_bytes
            sums[ALL] += one.resident_bytes
            self._keep(names[one.pid], one.highest_bytes)
        for name, total in sums.items():
            self._keep(name, total)

    def _keep(self, name: str, found_bytes: int) -> None:
        self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), found_bytes)


def look(proc: Path) -> list[Seen]:
    """Every process of this machine; none where there is no /proc."""
    found = (_look_at(entry) for entry in proc.glob("[0-9]*"))
    return [seen for seen in found if seen is not None]


def name_processes(seen: Sequence[Seen], *, supervisor: int) -> dict[int, str]:
    """Process ids below (and including) the supervisor, with the name of what each belongs to.

    The supervisor's child is the parent of all others: these two are one, and each child of that one is a process
    of the stack, together with everything below it.
    """
    children: dict[int, list[Seen]] = defaultdict(list)
    for one in seen:
        children[one.parent].append(one)
    names = {supervisor: SUPERVISOR} if any(one.pid == supervisor for one in seen) else {}
    frontier = [(one, SUPERVISOR, 1) for one in children[supervisor]]
    while frontier:
        one, above, depth = frontier.pop()
        name = name_of(one.command) if depth == 2 else above
        names[one.pid] = name
        frontier += [(child, name, depth + 1) for child in children[one.pid]]
    return names


def name_of(command: Sequence[str]) -> str:
    """What a process of the stack is called, from its command line."""
    words = list(command)
    if "-m" in words[:-1]:
        module = words[words.index("-m") + 1]
        # Two programs of a module differ in their last word.
        return words[-1] if words[-1] in ("migrate", "internal") else MODULES.get(module, module)
    # Not only the first word: PostgreSQL may start behind programs that enter a namespace for it.
    programs = [PROGRAMS[name] for name in (Path(word).name for word in words) if name in PROGRAMS]
    return programs[0] if programs else "other"


def _look_at(entry: Path) -> Seen | None:
    """None when it has just ended, or has no memory, as zombies and kernel threads."""
    try:
        fields = dict(line.partition(":")[::2] for line in (entry / "status").read_text(errors="replace").splitlines())
        command = (entry / "cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    if "VmRSS" not in fields:
        return None
    return Seen(
        pid=int(entry.name),
        parent=int(fields["PPid"]),
        command=tuple(command.rstrip("\0").split("\0")),
        resident_bytes=_bytes(fields["VmRSS"]),
        highest_bytes=_bytes(fields.get("VmHWM", "0 kB")),
    )


def _bytes(field: str) -> int:
    """Of `  1234 kB`."""
    return int(field.split()[0]) * _KIB
