"""Named places where a crash test can stop the process; nothing happens there unless the service was started so."""

import asyncio
import os
import re
import signal
from dataclasses import dataclass
from enum import StrEnum


class FailpointAction(StrEnum):
    KILL = "kill"
    """SIGKILL to ourselves: no handler, no flush, as a power cut would do it."""
    STOP = "stop"
    """SIGSTOP to ourselves: alive but silent, until someone sends SIGCONT."""
    SLEEP = "sleep"
    """Wait `argument` seconds."""
    RAISE = "raise"
    """Raise FailpointError."""


class FailpointError(RuntimeError):
    """What the action `raise` raises."""


class InvalidFailpoints(ValueError):
    """The variable that switches failpoints on cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Failpoint:
    """One armed place."""

    name: str
    action: FailpointAction
    argument: float = 0.0
    only_hit: int | None = None
    """Acts only at this hit, counted from 1; None is every hit."""


_ENTRY = re.compile(
    r"(?P<name>[a-z0-9_.]+)=((?P<action>kill|stop|raise)|(?P<sleep>sleep):(?P<argument>\d+(\.\d+)?))(@(?P<hit>[1-9]\d*))?"
)


class Failpoints:
    """The armed failpoints of one process, handed to whatever has places worth dying at.

    Unarmed, a hit is one look into an empty dict.
    """

    def __init__(self, armed: tuple[Failpoint, ...] = ()) -> None:
        self._armed = {failpoint.name: failpoint for failpoint in armed}
        self._hits = dict.fromkeys(self._armed, 0)

    @classmethod
    def parse(cls, text: str) -> "Failpoints":
        """Read `name=kill@3,other=sleep:5`; empty text arms nothing. Raises InvalidFailpoints."""
        armed: list[Failpoint] = []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            found = _ENTRY.fullmatch(entry)
            if found is None:
                raise InvalidFailpoints(
                    f"expected name=kill|stop|raise|sleep:SECONDS with an optional @HIT, found {entry!r}"
                )
            armed.append(
                Failpoint(
                    name=found["name"],
                    action=FailpointAction(found["action"] or found["sleep"]),
                    argument=float(found["argument"] or 0),
                    only_hit=int(found["hit"]) if found["hit"] else None,
                )
            )
        if len({failpoint.name for failpoint in armed}) != len(armed):
            raise InvalidFailpoints(f"a failpoint is armed twice in {text!r}")
        return cls(tuple(armed))

    async def hit(self, name: str) -> None:
        """Pass the place called `name`."""
        failpoint = self._armed.get(name)
        if failpoint is None:
            return
        self._hits[name] += 1
        if failpoint.only_hit not in (None, self._hits[name]):
            return
        match failpoint.action:
            case FailpointAction.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case FailpointAction.STOP:
                os.kill(os.getpid(), signal.SIGSTOP)
            case FailpointAction.SLEEP:
                await asyncio.sleep(failpoint.argument)
            case FailpointAction.RAISE:
                raise FailpointError(f"failpoint {name}")
