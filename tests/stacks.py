"""Stacks of tests: begun where a new one stands after its migration, and some of them outlive one test."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from devstack.stack import Stack, StackOptions, wipe_data

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30
SEEDS = "TESTS_SEEDS"
"""Variable with the folder in which all workers of one run keep the data that stacks begin with (tests/conftest.py)."""
_DATABASE = ("postgres", "migrate")
_KEPT = ("secrets", "pg")


@contextmanager
def running_stack(options: StackOptions) -> Iterator[Stack]:
    """Start a stack, hand it over for reading its addresses and files, stop it. Errors of the start are raised here.

    It runs in an event loop of its own, in a thread.
    """
    with begun(options) as seeded, _running(seeded) as stack:
        yield stack


@contextmanager
def begun(options: StackOptions) -> Iterator[StackOptions]:
    """The same stack on a copy of a database that is made and migrated, which is a third of a start.

    Stacks that migrate nothing, or that have a data folder of their own, are left as they are.
    """
    seeds = os.environ.get(SEEDS)
    if seeds is None or options.data is not None or not {*_DATABASE} <= {*options.processes}:
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="montage-") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        seed = _seed(Path(seeds))
        subprocess.run(["cp", "-a", *(seed / part for part in _KEPT if (seed / part).is_dir()), data], check=True)
        try:
            yield replace(options, data=data)
        finally:
            # Also what lies elsewhere, where `nobody` runs the database.
            wipe_data(data)


def _seed(folder: Path) -> Path:
    """Made by whoever comes first, while the others wait."""
    seed = folder / "seed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not seed.is_dir():
            draft = folder / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            with _running(StackOptions(data=draft, processes=_DATABASE)):
                pass
            draft.rename(seed)
    return seed


@contextmanager
def _running(options: StackOptions) -> Iterator[Stack]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack", daemon=True)
    thread.start()
    stack = Stack(options)
    try:
        asyncio.run_coroutine_threadsafe(stack.__aenter__(), loop).result(START_TIMEOUT_S)
        try:
            yield stack
        finally:
            asyncio.run_coroutine_threadsafe(stack.__aexit__(None, None, None), loop).result(STOP_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        loop.close()
