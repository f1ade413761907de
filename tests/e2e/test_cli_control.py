"""What a person decides about work, typed into a shell, against a running stack."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.layout import repository_root
from devstack.stack import Stack, StackOptions
from tests.e2e.house import open_store
from tests.stacks import running_stack

ROOT = repository_root()
PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "executor")
LONG = "id: {id}\nnodes:\n  - {{id: slow, type: noop, config: {{provider: local, seconds: 500}}}}\n"
NOTE = "id: note\nnodes:\n  - {id: script, type: asset, asset: {type: text, content: Hello.}}\n"
BAD = (
    "id: bad\nnodes:\n"
    "  - {id: fails, type: noop, config: {provider: local, fail: invalid_input}}\n"
    "  - {id: after, type: noop, config: {provider: local}, inputs: {after: [fails]}}\n"
)


@pytest.fixture(scope="module", name="stack")
def _stack() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=PROCESSES, test_types=True)) as stack:
        yield stack


class Shell:
    """A folder and the command in it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen"))),
            **stack.env_for_client(),
        }
        papers = stack.layout.tls("ops-dev")
        self._of_operator = {"MONTAGE_CLIENT_CERT": str(papers.cert), "MONTAGE_CLIENT_KEY": str(papers.key)}

    def montage(self, *arguments: str, code: int = 0, as_operator: bool = False) -> str:
        """What it printed, on whichever stream; it must end with `code`."""
        environment = self._environment | (self._of_operator if as_operator else {})
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "montage_cli", *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == code, ended.stderr
        return ended.stdout + ended.stderr


@pytest.fixture(name="shell")
def _shell(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack, tmp_path)


def test_run_is_held_let_go_on_and_ended_by_its_name(shell: Shell) -> None:
    (shell.folder / "long.yaml").write_text(LONG.format(id="long"))
    run = shell.montage("run", "long.yaml", "--no-wait", "--priority", "3").splitlines()[-1]

    held = shell.montage("pause", run)
    shown = shell.montage("get", run)
    resumed = shell.montage("resume", run)
    cancelled = shell.montage("cancel", run)
    again = shell.montage("cancel", run, code=3)
    listed = shell.montage("runs", "long", "--filter", "state = CANCELLED", "-o", "name")

    assert held == f"paused {run}\n"
    assert "state  paused" in shown
    assert resumed == f"resumed {run}\n"
    assert cancelled == f"cancelled {run}\n"
    assert again.startswith("error: ")
    assert listed == f"{run}\n"


def test_pipeline_and_node_are_held_and_shown_as_held(shell: Shell) -> None:
    (shell.folder / "long.yaml").write_text(LONG.format(id="held"))
    shell.montage("import", "long.yaml")

    shell.montage("pause", "held")
    shell.montage("pause", "held/slow")
    pipeline, node = shell.montage("get", "held"), shell.montage("get", "held/slow")
    shell.montage("resume", "held")
    shell.montage("resume", "held/slow")

    assert "paused   nothing new is started" in pipeline
    assert "paused  " in node
    assert "paused  " not in shell.montage("get", "held")


def test_failed_node_is_retried_and_one_that_did_not_fail_is_not(shell: Shell) -> None:
    (shell.folder / "bad.yaml").write_text(BAD)
    failed = shell.montage("run", "bad.yaml", code=1)

    retried = shell.montage("retry", "bad/fails")
    refused = shell.montage("retry", "bad/after", code=3)
    approved = shell.montage("approve", "bad/fails", code=3)
    events = shell.montage("events", "bad", "--filter", "node = fails")

    assert "fails failed: " in failed
    assert retried.startswith("pipelines/bad/nodes/fails: ")
    assert refused.startswith("error: ")
    assert approved.startswith("error: ")
    assert "node_retried" in events


def test_active_node_is_cancelled(shell: Shell) -> None:
    (shell.folder / "long.yaml").write_text(LONG.format(id="one"))
    shell.montage("import", "long.yaml")
    shell.montage("execute", "one/slow")

    cancelled = shell.montage("cancel", "one/slow")
    state = shell.montage("get", "one/slow")

    assert cancelled == "cancelled pipelines/one/nodes/slow\n"
    assert "state      pending" in state


async def test_store_is_held_against_the_database_by_operators_alone(shell: Shell, stack: Stack) -> None:
    (shell.folder / "note.yaml").write_text(NOTE)
    shell.montage("import", "note.yaml")
    [key] = [f"assets/default/sha256/{hashlib.sha256(b'Hello.').hexdigest()}.txt"]

    refused = shell.montage("gc", code=4)
    good = shell.montage("gc", "--remove", as_operator=True)
    async with open_store(stack) as store:
        await store.remove(key)
    bad = shell.montage("gc", "-o", "json", code=1, as_operator=True)

    assert "may not call /montage.v1.ObjectService/SweepObjects" in refused
    assert "0 orphans (0 B) removed\n1 reference: 0 missing" in good
    assert json.loads(bad)["missing"] == [
        {"name": "pipelines/note/nodes/script", "owner": "default", "key": key, "sizeBytes": "6"}
    ]


def test_what_goes_into_a_pipe_has_no_colour(shell: Shell) -> None:
    (shell.folder / "bad.yaml").write_text(BAD.replace("id: bad", "id: plain"))

    printed = shell.montage("run", "bad.yaml", "--summary", code=1)
    printed += shell.montage("describe", "plain/fails") + shell.montage("list") + shell.montage("doctor")

    assert "\x1b" not in printed


def test_export_with_assets_has_the_bytes_beside_it_and_is_imported_as_what_it_is(shell: Shell) -> None:
    (shell.folder / "note.yaml").write_text(NOTE.replace("id: note", "id: taken-along").replace("Hello.", "Bye."))
    shell.montage("import", "note.yaml")

    shell.montage("export", "taken-along", "--out", "copy/film.yaml", "--with-assets")
    imported = shell.montage("import", "copy/film.yaml")

    file = f"{hashlib.sha256(b'Bye.').hexdigest()}.txt"
    assert (shell.folder / "copy" / "assets" / file).read_bytes() == b"Bye."
    assert f"source: assets/{file}\n" in (shell.folder / "copy" / "film.yaml").read_text()
    assert imported == "imported pipelines/taken-along: 1 unchanged\n"
