"""The child process that speaks, draws and encodes: `python -m executor_service.integrations.local.render`."""

import dataclasses
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from executor_service.integrations.local.errors import ErrorType, LocalVendorError
from executor_service.integrations.local.facts import probe, unfinished

Progress = Callable[[float], None]


def main() -> int:
    """Do the job that the first line of standard input describes; answer on standard output."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        destination = _run(request["kind"], request["job"], progress=_report_progress)
        facts = dataclasses.asdict(probe(destination))
    except LocalVendorError as err:
        _answer({"error": {"type": err.error_type, "message": err.message, "details": err.details}})
    except Exception as err:  # the edge of the process: everything becomes an answer
        _answer({"error": {"type": ErrorType.INTERNAL, "message": repr(err), "details": traceback.format_exc()}})
    else:
        _answer({"facts": {**facts, "path": str(facts["path"])}})
    return 0


def _run(kind: str, job: dict[str, Any], *, progress: Progress) -> Path:
    """Do a job beside its destination and move the file there only when it is whole."""
    # Each branch imports what it needs: the voice wants no drawing, and Pygments alone costs a tenth of a second.
    destination = Path(job.pop("destination"))
    growing = unfinished(destination)
    try:
        match kind:
            case "voice":
                from executor_service.integrations.local.speech import render_voice

                render_voice(job, growing, progress=progress)
            case "avatar":
                from executor_service.integrations.local.avatar_scene import render_avatar

                render_avatar(job, growing, progress=progress)
            case "code-screen":
                from executor_service.integrations.local.code_scene import render_code_screen

                render_code_screen(job, growing, progress=progress)
            case "animation":
                from executor_service.integrations.local.title_scene import render_animation

                render_animation(job, growing, progress=progress)
            case _:
                raise LocalVendorError(ErrorType.INTERNAL, f"no such kind of job: {kind!r}")
        growing.replace(destination)
    finally:
        growing.unlink(missing_ok=True)
    return destination


def _report_progress(fraction: float) -> None:
    _answer({"progress": round(min(max(fraction, 0.0), 1.0), 3)})


def _answer(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """Leave at once when the parent is gone; FFmpeg then sees the end of its input and leaves too."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
