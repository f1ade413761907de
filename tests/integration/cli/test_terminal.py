"""The command on a terminal."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from montage_cli.connection import Connection
from tests.integration.cli.fake_service import FakeService
from tests.integration.cli.process import Montage

ASSET = "id: welcome\nnodes:\n  - id: script\n    type: asset\n    asset: {type: text, source: words.txt}\n"


class Terminal:
    """Starts the command on a terminal of its own."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.folder = folder
        self._environment = Montage(connection, folder).environment | {"TERM": "xterm", "COLUMNS": "100"}

    async def montage(self, *arguments: str, typed: bytes = b"") -> tuple[int, str]:
        """Exit code, and everything that was on the screen."""
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "montage_cli", *arguments,
            cwd=self.folder, env=self._environment, stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, typed)
        screen = await asyncio.to_thread(_read_to_the_end, ours)
        assert "Traceback" not in screen
        return await process.wait(), screen


@pytest.fixture(name="terminal")
def _terminal(connection: Connection, tmp_path: Path) -> Terminal:
    return Terminal(connection, tmp_path)


async def test_run_on_a_terminal_draws_a_bar_per_node(terminal: Terminal, service: FakeService) -> None:
    service.given_pipeline("welcome", ("voice", "generate-voiceover", ()), ("film", "merge-videos", ("voice",)))

    code, screen = await terminal.montage("run", "welcome", "--wait")

    assert code == 0, screen
    assert "voice" in screen
    assert "generate-voiceover" in screen
    assert "completed" in screen
    assert "━" in screen
    assert "← voice" in screen


async def test_import_on_a_terminal_draws_a_bar_per_upload(terminal: Terminal) -> None:
    (terminal.folder / "welcome.yaml").write_text(ASSET)
    (terminal.folder / "words.txt").write_text("x" * 2_000_000)

    code, screen = await terminal.montage("import", "welcome.yaml")

    assert code == 0, screen
    assert "words.txt" in screen
    assert "2.0/2.0 MB" in screen


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 3)])
async def test_delete_on_a_terminal_asks(terminal: Terminal, service: FakeService, typed: bytes, code: int) -> None:
    service.given_pipeline("welcome", ("voice", "noop", ()))

    ended, screen = await terminal.montage("delete", "welcome", typed=typed)

    assert ended == code, screen
    assert "delete pipelines/welcome (Welcome) with its nodes (1)? [y/N]" in screen
    assert ("pipelines/welcome" in service.pipelines) is (code != 0)


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
