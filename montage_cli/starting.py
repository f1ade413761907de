"""`montage init`: a first document that runs as it is."""

import os
import re
import shlex
import unicodedata
from importlib.resources import files
from pathlib import Path

import click

from montage_cli.errors import ExitCode
from montage_cli.text import printable

_DOCUMENT = "pipeline.yaml"
_FILES = (_DOCUMENT, "script.txt")
_ID_LINE = "id: my-film\n"
_LONGEST_ID = 63


def begin(folder: Path) -> ExitCode:
    """Write the files, all or none; needs no service."""
    taken = [name for name in _FILES if os.path.lexists(folder / name)]
    if taken:
        return _refuse(f"{folder} has {' and '.join(taken)} already; nothing was written")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _contents(folder).items():
            # "x": whatever came in between is not overwritten either.
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                written.append(folder / name)
                file.write(text)
    except OSError as err:
        for path in written:
            path.unlink(missing_ok=True)
        return _refuse(f"cannot write into {folder}: {err.strerror or err}")
    click.echo(printable(f"wrote {' and '.join(str(folder / name) for name in _FILES)}"))
    click.echo(printable(f"make the film with: montage run {shlex.quote(str(folder / _DOCUMENT))}"))
    return ExitCode.DONE


def _contents(folder: Path) -> dict[str, str]:
    templates = files("montage_cli") / "starter"
    texts = {name: (templates / name).read_text(encoding="utf-8") for name in _FILES}
    # Two films of two folders shall not be one pipeline.
    texts[_DOCUMENT] = texts[_DOCUMENT].replace(_ID_LINE, f"id: {_id_of(folder)}\n", 1)
    return texts


def _id_of(folder: Path) -> str:
    """The name of the folder as far as an id can say it: letters without their marks."""
    letters = "".join(
        one for one in unicodedata.normalize("NFKD", folder.resolve().name) if not unicodedata.combining(one)
    )
    words = re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")
    return words[:_LONGEST_ID].rstrip("-") or "my-film"


def _refuse(message: str) -> ExitCode:
    click.echo(printable(f"error: {message}"), err=True)
    return ExitCode.REFUSED
