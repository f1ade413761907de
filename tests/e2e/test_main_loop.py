"""What a user does all day: run a document, change one line, run it again, and see what was made and what was kept."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.layout import repository_root
from devstack.stack import Stack, StackOptions
from tests.stacks import running_stack

ROOT = repository_root()
PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "executor")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str


class Desk:
    """A folder with a document, and the command."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.document = folder / "hello.yaml"
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen"))),
            "EDITOR": f"sed -i -e {SMILE}",
            **stack.env_for_client(),
        }

    def montage(self, *arguments: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "montage_cli", *arguments],
            cwd=self.document.parent, env=self._environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)

    def run(self) -> str:
        """Run the document; the line that tells what was made and what was kept."""
        ended = self.montage("run", "hello.yaml")
        assert ended.code == 0, ended.err
        return next(line for line in ended.out.splitlines() if line.startswith(("ran ", "reused ", "kept ")))

    def change(self, old: str, new: str) -> None:
        text = self.document.read_text()
        assert text.count(old) == 1
        self.document.write_text(text.replace(old, new))


def digest_of(plan: Ended) -> str:
    """The digest at the end of a plan."""
    return plan.out.split()[-1]


SMILE = "s/rowan/juniper/"


@pytest.fixture(scope="module", name="stack")
def _stack() -> Iterator[Stack]:
    with running_stack(StackOptions(processes=PROCESSES)) as stack:
        yield stack


@pytest.fixture(name="desk")
def _desk(stack: Stack, tmp_path: Path) -> Desk:
    """With the document of the README."""
    desk = Desk(stack, tmp_path)
    readme = (ROOT / "README.md").read_text()
    document = re.search(r"```yaml\n(id: hello\n.*?)```", readme, re.DOTALL)
    assert document is not None
    desk.document.write_text(document[1])
    return desk


def test_changed_line_makes_only_what_depends_on_it_anew(desk: Desk) -> None:
    first = desk.run()
    again = desk.run()
    desk.change("rowan", "maple")
    another_face = desk.run()
    desk.change("maple", "rowan")
    first_face_again = desk.run()
    desk.change("Hello from Montage.", "Good morning.")
    another_text = desk.run()

    assert first == "ran voice, speaker"
    assert again == "kept voice, speaker"
    assert another_face == "ran speaker; kept voice"
    assert first_face_again == "reused speaker; kept voice"
    assert another_text == "ran voice, speaker"
    assert (desk.document.parent / "out" / "speaker.mp4").stat().st_size > 0


def test_edited_pipeline_runs_what_changed_and_an_editor_that_was_too_slow_is_refused(desk: Desk) -> None:
    desk.change("id: hello", "id: edited")
    desk.montage("run", "hello.yaml", "--out", "first")

    edited = desk.montage("edit", "edited")
    setting = desk.montage("edit", "edited/voice", "--set", "text=Good morning.")
    described = desk.montage("describe", "edited/speaker")
    listed = desk.montage("get", "edited")

    assert (edited.code, edited.err) == (0, "")
    assert "-      avatarId: rowan\n+      avatarId: juniper\n" in edited.out
    assert edited.out.endswith("imported pipelines/edited: 1 changed (speaker), 1 unchanged\n")
    assert (setting.code, setting.out) == (0, 'text: "Hello from Montage." → "Good morning."\n')
    assert "avatarId: juniper" in described.out
    assert re.search(r"^voice +generate-voiceover +pending", listed.out, re.MULTILINE)


@pytest.mark.slow
def test_plan_says_what_a_run_does_and_a_run_may_insist_on_it(desk: Desk) -> None:
    desk.change("id: hello", "id: planned")
    desk.run()
    desk.change("rowan", "linden")
    desk.montage("import", "hello.yaml")

    table = desk.montage("plan", "planned")
    digest = digest_of(table)
    desk.montage("edit", "planned/voice", "--set", "text=Something else.")
    outdated = desk.montage("run", "planned", "--plan", digest)
    digest = desk.montage("plan", "planned", "-o", "name").out.strip()
    insisted = desk.montage("run", "planned", "--plan", digest, "--wait")

    rows = [line.split()[:2] for line in table.out.splitlines()[1:-1]]
    assert rows == [["voice", "KEEP"], ["speaker", "RUN"]], table
    assert "do exactly this with: montage run planned --plan " in table.out.splitlines()[-1]
    assert outdated.code == 3
    assert outdated.err.endswith("hint: look at the new one with 'montage plan', then run with its digest\n")
    assert insisted.code == 0, insisted.err
    assert "ran voice, speaker" in insisted.out


def test_pipeline_is_built_listed_and_deleted_without_a_document(desk: Desk) -> None:
    made = [
        desk.montage("create", "by-hand", "--title", "By hand", "--label", "team=red"),
        desk.montage("create", "by-hand/voice", "--type", "generate-voiceover", "--set", "text=Hi", "--set",
                     "provider=local"),
        desk.montage("create", "by-hand/speaker", "--type", "generate-talking-head", "--input", "audio=voice"),
    ]  # fmt: skip
    listed = desk.montage("list", "-l", "team=red", "-o", "name")
    labelled = desk.montage("edit", "by-hand/voice", "--set", "labels.cut=2", "--set", "title=Voice")
    found = desk.montage("list", "by-hand", "-l", "cut=2", "-o", "name")
    misread = desk.montage("list", "--filter", "titel = x")
    refused = desk.montage("run", "by-hand")
    deleted = desk.montage("delete", "by-hand/speaker", "--yes")
    executed = desk.montage("execute", "by-hand/voice", "-o", "json")
    gone = desk.montage("delete", "by-hand", "--force")

    assert [one.code for one in made] == [0, 0, 0], made
    assert "it cannot run yet:\n  config.avatarId: " in made[2].err
    assert listed.out == "pipelines/by-hand\n"
    assert labelled.out == 'labels.cut: not set → "2"\ntitle: not set → "Voice"\n', labelled
    assert found.out == "pipelines/by-hand/nodes/voice\n"
    assert (misread.code, "title" in misread.err) == (3, True), misread
    assert (refused.code, "speaker" in refused.err) == (3, True)
    assert (deleted.code, executed.code, gone.code) == (0, 0, 0), executed.err
    assert '"state": "EXECUTION_STATE_QUEUED"' in executed.out
