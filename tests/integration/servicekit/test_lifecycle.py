"""The life of a real process: signals, exit codes, order of stopping, and death by failpoint."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
import structlog
from servicekit.failpoints import Failpoints
from servicekit.lifecycle import Lifecycle, run
from servicekit.telemetry import configure_logging

@asynccontextmanager
async def part(name):
    say("start " + name)
    yield name
    say("stop " + name)

def say(text):
    structlog.get_logger().info("said", text=text)

{body}

configure_logging(service="test")
sys.exit(run(start{options}))
"""


class Program:
    """A Python process whose log lines can be waited for."""

    def __init__(self, body: str, options: str = "") -> None:
        source = PROGRAM.format(body=body, options=options)
        environment = {"PYTHONPATH": os.fspath(ROOT), "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(
            [sys.executable, "-c", source], stderr=subprocess.PIPE, env=environment, text=True
        )
        self.lines: list[dict[str, Any]] = []

    def wait_for(self, event: str, **fields: object) -> dict[str, Any]:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            line: dict[str, Any] = json.loads(text)
            self.lines.append(line)
            if line["event"] == event and fields.items() <= line.items():
                return line
        raise AssertionError(f"ended without {event} {fields}: {self.lines}")

    def end(self) -> int:
        """Read what is left, and the exit code."""
        assert self.process.stderr is not None
        self.lines += [json.loads(text) for text in self.process.stderr]
        return self.process.wait(timeout=PATIENCE_S)

    def said(self) -> list[str]:
        return [line["text"] for line in self.lines if line["event"] == "said"]


@pytest.fixture
def launch() -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def start(body: str, options: str = "") -> Program:
        programs.append(Program(body, options))
        return programs[-1]

    yield start
    for program in programs:
        program.process.kill()
        program.process.wait()
        assert program.process.stderr is not None
        program.process.stderr.close()


ORDERLY = """
async def forever():
    try:
        await asyncio.Event().wait()
    finally:
        say("stop task")

async def late():
    say("stop late")

async def start(life):
    await life.enter(part("first"))
    life.spawn("forever", forever())
    life.on_stop(late)
    await life.enter(part("last"))
    await asyncio.sleep(0)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_everything_in_reverse_and_exits_0(launch: Callable[..., Program], number: signal.Signals) -> None:
    program = launch(ORDERLY)
    program.wait_for("started")

    program.process.send_signal(number)

    assert program.end() == 0
    assert program.said() == ["start first", "start last", "stop last", "stop late", "stop task", "stop first"]
    assert program.lines[-1]["event"] == "stopped"


def test_start_that_fails_stops_what_was_started_and_exits_1(launch: Callable[..., Program]) -> None:
    program = launch("""
async def start(life):
    await life.enter(part("first"))
    raise ValueError("no such database")
""")

    assert program.end() == 1
    assert program.said() == ["start first", "stop first"]
    [failed] = [line for line in program.lines if line["event"] == "start_failed"]
    assert "no such database" in failed["exception"]


@pytest.mark.parametrize("way", ["raise ValueError('relay broke')", "return"])
def test_background_task_that_ends_by_itself_stops_the_process_with_1(launch: Callable[..., Program], way: str) -> None:
    program = launch(f"""
async def relay():
    {way}

async def start(life):
    await life.enter(part("first"))
    life.spawn("relay", relay())
""")

    assert program.end() == 1
    assert program.said() == ["start first", "stop first"]
    [died] = [line for line in program.lines if line["event"] == "task_died"]
    assert died["task"] == "relay"
    assert ("relay broke" in died.get("exception", "")) == way.startswith("raise")


def test_part_that_fails_to_stop_does_not_keep_the_others_from_it(launch: Callable[..., Program]) -> None:
    program = launch("""
async def broken():
    raise OSError("cannot close")

async def start(life):
    await life.enter(part("first"))
    life.on_stop(broken)
    await life.enter(part("last"))
    life.request_stop()
""")

    assert program.end() == 1
    assert program.said() == ["start first", "start last", "stop last", "stop first"]
    assert any(line["event"] == "stop_failed" and "cannot close" in line["exception"] for line in program.lines)


def test_signal_during_the_start_cancels_it(launch: Callable[..., Program]) -> None:
    program = launch("""
async def start(life):
    await life.enter(part("first"))
    say("waiting")
    await asyncio.Event().wait()
""")
    program.wait_for("said", text="waiting")

    program.process.terminate()

    assert program.end() == 0
    assert program.said()[-1] == "stop first"


STUBBORN = """
async def stubborn():
    say("stopping for ever")
    await asyncio.Event().wait()

async def start(life):
    life.on_stop(stubborn)
"""


def test_second_signal_ends_the_process_at_once(launch: Callable[..., Program]) -> None:
    program = launch(STUBBORN)
    program.wait_for("started")

    program.process.terminate()
    program.wait_for("said", text="stopping for ever")
    program.process.terminate()

    assert program.end() == 128 + signal.SIGTERM


def test_stop_that_takes_too_long_is_cut_off(launch: Callable[..., Program]) -> None:
    program = launch(STUBBORN, ", stop_within_s=0.2")
    program.wait_for("started")

    program.process.terminate()

    assert program.end() == 1
    assert program.lines[-1]["event"] == "stop_timed_out"


def test_failpoint_kill_is_a_sigkill_at_the_given_hit(launch: Callable[..., Program]) -> None:
    program = launch("""
async def start(life):
    failpoints = Failpoints.parse("before_commit=kill@3")
    for n in range(5):
        say(str(n))
        await failpoints.hit("before_commit")
""")

    assert program.end() == -signal.SIGKILL
    assert program.said() == ["0", "1", "2"]


def test_failpoint_stop_silences_the_process_until_it_is_continued(launch: Callable[..., Program]) -> None:
    program = launch("""
async def start(life):
    await Failpoints.parse("before_commit=stop").hit("before_commit")
    say("continued")
    life.request_stop()
""")

    _, status = os.waitpid(program.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert os.WSTOPSIG(status) == signal.SIGSTOP
    program.process.send_signal(signal.SIGCONT)

    assert program.end() == 0
    assert program.said() == ["continued"]


def test_hangup_is_told_and_ends_nothing(launch: Callable[..., Program]) -> None:
    program = launch("async def start(life):\n    pass\n", ", on_hangup=lambda: say('hung up')")
    program.wait_for("started")

    program.process.send_signal(signal.SIGHUP)
    program.wait_for("said", text="hung up")
    program.process.send_signal(signal.SIGTERM)

    assert program.end() == 0
