"""What every test gets: no sockets in unit tests, no clock on single examples, a place for what stacks begin with."""

import gc
import os
import shutil
import signal
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from tests.stacks import SEEDS

# A busy machine is no defect; that something takes far too long is seen by the time limit of each test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

UNIT = Path(__file__).parent / "unit"
STATISTICS = "statistics"
Statistics = Callable[[str, Counter[str]], None]


def pytest_configure(config: pytest.Config) -> None:
    """Before any test: rarer looks for garbage, Ctrl-C as in the foreground, a folder of seeds that workers find."""
    # Importing and collecting make many objects and leave little to collect; looking for it took a tenth of the time.
    gc.set_threshold(50_000, 20, 50)
    # A shell starts what goes to the background with SIGINT ignored, and programs that are begun inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if SEEDS not in os.environ:
        folder = os.environ[SEEDS] = tempfile.mkdtemp(prefix="montage-seeds-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(SEEDS))


@pytest.fixture(autouse=True)
def _no_sockets_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make connecting and binding raise in every test below tests/unit."""
    if not request.path.is_relative_to(UNIT):
        return

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        raise AssertionError(f"a unit test opened a socket to {address!r}; it belongs in tests/integration")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)


@pytest.fixture
def statistics(record_property: Callable[[str, object], None]) -> Statistics:
    """Has what a test counted told at the end of the run, under a title. Also by a worker, whose output nobody sees."""

    def tell(title: str, counted: Counter[str]) -> None:
        lines = [title, *(f"  {times:>7}  {name}" for name, times in sorted(counted.items()))]
        record_property(STATISTICS, "\n".join(lines))

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, told in report.user_properties:
            if name == STATISTICS:
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(told))
