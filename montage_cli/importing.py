"""From a document on disk to a pipeline in the service: check all of it first, then upload, then import."""

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from montage.v1.pipeline_service_pb2 import ImportPipelineResponse
from montage.v1.resources_pb2 import Pipeline

from montage_cli.assets import (
    AssetFile,
    AssetSource,
    UnusableAsset,
    local_sources,
    locate,
    placeholder,
    read_asset,
    uploaded_sources,
)
from montage_cli.client import MontageClient
from montage_cli.document import Document, read_document
from montage_cli.errors import MontageError, Status
from montage_cli.json_values import JsonValue
from montage_cli.problems import InvalidDocument, Problem, line_of

OnUpload: TypeAlias = Callable[[AssetFile, int], None]
"""Called with (file, bytes that are in the store by now)."""

_DOCUMENT_PREFIX = "document."
_MOST_LISTED = 12
_HOW_TO_BRING_BYTES = "hint: 'montage export PIPELINE --out FILE --with-assets' brings along bytes that are elsewhere"
_OWN_FIELDS = ("title", "version", "labels")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What an import may do."""

    validate_only: bool = False
    create_only: bool = False
    etag: str = ""
    """Refuses when the pipeline is not as it was read; empty does without."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did, or with `validate_only` would do."""

    answer: ImportPipelineResponse
    changed_fields: tuple[str, ...]
    """Of the pipeline itself: `title`, `version`, `labels`; none of a new one."""
    is_new: bool
    """Whether there was no such pipeline before."""


async def import_document(
    client: MontageClient, path: Path, *, options: ImportOptions, on_upload: OnUpload | None = None
) -> Imported:
    """Make a pipeline equal to the document at `path`, its files uploaded.

    Raises InvalidDocument with everything that is wrong, found here or by the service, before anything is created.
    """
    return await import_read(client, read_document(path), options=options, on_upload=on_upload)


async def import_read(
    client: MontageClient, document: Document, *, options: ImportOptions, on_upload: OnUpload | None = None
) -> Imported:
    """The same for a document that was read already."""
    files, problems = _locate_files(document)
    answer = await _check(client, document, problems, options)
    before = await _present(client, document, answer)
    if options.validate_only:
        return _imported(answer, before)
    sources = {}
    for source, file in files:
        sources[source.index] = await _upload(client, source, file, document, on_upload)
    try:
        answer = await client.import_pipeline(
            _with_sources(document, sources), create_only=options.create_only, etag=options.etag
        )
    except MontageError as err:
        found = _problems_of(err, document)
        if not found:
            raise
        note = _help_with(document, found)
        raise InvalidDocument(document.path, found, omitted=err.omitted_violations, note=note) from err
    return _imported(answer, before)


def words_of_import(imported: Imported) -> str:
    """`imported pipelines/welcome: title changed, 1 changed (film), 2 unchanged`; what is all new is only counted."""
    answer = imported.answer
    is_new = not (answer.changed_nodes or answer.removed_nodes or answer.unchanged_nodes)
    parts = [
        (answer.added_nodes, "added", not is_new),
        (answer.changed_nodes, "changed", True),
        (answer.removed_nodes, "removed", True),
        (answer.unchanged_nodes, "unchanged", False),
    ]
    own = [f"{' and '.join(imported.changed_fields)} changed"] if imported.changed_fields else []
    words = [f"{len(ids)} {word}{f' ({_listed(ids)})' if is_named else ''}" for ids, word, is_named in parts if ids]
    return f"imported {answer.pipeline.name}: {', '.join([*own, *words]) or 'no nodes'}"


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= _MOST_LISTED else f"{', '.join(ids[:_MOST_LISTED])}, …"


async def _present(client: MontageClient, document: Document, checked: ImportPipelineResponse) -> Pipeline | None:
    """The pipeline as it is before the import; None when it would be new."""
    pipeline_id = document.value.get("id")
    # A check that met stand-ins of files which the store has not got answers no pipeline.
    name = checked.pipeline.name or (f"pipelines/{pipeline_id}" if isinstance(pipeline_id, str) else "")
    if not name:
        return None
    try:
        return await client.get_pipeline(name)
    except MontageError as err:
        if err.status is not Status.NOT_FOUND:
            raise
        return None


def _imported(answer: ImportPipelineResponse, before: Pipeline | None) -> Imported:
    after = answer.pipeline
    if before is None or not after.name:
        return Imported(answer=answer, changed_fields=(), is_new=before is None)
    changed = (one for one in _OWN_FIELDS if getattr(before, one) != getattr(after, one))
    return Imported(answer=answer, changed_fields=tuple(changed), is_new=False)


def _locate_files(document: Document) -> tuple[list[tuple[AssetSource, Path]], list[Problem]]:
    files: list[tuple[AssetSource, Path]] = []
    problems: list[Problem] = []
    for source in local_sources(document.value):
        try:
            files.append((source, locate(source.source, folder=document.folder)))
        except UnusableAsset as err:
            problems.append(_problem(document, source.place, str(err)))
    return files, problems


async def _check(
    client: MontageClient, document: Document, problems: list[Problem], options: ImportOptions
) -> ImportPipelineResponse:
    """Let the service check the document, and raise its problems and ours as one InvalidDocument."""
    stand_ins = {source.index: placeholder(source.source) for source in local_sources(document.value)}
    # Files are judged here, so what the service thinks of their stand-ins says nothing.
    judged_here = {source.place for source in local_sources(document.value)}
    answer = ImportPipelineResponse()
    note = ""
    try:
        answer = await client.import_pipeline(
            _with_sources(document, stand_ins), validate_only=True, create_only=options.create_only
        )
    except MontageError as err:
        if not problems:
            raise
        note = f"The service could not check the rest: {err}"
    found = [_problem(document, one.field, one.description) for one in answer.problems]
    problems = problems + [problem for problem in found if problem.place not in judged_here]
    if problems:
        raise InvalidDocument(document.path, problems, note=note or _help_with(document, problems))
    return answer


async def _upload(
    client: MontageClient, source: AssetSource, path: Path, document: Document, on_upload: OnUpload | None
) -> str:
    """Bring one file into the store; answers the `source` to import."""
    try:
        file = await asyncio.to_thread(read_asset, path)
        reference = await client.upload_asset(
            file, on_bytes=lambda done, _: on_upload(file, done) if on_upload else None
        )
    except UnusableAsset as err:
        raise InvalidDocument(document.path, [_problem(document, source.place, str(err))]) from err
    except MontageError as err:
        if err.status is not Status.INVALID_ARGUMENT:
            raise
        raise InvalidDocument(document.path, [_problem(document, source.place, _all_words_of(err))]) from err
    return reference


def _with_sources(document: Document, sources: Mapping[int, str]) -> dict[str, JsonValue]:
    """The document's value with the sources of some nodes replaced."""
    value = copy.deepcopy(document.value)
    nodes = value.get("nodes")
    for index, source in sources.items():
        node = nodes[index] if isinstance(nodes, list) else None
        asset = node.get("asset") if isinstance(node, dict) else None
        if isinstance(asset, dict):
            asset["source"] = source
    return value


def _problems_of(error: MontageError, document: Document) -> list[Problem]:
    """What the service found wrong with the document; nothing when the error is about something else."""
    if error.status is not Status.INVALID_ARGUMENT:
        return []
    return [_problem(document, one.field, one.description) for one in error.violations]


def _problem(document: Document, place: str, message: str) -> Problem:
    place = place.removeprefix(_DOCUMENT_PREFIX)
    return Problem(message=message, place=place, line=line_of(place, document.lines))


def _help_with(document: Document, problems: Iterable[Problem]) -> str:
    """What to do about bytes that are named by their checksum and are not here; empty for other problems."""
    by_checksum = {source.place for source in uploaded_sources(document.value)}
    return _HOW_TO_BRING_BYTES if any(problem.place in by_checksum for problem in problems) else ""


def _all_words_of(error: MontageError) -> str:
    return "; ".join([error.message, *(f"{one.field}: {one.description}" for one in error.violations)])
