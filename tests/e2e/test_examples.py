"""Every example, and what `montage init` writes, made on one real stack; and their exports, imported again."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from devstack.layout import repository_root
from devstack.stack import Stack, StackOptions
from tests.stacks import running_stack

ROOT = repository_root()
MAKING_S = 150.0
"""For all examples together, on a machine that others use as well; alone it takes some 20."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """What an example should come to."""

    file: str
    """In the folder of downloads."""
    size: tuple[int, int]
    seconds: tuple[float, float]
    """Least and most."""
    codecs: frozenset[str]


SILENT = frozenset({"h264"})
SOUNDING = frozenset({"h264", "aac"})
FILMS = {
    # What is merged gets a sound track, of silence where there is none; a fade goes through black and costs no time.
    "two-clips": Film(file="day.mp4", size=(1280, 720), seconds=(3.9, 4.1), codecs=SOUNDING),
    "voice-over": Film(file="spoken.mp4", size=(1280, 720), seconds=(4.9, 5.1), codecs=SOUNDING),
    "code-screen": Film(file="screen.mp4", size=(960, 540), seconds=(2.9, 3.1), codecs=SILENT),
    "picture-in-picture": Film(file="film.mp4", size=(1280, 720), seconds=(2.9, 3.1), codecs=SOUNDING),
    "client.py": Film(file="clip.mp4", size=(1280, 720), seconds=(1.9, 2.1), codecs=SILENT),
    # Two seconds of title and the script, read aloud.
    "init": Film(file="film.mp4", size=(1280, 720), seconds=(6.0, 14.0), codecs=SOUNDING),
}
DOCUMENTS = [name for name in FILMS if name not in {"client.py", "init"}]
FUNCTION = "function"
"""Makes no film: it has a user's own function run."""
LONGEST_DOCUMENT = 15
LONGEST_PROGRAM = 25


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A program that ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module", name="stack")
def _stack() -> Iterator[Stack]:
    with running_stack(StackOptions()) as stack:
        yield stack


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where downloads go, by name of the example."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module", name="made")
def _made(stack: Stack, folder: Path) -> Mapping[str, Ended]:
    """How each example ended. All are made at once: most of their time is waiting."""

    async def make_all() -> list[Ended]:
        (folder / "client.py").mkdir()
        await run(stack, folder, *MONTAGE, "init", "init")
        makings = [
            run(stack, folder, *MONTAGE, "run", str(ROOT / "examples" / name / "pipeline.yaml"), "--out", f"{name}/out")
            for name in (*DOCUMENTS, FUNCTION)
        ]
        makings.append(run(stack, folder / "client.py", str(ROOT / "examples" / "client.py")))
        makings.append(run(stack, folder / "init", *MONTAGE, "run", "pipeline.yaml"))
        async with asyncio.timeout(MAKING_S):
            return await asyncio.gather(*makings)

    return dict(zip((*DOCUMENTS, FUNCTION, "client.py", "init"), asyncio.run(make_all()), strict=True))


MONTAGE = ("-m", "montage_cli")


async def run(stack: Stack, folder: Path, *arguments: str) -> Ended:
    """A Python program in `folder`, as a client of the stack."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen"))),
        **stack.env_for_client(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", *arguments,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


def test_client_prints_what_happens_and_no_blank_lines(made: Mapping[str, Ended]) -> None:
    told = [line.split() for line in made["client.py"].out.splitlines()]

    assert ["pipelines/from-python/nodes/clip", "SUCCEEDED"] in told
    assert [line for line in told if not line] == []


@pytest.mark.parametrize("name", FILMS)
def test_example_is_made_as_it_says(made: Mapping[str, Ended], folder: Path, name: str) -> None:
    ended, film = made[name], FILMS[name]

    assert (ended.code, ended.err) == (0, "")
    assert os.listdir(folder / name / "out") == [film.file]
    with av.open(str(folder / name / "out" / film.file)) as container:
        video = container.streams.video[0]
        found = (video.codec_context.width, video.codec_context.height)
        codecs = {stream.codec_context.name for stream in container.streams}
        duration_s = (container.duration or 0) / 1_000_000
    assert found == film.size
    assert codecs == film.codecs
    assert film.seconds[0] <= duration_s <= film.seconds[1]


def test_function_of_a_users_own_reads_its_input_and_leaves_its_result(made: Mapping[str, Ended], folder: Path) -> None:
    ended = made[FUNCTION]

    assert (ended.code, ended.err) == (0, "")
    result = json.loads((folder / FUNCTION / "out" / "words.json").read_text())
    assert result == {"words": 18, "most": {"list": 2, "words": 2, "film": 1, "steps": 1, "step": 1, "cheap": 1}}


@pytest.mark.parametrize(
    "name",
    [
        # Documents of every shape go this way in tests/integration, without films being made of them.
        pytest.param(name, marks=() if name == "picture-in-picture" else pytest.mark.slow)
        for name in (*DOCUMENTS, FUNCTION, "init")
    ],
)
async def test_export_import_export_of_an_example_gives_the_same_bytes(
    stack: Stack, made: Mapping[str, Ended], tmp_path: Path, name: str
) -> None:
    first = await run(stack, tmp_path, *MONTAGE, "export", name)
    (tmp_path / "same.yaml").write_text(first.out)
    (tmp_path / "copy.yaml").write_text(first.out.replace(f"id: {name}\n", f"id: {name}-copy\n", 1))

    same = await run(stack, tmp_path, *MONTAGE, "import", "same.yaml")
    copy = await run(stack, tmp_path, *MONTAGE, "import", "copy.yaml")
    second = await run(stack, tmp_path, *MONTAGE, "export", name)
    of_copy = await run(stack, tmp_path, *MONTAGE, "export", f"{name}-copy")

    nodes = first.out.count("\n  - id: ")
    assert first.out.startswith(f"id: {name}\n")
    assert (same.code, same.out) == (0, f"imported pipelines/{name}: {nodes} unchanged\n"), same.err
    assert second.out == first.out
    assert (copy.code, copy.out) == (0, f"imported pipelines/{name}-copy: {nodes} added\n"), copy.err
    assert of_copy.out == (tmp_path / "copy.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("executions", "voice-over/spoken"), "succeeded"),
        (("runs", "voice-over"), "every leaf"),
        (("events", "voice-over", "--after", "1"), "execution_succeeded"),
        (("describe", "voice-over/spoken"), "mode: replace"),
        (("types", "merge-videos"), "2 to 64"),
        (("validate", str(ROOT / "examples" / "voice-over" / "pipeline.yaml")), "pipeline.yaml is good"),
        (("validate", str(ROOT / "examples" / "two-clips" / "pipeline.yaml")), "an import would change nothing"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_command_that_looks_is_answered_by_the_real_service(
    stack: Stack, made: Mapping[str, Ended], tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    ended = await run(stack, tmp_path, *MONTAGE, *arguments)

    assert (ended.code, ended.err) == (0, "")
    assert expected in ended.out


async def test_validate_finds_a_missing_asset_of_an_example(stack: Stack, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "voice-over", tmp_path / "example")
    (tmp_path / "example" / "script.txt").rename(tmp_path / "example" / "text.txt")

    ended = await run(stack, tmp_path, *MONTAGE, "validate", "example/pipeline.yaml")

    assert ended.code == 3
    assert "nodes[0].asset.source, line 4: no file 'script.txt' beside the document" in ended.err


def test_examples_are_short_and_all_of_them_are_tested() -> None:
    examples = {path.parent.name: path for path in (ROOT / "examples").glob("*/pipeline.yaml")}

    assert set(examples) == {*DOCUMENTS, FUNCTION, "lesson", "welcome"}
    for name in (*DOCUMENTS, FUNCTION):
        assert len(examples[name].read_text().splitlines()) <= LONGEST_DOCUMENT
    assert len((ROOT / "examples" / "client.py").read_text().splitlines()) <= LONGEST_PROGRAM
