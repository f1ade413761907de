"""`montage export`: a pipeline as the document that makes one equal to it."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import click

from montage_cli.canonical import document_text
from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.session import Session


@dataclass(frozen=True, kw_only=True)
class ExportOrder:
    """What `montage export` was asked for."""

    pipeline: str
    """Resource name."""
    is_json: bool
    out: Path | None
    """None writes to standard output."""


async def export(session: Session, order: ExportOrder) -> ExitCode:
    document = await session.client.export_pipeline(order.pipeline)
    text = document_text(document, is_json=order.is_json)
    if order.out is None:
        click.echo(text, nl=False)
    else:
        _save(order.out, text)
        session.say(f"wrote {order.out}")
    return ExitCode.DONE


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
