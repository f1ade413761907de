"""Looks into media files in a confined child process: what crashes or stalls a decoder takes only that child along.

Run as `python -m media_lambda.inspector` it is that child. Each line of its standard input is a question, each line of
its standard output an answer, in JSON.
"""

import base64
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from media_lambda.confinement import Confinement
from media_lambda.deadline import Deadline
from media_lambda.errors import Unreadable
from media_lambda.facts import MediaFacts
from media_lambda.facts_json import facts_from_json, facts_to_json

_LONGEST_LOOK_S = 120.0
"""Reading all packets of 4 GB takes a quarter of it on AWS Lambda."""
_RESERVE_S = 5.0
"""Kept of the invocation's time to tell what became of it."""


class Inspector:
    """One child, started early, since its start takes longer than most looks; started again after one that died."""

    def __init__(self, deadline: Deadline, *, longest_look_s: float = _LONGEST_LOOK_S) -> None:
        self._deadline = deadline
        self._longest_look_s = longest_look_s
        self._child = _start(deadline)

    def __enter__(self) -> "Inspector":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end(self._child)

    def probe(self, path: Path, *, demuxer: str) -> MediaFacts:
        """Measure a file. Raises Unreadable."""
        return facts_from_json(self._ask({"look": "probe", "path": str(path), "demuxer": demuxer}))

    def contact_sheet(self, path: Path, *, demuxer: str) -> bytes:
        """A JPEG with twelve frames of a film. Raises Unreadable."""
        answer = self._ask({"look": "contact_sheet", "path": str(path), "demuxer": demuxer})
        return base64.b64decode(answer["jpeg"])

    def _ask(self, question: dict[str, str]) -> dict[str, Any]:
        if self._child.poll() is not None:
            self._child = _start(self._deadline)
        time_s = min(self._longest_look_s, self._deadline.remaining_s(reserve_s=_RESERVE_S))
        timer = threading.Timer(time_s, self._child.kill)
        timer.start()
        try:
            line = _converse(self._child, json.dumps(question).encode())
            was_in_time = timer.is_alive()
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            _end(self._child)
            raise Unreadable(
                "FFmpeg's libraries crashed on it" if was_in_time else f"it took longer than {time_s:.0f} s"
            )
        answer: dict[str, Any] = json.loads(line)
        if "unreadable" in answer:
            raise Unreadable(answer["unreadable"])
        return answer


def _start(deadline: Deadline) -> "subprocess.Popen[bytes]":
    cpu_s = math.ceil(deadline.remaining_s()) * (os.cpu_count() or 1) + 1
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "media_lambda.inspector"],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # No other thread runs while a child is started.
        preexec_fn=Confinement(cpu_s=cpu_s, file_bytes=0),
    )


def _converse(child: "subprocess.Popen[bytes]", question: bytes) -> bytes:
    """The child's answer; empty when it is gone."""
    if child.stdin is None or child.stdout is None:
        raise AssertionError("the inspector was started without pipes")
    try:
        child.stdin.write(question + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return b""
    return child.stdout.readline()


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    # Closes both pipes as well.
    child.communicate()


def main() -> None:
    """The child: answers until its input ends."""
    from media_lambda.probe import probe
    from mediakit.contact_sheet import NoPictures, draw_contact_sheet

    for line in sys.stdin:
        question = json.loads(line)
        path, demuxer = Path(question["path"]), question["demuxer"]
        try:
            if question["look"] == "probe":
                answer: dict[str, Any] = facts_to_json(probe(path, demuxer=demuxer))
            else:
                answer = {"jpeg": base64.b64encode(draw_contact_sheet(path, demuxer=demuxer)).decode()}
        except (Unreadable, NoPictures, MemoryError) as error:
            answer = {"unreadable": str(error) or "it needs more memory than there is"}
        print(json.dumps(answer), flush=True)  # noqa: T201 - standard output is the way back


if __name__ == "__main__":
    main()
