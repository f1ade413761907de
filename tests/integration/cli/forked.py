"""The `montage` command in a fork of a process that has imported it: its imports are nearly all that it costs.

How a process begins and dies is not seen here; tests of signals, terminals and pipes start one of their own.
"""

import faulthandler
import importlib
import multiprocessing
import os
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import montage_cli
from montage_cli.cli import main
from tests.patience import PATIENCE_S

# The commands import what they need when they are asked to do something: here all of it is there before.
for _module in pkgutil.iter_modules(montage_cli.__path__):
    if _module.name != "__main__":
        importlib.import_module(f"{montage_cli.__name__}.{_module.name}")


def run(arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error. One that does not end says where it hangs, and ends with -6."""
    forks = multiprocessing.get_context("forkserver")
    # Counts for the first one, which starts the process that all others are forks of.
    forks.set_forkserver_preload([__name__])
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place) / "out", Path(place) / "err"
        child = forks.Process(target=_become, args=(arguments, environment, folder, out, err))
        child.start()
        child.join(PATIENCE_S)
        if child.exitcode is None and child.pid is not None:
            os.kill(child.pid, signal.SIGABRT)
            child.join()
        return child.exitcode or 0, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> None:
    """The command, in the child."""
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 # until the process ends
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 # as above
    faulthandler.enable()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["montage", *arguments]
    main()
