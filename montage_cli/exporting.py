"""`montage export`: a pipeline as the document that makes one equal to it."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from montage_cli.assets import uploaded_sources
from montage_cli.canonical import document_text
from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.names import node_name
from montage_cli.session import Session
from montage_cli.text import counted

_ASSETS = "assets"
"""The folder beside the document."""
_UPLOADED = re.compile(r"asset:sha256/(?P<file>[0-9a-f]{64}\.[a-z0-9]{1,10})")


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """What `montage export` was asked for."""

    pipeline: str
    """Resource name."""
    is_json: bool
    out: Path | None
    """None writes to standard output."""
    with_assets: bool = False
    """Whether uploaded bytes come along, beside `out`, which must be given then."""


async def export(session: Session, order: ExportOrder) -> ExitCode:
    document = await session.client.export_pipeline(order.pipeline)
    if order.with_assets and order.out is not None:
        count = await _bring_assets(session, order.pipeline, document, order.out.parent)
        session.say(f"wrote {counted(count, 'file')} into {order.out.parent / _ASSETS}")
    text = document_text(document, is_json=order.is_json)
    if order.out is None:
        click.echo(text, nl=False)
    else:
        _save(order.out, text)
        session.say(f"wrote {order.out}")
    return ExitCode.DONE


async def _bring_assets(session: Session, pipeline: str, document: dict[str, Any], folder: Path) -> int:
    """Download what the document names by checksum, and name it as a file; answers how many files there are.

    The files are called by their checksums, so that an import elsewhere and another export give the same again.
    """
    files: set[str] = set()
    for source in uploaded_sources(document):
        node = document["nodes"][source.index]
        found = _UPLOADED.fullmatch(source.source)
        if found is None:
            message = f"{source.place}: expected asset:sha256/<hex>.<extension>, found '{source.source}'"
            raise MontageError(message, status=Status.INTERNAL)
        file = found["file"]
        if file not in files:
            await session.client.download(node_name(pipeline, node["id"]), folder / _ASSETS / file)
            files.add(file)
        node["asset"]["source"] = f"{_ASSETS}/{file}"
    return len(files)


def _save(path: Path, text: str) -> None:
    """All or nothing, so that an export that fails leaves the one before."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as err:
        message = f"cannot write {path}: {err.strerror or err}"
        raise MontageError(message, status=Status.FAILED_PRECONDITION, reason="FILE_TROUBLE") from err
