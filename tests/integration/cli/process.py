"""The `montage` command, run to its end or as a process to be dealt with."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from montage_cli.connection import Connection
from tests.integration.cli import forked
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = """\
id: welcome
nodes:
  - id: text
    type: asset
    asset: {type: text, content: Hello}
  - id: voice
    type: generate-voiceover
    inputs: {script: [text]}
  - id: film
    type: merge-videos
    inputs: {segments: [voice]}
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Montage:
    """Starts the command in a folder of its own."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONFAULTHANDLER": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "protos" / "gen")]),
            "MONTAGE_PIPELINE_ADDR": connection.address,
            "MONTAGE_CA_CERT": str(connection.ca_cert),
            "MONTAGE_CLIENT_CERT": str(connection.client_cert),
            "MONTAGE_CLIENT_KEY": str(connection.client_key),
        }

    async def __call__(self, *arguments: str) -> Ended:
        """The command to its end."""
        code, stdout, stderr = await asyncio.to_thread(
            forked.run, arguments, environment=self.environment, folder=self.folder
        )
        assert "Traceback" not in stderr, stderr
        return Ended(code=code, stdout=stdout, stderr=stderr)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """In a process of its own, for a test that does something to it while it runs."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "montage_cli",
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def end_of(self, process: asyncio.subprocess.Process) -> Ended:
        ended = asyncio.ensure_future(process.communicate())
        done, _ = await asyncio.wait({ended}, timeout=PATIENCE_S)
        if not done:
            process.send_signal(signal.SIGABRT)  # it says where it hangs
            stdout, stderr = await ended
            raise AssertionError(f"it did not end; it wrote {stdout.decode()!r} and:\n{stderr.decode()}")
        stdout, stderr = ended.result()
        assert b"Traceback" not in stderr, stderr.decode()
        return Ended(code=process.returncode or 0, stdout=stdout.decode(), stderr=stderr.decode())
