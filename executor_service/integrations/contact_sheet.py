"""The contact sheet of a film, drawn in a child process.

Run as `python -m executor_service.integrations.contact_sheet` it is that child: path and format on standard input, the
JPEG on standard output.
"""

import asyncio
import json
import sys
from pathlib import Path

from executor_service.integrations import limited_child
from executor_service.integrations.sniff import HEAD_BYTES, sniff

_MODULE = "executor_service.integrations.contact_sheet"
_TIME_LIMIT_S = 60


async def draw(film: Path) -> bytes | None:
    """The sheet, or None when the film has no frames that can be read within a minute."""
    found = await asyncio.to_thread(lambda: sniff(_head(film)))
    if found is None or found.container is None:
        return None
    try:
        question = {"path": str(film), "format": found.container}
        return await limited_child.ask(_MODULE, question, time_limit_s=_TIME_LIMIT_S)
    except TimeoutError:
        return None


def _head(film: Path) -> bytes:
    with film.open("rb") as file:
        return file.read(HEAD_BYTES)


def main() -> int:
    """The child. Any error is its exit code: what a hostile file makes FFmpeg say helps nobody."""
    from mediakit.contact_sheet import draw_contact_sheet  # only the child needs PyAV

    limited_child.limit_this_process(time_limit_s=_TIME_LIMIT_S)
    question = json.load(sys.stdin)
    try:
        jpeg = draw_contact_sheet(Path(question["path"]), demuxer=question["format"])
    except Exception:  # see above
        return 1
    sys.stdout.buffer.write(jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
