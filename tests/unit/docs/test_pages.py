"""What our pages point at exists, and they know every state."""

import re
from enum import StrEnum

import pytest

from pipeline_service.domain.states import (
    Disposition,
    ExecutionState,
    NodeState,
    RunDecision,
    RunState,
    StartOutcome,
)
from pipeline_service.store.rows import STATUS_OF
from tests.unit.docs.pages import ROOT, codes, names, read, section

DECISIONS = "docs/adr"
PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "NOTICE",
    "docs/architecture.md",
    "docs/callbacks.md",
    "docs/configuration.md",
    "docs/errors.md",
    "docs/grpcurl.md",
    "docs/operations.md",
    "docs/reference.md",
    "docs/vendors.md",
    *(f"{DECISIONS}/{path.name}" for path in sorted((ROOT / DECISIONS).glob("*.md"))),
)
ARCHITECTURE = "docs/architecture.md"
PARTS = ("Context", "Decision", "Alternatives", "Consequences")
_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
_WORD = re.compile(r"[A-Za-z0-9_./-]+")


def slug(heading: str) -> str:
    """The anchor that a heading gets when the page is shown."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def anchors(path: str) -> set[str]:
    return {slug(line.lstrip("#").strip()) for line in read(path).splitlines() if line.startswith("#")}


@pytest.mark.parametrize("page", PAGES)
def test_page_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent

    for target, anchor in _LINK.findall(read(page)):
        path = (folder / target).resolve() if target else ROOT / page
        assert path.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(str(path.relative_to(ROOT))), f"{page}: #{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_page_paths_exist(page: str) -> None:
    """Everything in backticks (in NOTICE: every word) that begins with a folder of ours."""
    text = read(page)
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    words = _WORD.findall(text) if page == "NOTICE" else [one for code in codes(text) for one in code.split()]
    paths = {word.rstrip(".,") for word in words if "/" in word and word.split("/")[0] in folders}

    assert {path for path in paths if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_page_tables_are_whole(page: str) -> None:
    """A blank line inside a table would show its later rows as one of text."""
    lines = read(page).splitlines()
    heads = [at for at, line in enumerate(lines) if line.startswith("|") and not (at and lines[at - 1].startswith("|"))]

    assert [lines[at] for at in heads if at + 1 == len(lines) or not lines[at + 1].startswith("|--")] == []


@pytest.mark.parametrize("states", [ExecutionState, RunState, RunDecision, Disposition, StartOutcome])
def test_architecture_names_every_state(states: type[StrEnum]) -> None:
    words = set(re.findall(r"[A-Z_]+", read(ARCHITECTURE)))

    assert set(states) - words == set()


def test_architecture_names_every_state_of_a_node_as_its_column_does() -> None:
    words = set(re.findall(r"[a-z_]+", section(read(ARCHITECTURE), "Node")))

    assert {STATUS_OF[state] for state in NodeState} - words == set()


@pytest.mark.parametrize("kind", ["Node", "Execution", "Run"])
def test_architecture_explains_every_arrow(kind: str) -> None:
    text = section(read(ARCHITECTURE), kind)

    assert names(text, "Arrow") == sorted(set(re.findall(r"^    .* --> .* : ([a-z])$", text, re.MULTILINE)))


def test_decisions_are_numbered_and_listed() -> None:
    files = [path.name for path in sorted((ROOT / DECISIONS).glob("*.md"))]
    listed = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", read(f"{DECISIONS}/{files[0]}"))

    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    assert listed == files


@pytest.mark.parametrize("path", [page for page in PAGES if page.startswith(DECISIONS)])
def test_decision_has_all_its_parts(path: str) -> None:
    headings = [line.removeprefix("## ") for line in read(path).splitlines() if line.startswith("## ")]

    assert headings == list(PARTS)
