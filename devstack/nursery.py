"""The parent of every process of a stack: a small, single-threaded program that outlives no one.

The supervisor runs inside programs that have threads, gRPC and event loops, where forking is unsafe. So it starts this
one program and asks it, over a pipe, to spawn and signal. When the pipe closes, for whatever reason (also a kill -9 of
the supervisor), everything below is ended. As *subreaper* this program inherits every orphan of its children,
so that also a grandchild in a session of its own (an FFmpeg, a Postgres worker) cannot get away.

One JSON object per line. In:  {"do": "spawn", "name", "argv", "env", "cwd", "log", "wrap", "uid", "last_signal"}
                               {"do": "signal", "name", "signal", "group"} · {"do": "remove", "folder"}
Out: {"event": "spawned", "name", "pid"} · {"event": "refused", "name", "error"}
     {"event": "exited", "name", "pid", "code"}

Runs with `python -I -S`, so nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LAST_GRACE_S = 2.0
"""How long a child with a last signal of its own may take to tidy up before SIGKILL."""


def main() -> int:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The supervisor decides when we end, by closing the pipe; a Ctrl-C meant for it must not cut its stop short.
        signal.signal(ignored, signal.SIG_IGN)
    libc = _libc()
    if libc is not None:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    nursery = Nursery(libc, terminal=int(sys.argv[1]))
    try:
        nursery.serve()
    finally:
        nursery.end_everything()
        nursery.remove_folders()
    return 0


@dataclass(kw_only=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    last_signal: int
    output: _WrappedOutput | None = None


@dataclass
class _WrappedOutput:
    """Turns the plain text of a foreign server into JSON lines, so that every log of a stack reads alike."""

    name: str
    pipe: int
    log: int
    pending: bytes = b""
    is_closed: bool = False

    def pump(self) -> bool:
        """Move what is there; False at the end of the stream."""
        if self.is_closed:
            # Its process was reaped earlier in the same round of events, and the rest was moved then.
            return True
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return True
        *lines, self.pending = (self.pending + data).split(b"\n")
        if not data and self.pending:
            lines, self.pending = [self.pending], b""
        for line in lines:
            record = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "level": "info",
                "service": self.name,
                "event": "output",
                "line": line.decode(errors="replace"),
            }
            os.write(self.log, json.dumps(record, ensure_ascii=False).encode() + b"\n")
        return bool(data)

    def close(self) -> None:
        self.is_closed = True
        os.close(self.pipe)
        os.close(self.log)


class Nursery:
    def __init__(self, libc: ctypes.CDLL | None, *, terminal: int) -> None:
        """`terminal` is the supervisor's standard output, lent to programs that have no log."""
        self._libc = libc
        self._terminal = terminal
        self._folders: list[str] = []
        self._children: dict[int, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._partial = b""

    def serve(self) -> None:
        """Work until the supervisor closes the pipe."""
        wake_read, wake_write = os.pipe()
        for end in (0, wake_read, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(0, selectors.EVENT_READ, "commands")
        self._selector.register(wake_read, selectors.EVENT_READ, "wake")
        while True:
            for key, _ in self._selector.select():
                if key.data == "wake":
                    os.read(wake_read, 4096)
                    self._reap()
                elif key.data == "commands":
                    if not self._read_commands():
                        return
                elif not key.data.pump():
                    self._forget_output(key.data)

    def end_everything(self) -> None:
        """Kill all children and whatever they left behind; returns when nothing is left."""
        patient = [child for child in self._children.values() if child.last_signal != signal.SIGKILL]
        for child in self._children.values():
            _kill(child.process.pid, child.last_signal, group=child.last_signal == signal.SIGKILL)
        deadline = time.monotonic() + (LAST_GRACE_S if patient else 0)
        while time.monotonic() < deadline and any(child.process.poll() is None for child in patient):
            time.sleep(0.01)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for child in self._children.values():
                _kill(child.process.pid, signal.SIGKILL, group=True)
            for pid in _descendants(os.getpid()):
                _kill(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)

    def remove_folders(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _read_commands(self) -> bool:
        data = os.read(0, 1 << 20)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["do"] == "spawn":
                self._spawn(command)
            elif command["do"] == "remove":
                self._folders.append(command["folder"])
            else:
                self._signal(command)
        return bool(data)

    def _spawn(self, command: dict[str, Any]) -> None:
        name = command["name"]
        output: _WrappedOutput | None = None
        try:
            if command["log"] is None:
                out, err = self._terminal, 2
                closing: list[int] = []
            else:
                out = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                closing = [out]
                if command["wrap"]:
                    pipe_read, pipe_write = os.pipe()
                    os.set_blocking(pipe_read, False)
                    output = _WrappedOutput(name, pipe_read, out)
                    out, closing = pipe_write, [pipe_write]
                err = out
            process = subprocess.Popen(
                command["argv"],
                env=command["env"],
                cwd=command["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                user=command["uid"],
                group=command["uid"],
                extra_groups=[] if command["uid"] is not None else None,
                preexec_fn=self._bind_to_parent,
            )
        except (OSError, subprocess.SubprocessError) as err_:
            _say(event="refused", name=name, error=f"{type(err_).__name__}: {err_}")
            if output:
                output.close()
            return
        finally:
            for fd in closing:
                os.close(fd)
        if output:
            self._selector.register(output.pipe, selectors.EVENT_READ, output)
        self._children[process.pid] = Child(
            name=name, process=process, last_signal=command["last_signal"], output=output
        )
        _say(event="spawned", name=name, pid=process.pid)

    def _bind_to_parent(self) -> None:
        """In the child, between fork and exec: die with this program, and take signals again."""
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for restored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(restored, signal.SIG_DFL)

    def _signal(self, command: dict[str, Any]) -> None:
        for pid, child in self._children.items():
            if child.name == command["name"] and child.process.poll() is None:
                _kill(pid, command["signal"], group=command["group"])

    def _reap(self) -> None:
        """Tell which children ended, and kill what they left: their group, and orphans that came to us.

        An orphan of a live child (a double fork) is killed as well; nothing in a stack makes daemons.
        """
        ended = [child for child in self._children.values() if child.process.poll() is not None]
        for child in ended:
            del self._children[child.process.pid]
            _kill(child.process.pid, signal.SIGKILL, group=True)
        for pid in _children_of(os.getpid()):
            if pid not in self._children:
                _kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        for child in ended:
            if child.output:
                self._drain(child.output)
            _say(event="exited", name=child.name, pid=child.process.pid, code=child.process.returncode)

    def _drain(self, output: _WrappedOutput) -> None:
        """Take the last words, so that whoever hears of the end can read them."""
        while not output.is_closed and _is_readable(output.pipe) and output.pump():
            pass
        self._forget_output(output)

    def _forget_output(self, output: _WrappedOutput) -> None:
        if not output.is_closed:
            self._selector.unregister(output.pipe)
            output.close()


def _say(**event: object) -> None:
    # A broken pipe means the supervisor is gone; the closed input tells us so in a moment.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(event).encode() + b"\n")


def _kill(pid: int, signal_number: int, *, group: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, signal_number)
        else:
            os.kill(pid, signal_number)


def _is_readable(fd: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(0))


def _children_of(parent: int) -> list[int]:
    return [pid for pid, ppid in _parents().items() if ppid == parent]


def _descendants(ancestor: int) -> list[int]:
    parents = _parents()
    found: list[int] = []
    frontier = [ancestor]
    while frontier:
        frontier = [pid for pid, ppid in parents.items() if ppid in frontier]
        found += frontier
    return found


def _parents() -> dict[int, int]:
    """Parent by process id, from /proc; empty where there is none (macOS), leaving process groups only."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may itself hold spaces and parentheses: count from the last one.
            parents[int(entry.parent.name)] = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
    return parents


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


if __name__ == "__main__":
    sys.exit(main())
