"""What somebody sees who has nothing but git, bash and Python. Downloads all packages."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from benchmarks.set_up import newcomers_environment
from devstack.layout import repository_root

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SET_UP_AND_DEMO_S = 1100
UNREACHABLE = "http://127.0.0.1:9/simple"
"""Of a package index; nothing listens there."""


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A fresh clone after its first demo."""

    clone: Path
    home: Path
    films: Path
    demo: subprocess.CompletedProcess[str]

    def run(self, program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = newcomers_environment(self.home) | variables
        return run_in(self.films.parent, [str(self.clone / "bin" / program), *arguments], environment)


def run_in(folder: Path, command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SET_UP_AND_DEMO_S,
        check=False,
    )


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    folder = tmp_path_factory.mktemp("fresh") / "ein Ordner mit Ümlaut"
    home, elsewhere, clone = folder / "home", folder / "elsewhere", folder / "montage"
    home.mkdir(parents=True)
    elsewhere.mkdir()
    environment = newcomers_environment(home)
    # Git refuses to read a repository of another user, unless it is told that this one is meant.
    source = str(repository_root())
    cloned = run_in(
        folder, ["git", "-c", f"safe.directory={source}/.git", "clone", "--quiet", source, str(clone)], environment
    )
    assert cloned.returncode == 0, cloned.stderr
    films = elsewhere / "films"
    demo = run_in(elsewhere, [str(clone / "bin" / "demo"), "--out", str(films)], environment)
    yield Newcomer(clone=clone, home=home, films=films, demo=demo)
    shutil.rmtree(folder)


def test_first_demo_of_a_fresh_clone_sets_itself_up_and_makes_the_film(newcomer: Newcomer) -> None:
    assert newcomer.demo.returncode == 0, newcomer.demo.stdout + newcomer.demo.stderr
    assert newcomer.demo.stderr.count("montage: setting up with") == 1
    assert str(newcomer.films / "welcome.mp4") in newcomer.demo.stdout
    with av.open(str(newcomer.films / "welcome.mp4")) as film:
        codecs = sorted(stream.codec_context.name for stream in film.streams)
        size = (film.streams.video[0].width, film.streams.video[0].height)
    assert codecs == ["aac", "h264"]
    assert size == (1280, 720)


def test_demo_leaves_nothing_in_the_home_nor_among_the_files_of_git(newcomer: Newcomer) -> None:
    status = run_in(newcomer.clone, ["git", "status", "--porcelain"], newcomers_environment(newcomer.home))

    assert (status.returncode, status.stdout) == (0, "")
    # pip asks rustc for its version, and where that is a shim of rustup it makes itself a folder.
    assert {entry.name for entry in newcomer.home.iterdir()} <= {".rustup"}
    assert [entry.name for entry in newcomer.films.iterdir()] == ["welcome.mp4"]
    assert not (newcomer.clone / ".venv" / "cache").exists()


def test_second_program_installs_nothing_and_needs_no_index(newcomer: Newcomer) -> None:
    before = installed(newcomer.clone)

    ended = newcomer.run("montage", "--help", PIP_INDEX_URL=UNREACHABLE, UV_DEFAULT_INDEX=UNREACHABLE)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.startswith("Usage: montage")
    assert installed(newcomer.clone) == before


def installed(clone: Path) -> dict[str, int]:
    """When each file of the environment was last written; bytecode is made by running."""
    venv = clone / ".venv"
    assert (venv / "montage-user.stamp").is_file()
    return {
        str(path): path.stat().st_mtime_ns
        for path in venv.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
    }
