"""Keeps the house busy: so many films at a time, for as long as it is told, and a few joins."""

import asyncio
import itertools
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg

from montage_cli.assets import read_asset
from montage_cli.client import MontageClient
from montage_cli.errors import MontageError
from tests.chaos.client import Client, RefusedForGood
from tests.chaos.documents import CLIPS, Document, a_join, another_clip, edited
from tests.chaos.history import History
from tests.chaos.pulse import Pulse

EDITED = 0.15
"""Chance that a film is changed, and run again, while it is being made."""
EDIT_AFTER_S = 1.5
JOINS_AT_ONCE = 4
_UPLOAD_PAUSE_S = 0.5


class Load:
    def __init__(self, *, seed: int, client: Client, uploads: MontageClient, pulse: Pulse, history: History) -> None:
        self._chance = random.Random(seed)
        self._client = client
        self._uploads = uploads
        self._pulse = pulse
        self._history = history
        self._until = 0.0

    async def run(self, *, films: Iterator[Document], at_once: int, seconds: float, folder: Path) -> None:
        """Begin nothing new after `seconds`; returns when all that was begun is over."""
        self._until = asyncio.get_running_loop().time() + seconds
        clips = make_clips(folder)
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._make_films(films))
            for worker in range(JOINS_AT_ONCE):
                group.create_task(self._make_joins(clips, folder, first=worker + 1))

    def _goes_on(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    async def _make_films(self, films: Iterator[Document]) -> None:
        while self._goes_on():
            await self._make(next(films), is_edited=self._chance.random() < EDITED)

    async def _make(self, film: Document, *, is_edited: bool = False) -> None:
        try:
            await self._client.import_(film)
            run = await self._client.run(film["id"])
            if is_edited:
                await asyncio.sleep(EDIT_AFTER_S)
                await self._client.import_(edited(film))
                run = await self._client.run(film["id"])
        except RefusedForGood:
            return  # on record, and a finding
        self._history.write("wanted", pipeline=film["id"], run=run)
        await self._pulse.end_of(run)

    async def _make_joins(self, clips: dict[str, Path], folder: Path, *, first: int) -> None:
        for number in itertools.count(first, JOINS_AT_ONCE):
            if not self._goes_on():
                return
            second = folder / f"second-{number}.mp4"
            second.write_bytes(another_clip(clips["second"].read_bytes(), number))
            sources = {"first": await self._upload(clips["first"]), "second": await self._upload(second)}
            second.unlink()
            await self._make(a_join(number, sources))

    async def _upload(self, path: Path) -> str:
        while True:
            try:
                return await self._uploads.upload_asset(read_asset(path))
            except MontageError:
                await asyncio.sleep(_UPLOAD_PAUSE_S)


def make_clips(folder: Path) -> dict[str, Path]:
    """Half a second each, of two sizes, so that joining them takes an encoder."""
    made = {}
    for name, size in zip(CLIPS, ("320x180", "160x90"), strict=True):
        made[name] = folder / f"{name}.mp4"
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=0.5"]
        encoding = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *source, *encoding]
        subprocess.run([*command, str(made[name])], check=True, timeout=60)
    return made
