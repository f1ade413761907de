"""What programs that open strangers' files may do, asked of real programs and the real kernel."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from media_lambda.confinement import Confinement
from media_lambda.deadline import Deadline
from media_lambda.errors import Unreadable
from media_lambda.inspector import Inspector
from tests.integration.media.clips import make_clip

MIB = 1024 * 1024

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter is Linux's")


def confined(*command: str, file_bytes: int = MIB) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        preexec_fn=Confinement(cpu_s=20, file_bytes=file_bytes),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def python(code: str) -> subprocess.CompletedProcess[str]:
    return confined(sys.executable, "-I", "-c", code)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def assert_saw_nothing(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


@linux
@pytest.mark.parametrize("kind", ["AF_INET", "AF_INET6", "AF_UNIX"])
def test_confined_program_gets_no_socket(kind: str) -> None:
    ended = python(f"import socket; socket.socket(socket.{kind})")

    assert ended.returncode == 1
    assert "PermissionError" in ended.stderr


@linux
def test_confined_ffmpeg_that_is_told_to_read_an_address_reaches_nobody(listener: socket.socket) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/film.mp4"

    ended = confined(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", address, "-f", "null", "-")

    assert ended.returncode != 0
    assert "Operation not permitted" in ended.stderr
    assert_saw_nothing(listener)


def test_confined_program_gets_so_much_memory_and_no_more() -> None:
    assert python(f"bytearray({512 * MIB})").returncode == 0
    assert "MemoryError" in python(f"bytearray({3000 * MIB})").stderr


def test_confined_program_writes_no_file_beyond_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large"

    ended = python(f"open({str(path)!r}, 'wb', buffering=0).write(b'x' * {2 * MIB})")

    assert path.stat().st_size == MIB
    assert ended.returncode == 0, "the rest is refused, not written"


def test_inspector_gives_up_a_file_that_stalls_and_goes_on_with_the_next(tmp_path: Path) -> None:
    stalling, clip = tmp_path / "stalling.mp4", make_clip(tmp_path / "clip.mp4", seconds=0.4)
    os.mkfifo(stalling)

    with Inspector(Deadline(60), longest_look_s=2) as inspector:
        with pytest.raises(Unreadable, match="it took longer than 2 s"):
            inspector.probe(stalling, demuxer="mov")
        found = inspector.probe(clip, demuxer="mov")

    assert found.video is not None
    assert float(found.length) == pytest.approx(0.4)
