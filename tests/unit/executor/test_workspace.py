"""Temporary folders: private, removed always, and never those of a process that lives."""

import fcntl
import os
from pathlib import Path

import pytest

from executor_service.runner.workspace import Workspace


async def test_attempt_folder_is_empty_private_and_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work")

    async with workspace.attempt() as folder:
        (folder / "file").write_text("x")
        mode = folder.stat().st_mode & 0o777

    assert mode == 0o700
    assert not folder.exists()
    workspace.close()
    assert list((tmp_path / "work").iterdir()) == []


async def test_attempt_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    with pytest.raises(RuntimeError):
        async with workspace.attempt() as folder:
            raise RuntimeError

    assert not folder.exists()
    workspace.close()


def test_leftovers_of_a_dead_process_are_removed_at_the_start(tmp_path: Path) -> None:
    leftover = tmp_path / "process-dead"
    (leftover / "attempt-1").mkdir(parents=True)
    (leftover / "attempt-1" / "big.mp4").write_bytes(b"x")

    Workspace(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    living = tmp_path / "process-alive"
    living.mkdir()
    lock = os.open(tmp_path / "process-alive.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)

    Workspace(tmp_path).close()

    assert living.exists()
    os.close(lock)


def test_second_workspace_in_the_same_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path), Workspace(tmp_path)

    second.close()

    assert len([entry for entry in tmp_path.iterdir() if entry.is_dir()]) == 1
    first.close()
