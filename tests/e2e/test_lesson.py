"""The lesson of the examples, first as a draft that costs nothing, then with simulated vendors: nothing in common."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from montage.v1 import resources_pb2 as resources

from devstack.layout import repository_root
from devstack.simulated_vendors import SimulatedVendors, simulated_vendors
from devstack.stack import StackOptions
from tests.e2e.house import House, new_id, open_house, state_of
from tests.factories import a_document

# A minute of processor time goes into drawing and encoding two films of twelve seconds.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400), pytest.mark.slow]

LESSON = repository_root() / "examples" / "lesson" / "pipeline.yaml"
MAKING_S = 180.0
RED = (200, 30, 45)
BOUGHT = {"elevenlabs": 3, "heygen": 2, "runway": 1, "veo": 0}


@dataclass(frozen=True, kw_only=True)
class Film:
    """What a downloaded film is."""

    size: tuple[int, int]
    codecs: frozenset[str]
    seconds: float
    pictures: list[npt.NDArray[np.uint8]]
    """One of each second."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """Both films, and what was on the vendors' bills after each."""

    draft: Path
    film: Path
    bills_after_draft: dict[str, int]
    bills: dict[str, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendors")
async def _vendors() -> AsyncIterator[SimulatedVendors]:
    async with simulated_vendors() as vendors:
        yield vendors


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="house")
async def _house(vendors: SimulatedVendors) -> AsyncIterator[House]:
    async with open_house(StackOptions(settings={"executor": vendors.settings})) as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="made")
async def _made(house: House, vendors: SimulatedVendors, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("lesson")
    await montage(house, folder, "run", str(LESSON), "--draft")
    after_draft = bills(vendors)
    await montage(house, folder, "run", str(LESSON))
    out = folder / "out"
    return Made(
        draft=out / "lesson-DRAFT.mp4",
        film=out / "lesson.mp4",
        bills_after_draft=after_draft,
        bills=bills(vendors),
    )


async def montage(house: House, folder: Path, *arguments: str) -> None:
    """Run the command to its end, which must be a good one."""
    root = repository_root()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "montage_cli", *arguments,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(root), str(root / "protos" / "gen"))),
            **house.stack.env_for_client(),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(MAKING_S):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, told.decode()


def bills(vendors: SimulatedVendors) -> dict[str, int]:
    """How many things each vendor was paid for."""
    files = {vendor: vendors.bills / f"{vendor}.jsonl" for vendor in BOUGHT}
    return {
        vendor: len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0
        for vendor, file in files.items()
    }


def probed(path: Path) -> Film:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        size = (video.codec_context.width, video.codec_context.height)
        codecs = frozenset(stream.codec_context.name for stream in container.streams)
        seconds = (container.duration or 0) / 1_000_000
        pictures: list[npt.NDArray[np.uint8]] = []
        for frame in container.decode(video):
            if frame.time is not None and frame.time >= len(pictures):
                pictures.append(frame.to_ndarray(format="rgb24"))
    return Film(size=size, codecs=codecs, seconds=seconds, pictures=pictures)


def is_marked(picture: npt.NDArray[np.uint8]) -> bool:
    """Whether the place of the mark, at the top of the middle, is red with white letters."""
    place = picture[40:106, 541:739].astype(int)
    return bool((abs(place - RED).max(axis=2) < 40).mean() > 0.4 and (place.min(axis=2) > 200).mean() > 0.1)


async def outputs(house: House, pipeline: str) -> dict[str, resources.Output]:
    """Of every node that something was made for."""
    nodes = [node async for node in house.client.list_nodes(f"pipelines/{pipeline}")]
    return {node.name.rpartition("/")[2]: node.output for node in nodes if node.type != "asset"}


async def test_lesson_is_made_with_simulated_vendors_each_paid_once(made: Made) -> None:
    film = probed(made.film)

    assert made.bills == BOUGHT
    assert (film.size, film.codecs) == ((1280, 720), frozenset({"h264", "aac"}))
    assert 10 < film.seconds < 20


async def test_draft_of_the_lesson_is_free_and_says_so_in_every_picture(made: Made) -> None:
    draft = probed(made.draft)

    assert made.bills_after_draft == dict.fromkeys(BOUGHT, 0)
    assert (draft.size, draft.codecs) == ((1280, 720), frozenset({"h264", "aac"}))
    assert 8 < draft.seconds < 25
    assert all(map(is_marked, draft.pictures))


async def test_film_after_a_draft_has_not_one_byte_of_it(house: House, made: Made) -> None:
    drafts, films = await outputs(house, "lesson~draft"), await outputs(house, "lesson")

    assert drafts.keys() == films.keys()
    assert all(output.sha256 for output in (*drafts.values(), *films.values()))
    assert not {one.sha256 for one in drafts.values()} & {one.sha256 for one in films.values()}
    assert not any(map(is_marked, probed(made.film).pictures))


async def test_code_screen_is_rendered_by_remotion_once_and_its_draft_here(
    house: House, vendors: SimulatedVendors
) -> None:
    snippet = {"id": "snippet", "type": "asset", "asset": {"type": "text", "content": f"x = '{new_id('x')}'"}}
    config = {"provider": "remotion", "width": 640, "height": 360, "theme": "nord"}
    screen = {"id": "screen", "type": "render-code", "inputs": {"config": ["snippet"]}, "config": config}
    bill = vendors.bills / "remotion.jsonl"
    before = len(bill.read_text(encoding="utf-8").splitlines())
    name = new_id("screen")
    run = await house.run(a_document(snippet, screen, document_id=name))

    draft = await house.end_of(await house.client.run(f"pipelines/{name}", draft=True))

    assert (state_of(run), state_of(draft)) == ("SUCCEEDED", "SUCCEEDED")
    made, drafted = (await house.nodes(run))["screen"].output, (await house.nodes(draft))["screen"].output
    assert [(one.media.width, one.media.height) for one in (made, drafted)] == [(640, 360)] * 2
    assert made.sha256 != drafted.sha256
    assert len(bill.read_text(encoding="utf-8").splitlines()) == before + 1
