"""The command on a terminal."""

import asyncio
import os
import pty
import sys
from pathlib import Path

from montage_cli.connection import Connection
from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.test_command import Montage


async def test_run_on_a_terminal_draws_a_bar_per_node(
    connection: Connection, service: FakeService, tmp_path: Path
) -> None:
    service.given_pipeline("welcome", ("voice", "generate-voiceover", ()), ("film", "merge-videos", ("voice",)))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "montage_cli",
        "run",
        "welcome",
        "--wait",
        cwd=tmp_path,
        env=Montage(connection, tmp_path).environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)

    screen = await asyncio.to_thread(_read_to_the_end, ours)
    code = await process.wait()

    assert code == 0, screen
    assert "voice" in screen
    assert "generate-voiceover" in screen
    assert "completed" in screen
    assert "━" in screen
    assert "Traceback" not in screen


def _read_to_the_end(terminal: int) -> str:
    found = b""
    try:
        while piece := os.read(terminal, 65536):
            found += piece
    except OSError:
        # Linux answers EIO when the other side is closed.
        pass
    os.close(terminal)
    return found.decode(errors="replace")
