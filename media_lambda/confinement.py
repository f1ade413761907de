"""What a program that opens files of strangers may do: no network, and only so much memory, time and disk.

Decoders are large and files hostile. Whoever takes one over finds no socket to speak through and no way to get one.
"""

import contextlib
import ctypes
import platform
import resource
import struct
import sys
from dataclasses import dataclass

from media_lambda.log import log

_MEMORY_BYTES = 2560 * 1024**2
"""Of its own: what AWS Lambda gives the function, without what this program itself needs.

Not of addresses, of which threads reserve gigabytes that they never use.
"""
_OPEN_FILES = 128

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER_MODE = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000
_CALL_AT, _MACHINE_AT = 0, 4
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The kernel's name for the machine and its number of socket(2)."""
_IO_URING_SETUP = 425
"""Through its rings a socket can be opened without socket(2)."""
_FOREIGN_CALLS = 0x40000000
"""From here on x86-64 has the same calls once more, for programs of 32 bits."""


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """To be given to Popen as `preexec_fn`: it runs in the child, after fork and before the program."""

    cpu_s: int
    file_bytes: int
    """Of the largest file that it may write."""

    def __call__(self) -> None:
        _limit(resource.RLIMIT_CPU, self.cpu_s)
        _limit(resource.RLIMIT_FSIZE, self.file_bytes)
        _limit(resource.RLIMIT_DATA, _MEMORY_BYTES)
        _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
        _limit(resource.RLIMIT_CORE, 0)
        if not _without_network():
            log("network_not_closed", machine=platform.machine())


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # macOS knows some of these limits by name only.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (value, value))


def _without_network() -> bool:
    """Whether the kernel refuses this process every socket from now on, and every program that it starts."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    program = _no_sockets(*_MACHINES[platform.machine()])
    code = ctypes.create_string_buffer(program)
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    prctl = ctypes.CDLL(None).prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.create_string_buffer(head), 0, 0) == 0)


def _no_sockets(machine: int, socket_call: int) -> bytes:
    """A program for the kernel's filter; each step names how many to skip when it holds and when it does not."""
    steps = (
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _CALL_AT),
        (_AT_LEAST, 3, 0, _FOREIGN_CALLS),
        (_EQUAL, 2, 0, socket_call),
        (_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
