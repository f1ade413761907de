"""What becomes of every file of the corpus: a film as long as it should be, or the exact reason why not.

And whatever the files ask for: no file of the machine is opened for them, and nobody is called.
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.media.clips import make_clip
from tests.integration.media.conftest import Bench
from tests.integration.media.corpus import CORPUS, Input, Traps
from tests.integration.media.watch import Watch, watched

CASES = [pytest.param(one, id=one.name, marks=() if one.is_sample else pytest.mark.slow) for one in CORPUS]


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that lies where no upload may reach."""
    return make_clip(tmp_path_factory.mktemp("elsewhere") / "canary.mp4", seconds=1, picture="color=red")


@pytest.fixture
def watch(canary: Path) -> Iterator[Watch]:
    with watched(canary) as found:
        yield found


@pytest.mark.parametrize("given", CASES)
def test_file_becomes_a_film_or_is_refused_with_its_reason(
    bench: Bench, given: Input, canary: Path, watch: Watch, listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    traps = Traps(canary=canary, address=f"http://127.0.0.1:{listener.getsockname()[1]}/canary.mp4")
    path = bench.folder / given.name
    given.make(path, traps)
    watch.forget()

    body = bench.run(event_for(bench, given, bench.put(path)))

    if given.seconds is None:
        assert body["error_type"] == given.error_type
        assert re.fullmatch(
            rf".*\({re.escape('s3://montage/inputs/')}[^)]*\):? {given.reason}|{given.reason}", body["error"]
        ), body["error"]
    else:
        assert "error" not in body, body
        result = body["result"]
        assert (result["video_codec"], result["audio_codec"]) == ("h264", "aac")
        assert result["duration"] == pytest.approx(given.seconds * (1 if given.is_sound else 2), abs=0.05)
        assert given.size in (None, (result["width"], result["height"]))
        assert ('"video": "copy"' in capfd.readouterr().err) is given.is_copied
    assert watch.opened() == 0
    with pytest.raises(BlockingIOError):
        listener.accept()


def event_for(bench: Bench, given: Input, address: str) -> dict[str, object]:
    if given.is_sound:
        plain = bench.clip("film.mp4", seconds=given.seconds or 1, tone_hz=None)
        return bench.event("mix-audio", {"video": [plain], "audio": [address]})
    return bench.event("merge-videos", {"segments": [address, address]})


def test_corpus_is_as_varied_as_what_people_upload() -> None:
    assert len(CORPUS) >= 40
    assert len({one.name for one in CORPUS}) == len(CORPUS)
    assert sum(one.seconds is not None for one in CORPUS) >= 22
    assert len({(one.error_type, one.reason) for one in CORPUS if one.seconds is None}) >= 8


def test_watch_sees_a_file_that_is_opened(canary: Path, watch: Watch) -> None:
    canary.read_bytes()

    assert watch.opened() == 1
