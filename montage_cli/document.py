"""Reads pipeline documents, YAML or JSON, into plain JSON values that remember their lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from montage_cli.json_reader import read_json
from montage_cli.json_values import JsonValue, Unreadable
from montage_cli.problems import InvalidDocument, Problem
from montage_cli.yaml_reader import read_yaml

LARGEST_DOCUMENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document as read; nothing but its form is checked."""

    path: Path
    folder: Path
    """From where its files are looked for."""
    value: dict[str, JsonValue]
    lines: Mapping[str, int]
    """Line of every path, from 1: `nodes[3].inputs.audio` → 27. The document itself is the empty path."""


def read_document(path: Path) -> Document:
    """Read a document; a name that ends with `.json` is JSON, anything else YAML. Raises InvalidDocument."""
    try:
        text = _read_text(path)
        value, lines = (read_json if path.suffix.lower() == ".json" else read_yaml)(text)
    except Unreadable as err:
        raise InvalidDocument(path, err.problems) from err
    if not isinstance(value, dict):
        problem = Problem(message="expected a mapping with 'id', 'title' and 'nodes'", line=lines.get("", 1))
        raise InvalidDocument(path, [problem])
    return Document(path=path, folder=path.parent, value=value, lines=lines)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_DOCUMENT_BYTES + 1)
    except IsADirectoryError as err:
        inside = path / "pipeline.yaml"
        words = f"is a folder{f'; its document is {inside}' if inside.is_file() else ''}"
        raise Unreadable(Problem(message=words)) from err
    except OSError as err:
        raise Unreadable(Problem(message=f"cannot be read: {err.strerror}")) from err
    if len(data) > LARGEST_DOCUMENT_BYTES:
        raise Unreadable(Problem(message=f"is larger than {LARGEST_DOCUMENT_BYTES} bytes"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise Unreadable(Problem(message=f"expected UTF-8, found the byte 0x{data[err.start]:02x}", line=line)) from err
