"""Reads our Markdown: sections by heading, tables by the title of their first column."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

_CELLS = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")

Row = tuple[str, ...]


def read(path: str) -> str:
    """A page of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """Everything below a heading, up to the next one of its level or above."""
    lines = page.splitlines()
    starts = [number for number, line in enumerate(lines) if line.lstrip("#").strip() == heading and line[:1] == "#"]
    assert len(starts) == 1, f"expected one heading '{heading}', found {len(starts)}"
    level = _level(lines[starts[0]])
    rest = lines[starts[0] + 1 :]
    end = next((number for number, line in enumerate(rest) if 0 < _level(line) <= level), len(rest))
    return "\n".join(rest[:end])


def subsections(text: str) -> list[str]:
    """The headings directly below a section, without the marks."""
    return [line.lstrip("#").strip() for line in text.splitlines() if _level(line) == 3]


def rows(text: str, first_title: str) -> list[Row]:
    """The rows of all tables in `text` whose first column is called so; cells as written."""
    found: list[Row] = []
    is_ours, is_head = False, True
    for line in text.splitlines():
        if not line.startswith("|"):
            is_ours, is_head = False, True
            continue
        cells = tuple(cell.strip() for cell in _CELLS.split(line.strip()[1:-1]))
        if is_head:
            is_ours, is_head = cells[0] == first_title, False
        elif is_ours and not set(cells[0]) <= set("-: "):
            found.append(cells)
    return found


def names(text: str, first_title: str) -> list[str]:
    """The first cells of such tables, without their backticks."""
    return [plain(row[0]) for row in rows(text, first_title)]


def plain(cell: str) -> str:
    """A cell without marks of code and emphasis."""
    return cell.replace("`", "").replace("**", "").replace("\\|", "|")


def codes(cell: str) -> list[str]:
    """Everything in backticks."""
    return _CODE.findall(cell)


def _level(line: str) -> int:
    return len(line) - len(line.lstrip("#")) if line.startswith("#") else 0
