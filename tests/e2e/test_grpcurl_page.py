"""Every command of docs/grpcurl.md, run against a running stack, prints what stands below it."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack.dev import env_file
from devstack.layout import repository_root
from devstack.stack import StackOptions
from tests.stacks import running_stack

ROOT = repository_root()
PAGE = ROOT / "docs" / "grpcurl.md"
PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline", "executor")
_FENCE = re.compile(r"^```(sh|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "=== end of recipe ==="
# What the page says is other every time.
_OTHER_EACH_TIME = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r'("(?:etag|nextPageToken)": *)"[^"]*"'), r'\1"<opaque>"'),
    (re.compile(r'("duration": *)"[0-9.]+s"'), r'\1"<seconds>"'),
    (re.compile(r'("sizeBytes": *)"\d+"'), r'\1"<bytes>"'),
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A fenced command, and the block below it."""

    command: str
    form: str
    """`json` or `text`."""
    expected: str


def recipes() -> list[Recipe]:
    found: list[Recipe] = []
    for form, text in _FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if form == "sh":
            found.append(Recipe(command=text, form="text", expected=""))
        else:
            found[-1] = Recipe(command=found[-1].command, form=form, expected=text)
    return found


def values_of(form: str, text: str) -> list[Any]:
    """What is compared of a block: JSON values, one after the other; lines of text."""
    for pattern, stand_in in _OTHER_EACH_TIME:
        text = pattern.sub(stand_in, text)
    if form == "text":
        return text.strip().splitlines()
    values, rest = [], text.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        values.append(value)
        rest = rest[end:].lstrip()
    return values


def as_shown(printed: Any, shown: Any) -> Any:
    """What was printed without the fields that the page leaves out."""
    match printed, shown:
        case dict(), dict():
            return {key: as_shown(value, shown[key]) for key, value in printed.items() if key in shown}
        case list(), list() if len(printed) == len(shown):
            return [as_shown(*pair) for pair in zip(printed, shown, strict=True)]
    return printed


@pytest.fixture(scope="module", name="printed")
def _printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each recipe printed, one after the other in one shell."""
    folder: Path = tmp_path_factory.mktemp("shell")
    (folder / ".montage").mkdir()
    script = "set -uo pipefail\n" + "".join(f"{one.command}\necho '{_END}'\n" for one in recipes())
    with running_stack(StackOptions(processes=PROCESSES)) as stack:
        (folder / ".montage" / "dev.env").write_text(env_file(stack.env_for_client()))
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={"PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin", "HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout.split(f"{_END}\n")


def test_page_shows_what_each_command_prints() -> None:
    without = [one.command for one in recipes()[1:] if not one.expected]

    assert without == []


@pytest.mark.parametrize("number", range(len(recipes())))
def test_recipe_prints_what_the_page_shows(printed: list[str], number: int) -> None:
    recipe = recipes()[number]

    shown = values_of(recipe.form, recipe.expected)

    assert as_shown(values_of(recipe.form, printed[number]), shown) == shown
