"""`montage edit`: a pipeline's document in an editor, or one setting from the command line."""

import asyncio
import difflib
import json
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from montage.v1 import resources_pb2 as resources

from montage_cli import output
from montage_cli.canonical import document_text, in_order
from montage_cli.changing import tell_problems
from montage_cli.document import read_document
from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.importing import Imported, ImportOptions, import_read, words_of_import
from montage_cli.names import Name
from montage_cli.problems import InvalidDocument
from montage_cli.session import Session
from montage_cli.settings import TITLE, apply_settings, change_labels, is_label, labels_told
from montage_cli.text import printable

_EDITORS = ("VISUAL", "EDITOR")
VERSION = "version"
_PIPELINE_FIELDS = frozenset({TITLE, VERSION})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `--set` and `--unset` named."""

    given: Mapping[str, str]
    unset: Sequence[str]
    strict: bool
    is_rehearsal: bool
    """Only tell what would change."""


def has_editor(variables: Mapping[str, str]) -> bool:
    """Whether one was named; the one that is taken otherwise needs a terminal."""
    return any(variables.get(name) for name in _EDITORS)


async def set_(session: Session, name: Name, settings: Settings) -> ExitCode:
    """Change title, version or config as told; refused when somebody else changed the same meanwhile."""
    if name.node is None:
        return await _set_on_pipeline(session, name, settings)
    node = await session.client.get_node(name.node)
    before = _settable(node)
    fields = await apply_settings(session.client, node, settings.given, settings.unset)
    changed = await session.client.update_node(
        node, *fields, strict=settings.strict, validate_only=settings.is_rehearsal
    )
    if not session.answer(output.node_as_json(changed), names=[changed.name]):
        _tell_changes(session, before, _settable(changed), settings)
        tell_problems(session, changed, is_rehearsal=settings.is_rehearsal)
    return ExitCode.DONE


async def edit(session: Session, name: Name, variables: Mapping[str, str], *, is_rehearsal: bool) -> ExitCode:
    """Let the editor of `variables` change the document, show the difference, and import it over what was read.

    A rehearsal has the service check what was typed, keeps it in its file and changes nothing.
    """
    etag = (await session.client.get_pipeline(name.pipeline)).etag
    before = document_text(await session.client.export_pipeline(name.pipeline), is_json=False)
    with _kept_on_trouble(name.pipeline_id, before, session, is_rehearsal=is_rehearsal) as path:
        await _open_editor(variables, path)
        after = path.read_text(encoding="utf-8")
        if after == before:
            session.say("nothing was changed")
            return ExitCode.DONE
        _show_difference(before, after, name.pipeline_id, err=not session.is_for_people)
        options = ImportOptions(etag=etag, validate_only=is_rehearsal)
        try:
            imported = await _import_edited(session, name, path, options)
        except InvalidDocument as err:
            raise err.with_outcome("nothing was changed") from err
    if not session.answer(output.as_json(imported.answer), names=[imported.answer.pipeline.name]):
        session.say("it is good; nothing was changed" if is_rehearsal else words_of_import(imported))
    return ExitCode.DONE


async def _import_edited(session: Session, name: Name, path: Path, options: ImportOptions) -> Imported:
    # Paths of assets count from where we were called, not from where the text lies.
    document = replace(read_document(path), folder=Path.cwd())
    if document.value.get("id") != name.pipeline_id:
        raise MontageError(
            f"the id is '{document.value.get('id')}' now; expected '{name.pipeline_id}': an edit does not rename",
            status=Status.INVALID_ARGUMENT,
        )
    return await import_read(session.client, document, options=options)


async def _set_on_pipeline(session: Session, name: Name, settings: Settings) -> ExitCode:
    values = dict(settings.given) | dict.fromkeys(settings.unset, "")
    fields = [key for key in values if not is_label(key)]
    unknown = sorted(set(fields) - _PIPELINE_FIELDS)
    if unknown:
        message = f"a pipeline has no '{unknown[0]}' to set; expected title, version or labels.KEY"
        raise MontageError(f"{message}, or a node: {name.pipeline_id}/NODE", status=Status.INVALID_ARGUMENT)
    before = await session.client.get_pipeline(name.pipeline)
    wanted = resources.Pipeline(
        name=before.name,
        etag=before.etag,
        title=values.get(TITLE),
        version=values.get(VERSION),
        labels=before.labels,
    )
    if change_labels(wanted.labels, settings.given, settings.unset):
        fields.append("labels")
    changed = await session.client.update_pipeline(wanted, *fields, validate_only=settings.is_rehearsal)
    if not session.answer(output.as_json(changed), names=[changed.name]):
        were, are = ({TITLE: one.title, VERSION: one.version, **labels_told(one.labels)} for one in (before, changed))
        _tell_changes(session, were, are, settings)
    return ExitCode.DONE


def _settable(node: resources.Node) -> dict[str, object]:
    return {TITLE: node.title, **labels_told(node.labels), **in_order(output.as_json(node.config))}


def _tell_changes(
    session: Session, before: Mapping[str, object], after: Mapping[str, object], settings: Settings
) -> None:
    for key in (*settings.given, *settings.unset):
        session.say(f"{key}: {_shown(before.get(key))} → {_shown(after.get(key))}")
    if settings.is_rehearsal:
        session.say("nothing was changed")


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value not in (None, "") else "not set"


async def _open_editor(variables: Mapping[str, str], path: Path) -> None:
    command = next((variables[name] for name in _EDITORS if variables.get(name)), "vi")
    try:
        editor = await asyncio.create_subprocess_exec(*shlex.split(command), str(path))
    except (OSError, ValueError) as err:
        message = f"cannot start the editor '{command}': {err}; set EDITOR, or use --set"
        raise MontageError(message, status=Status.FAILED_PRECONDITION, reason="EDITOR_TROUBLE") from err
    if await editor.wait() != 0:
        message = f"the editor '{command}' ended with {editor.returncode}; nothing was changed"
        raise MontageError(message, status=Status.FAILED_PRECONDITION, reason="EDITOR_TROUBLE")


@contextmanager
def _kept_on_trouble(pipeline_id: str, text: str, session: Session, *, is_rehearsal: bool) -> Iterator[Path]:
    """A file to edit, removed at the end; what somebody typed and the service did not take stays, and is told."""
    handle, name = tempfile.mkstemp(prefix=f"{pipeline_id}-", suffix=".yaml")
    os.close(handle)
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    is_kept = True
    try:
        yield path
        is_kept = is_rehearsal
    finally:
        if is_kept and path.read_text(encoding="utf-8") != text:
            session.complain(f"your text is kept in {path}")
        else:
            path.unlink()


def _show_difference(before: str, after: str, name: str, *, err: bool = False) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"{name} (was)", name, lineterm="", n=1)
    for line in lines:
        click.echo(printable(line), err=err)
