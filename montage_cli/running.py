"""A run from its start to its end, and the files that come out of it."""

import contextlib
import mimetypes
import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from montage.v1 import resources_pb2 as resources
from montage.v1.pipeline_service_pb2 import WatchPipelineResponse

from montage_cli.board import Board, ended_run
from montage_cli.client import MontageClient
from montage_cli.errors import FieldViolation, MontageError
from montage_cli.names import is_of_draft, last_id
from montage_cli.views import View

_RUN_IS_OVER = frozenset({resources.RUN_STATE_SUCCEEDED, resources.RUN_STATE_FAILED, resources.RUN_STATE_CANCELLED})
_IS_NOT_OVER = "state = ACTIVE OR state = PAUSED"
_HAS_RESULT = frozenset({resources.RUN_DECISION_DONE, resources.RUN_DECISION_REUSED})
_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")


def is_over(run: resources.Run) -> bool:
    return run.state in _RUN_IS_OVER


async def follow(
    client: MontageClient, pipeline: resources.Pipeline, run: resources.Run, *, view: View
) -> resources.Run:
    """Show a run that was started until it ends; it goes on whatever happens here.

    `pipeline` was read before the run was asked for, so that by its sequence none of the run's events is missed.
    """
    # Behind the start: a draft's nodes are there only since then.
    nodes = [node async for node in client.list_nodes(pipeline.name)]
    concerned = {decided.node for decided in run.nodes}
    board = Board((node for node in nodes if node.name in concerned or not concerned), run=run.name)
    view.changed(board, None)
    if is_over(run):
        return run
    updates = updates_until_over(client, pipeline.name, [run.name], after_sequence=pipeline.last_sequence)
    async with contextlib.aclosing(updates):
        async for update in updates:
            view.changed(board, board.apply(update))
    return await client.get_run(run.name)


async def updates_until_over(
    client: MontageClient, pipeline: str, runs: Iterable[str] | None, *, after_sequence: int
) -> AsyncGenerator[WatchPipelineResponse, None]:
    """Everything that happens behind `after_sequence`, until each of `runs` is over; for ever when that is None."""
    pending = set(runs or ())
    async with contextlib.aclosing(client.watch(pipeline, after_sequence=after_sequence)) as updates:
        async for update in updates:
            yield update
            if runs is None:
                continue
            pending.discard(ended_run(update))
            if update.WhichOneof("update") == "heartbeat":
                # Should the end of a run ever have been missed, this finds it.
                pending = {name for name in pending if not is_over(await client.get_run(name))}
            if not pending:
                return


async def active_runs(client: MontageClient, pipeline: str) -> list[resources.Run]:
    """The runs that are not over, newest first, also those that are held or wait for somebody; without decisions."""
    return [run async for run in client.list_runs(pipeline, where=_IS_NOT_OVER)]


def holds(pipeline: resources.Pipeline, runs: Iterable[resources.Run]) -> Iterator[str]:
    """Why nothing happens, and what lets it go on, of a pipeline and of runs that are held."""
    if pipeline.paused:
        yield f"{pipeline.name} is paused; 'montage resume {last_id(pipeline.name)}' lets it go on"
    for run in runs:
        if run.state == resources.RUN_STATE_PAUSED:
            yield f"{run.name} is paused; 'montage resume {run.name}' lets it go on"


async def refuse_with_problems(
    client: MontageClient, refusal: MontageError, pipeline: str, targets: Sequence[str]
) -> None:
    """Raise the refusal of a run anew with what is wrong with each node that it needs, in the order of the document.

    Returns when nothing is: then it was refused for something else.
    """
    nodes = [node async for node in client.list_nodes(pipeline)]
    wanted = [node for node in nodes if node.name in targets] if targets else leaves(nodes)
    needed = with_sources(wanted, nodes)
    found = [
        FieldViolation(field=last_id(node.name), description=f"{one.field}: {one.description}")
        for node in nodes
        if node.name in needed
        for one in node.problems
    ]
    if found:
        hint = f"'montage edit {last_id(pipeline)}' opens the document, 'montage plan {last_id(pipeline)}' tells more"
        raise MontageError(
            refusal.message, status=refusal.status, reason=refusal.reason, violations=found, hint=hint
        ) from refusal


async def executions_named(
    client: MontageClient, pipeline: str, names: Iterable[str]
) -> Mapping[str, resources.Execution]:
    """Executions of a pipeline by name; those that do not exist are left out."""
    wanted = {name for name in names if name}
    found: dict[str, resources.Execution] = {}
    if not wanted:
        return found
    async for execution in client.list_executions(f"{pipeline}/nodes/-"):
        if execution.name in wanted:
            found[execution.name] = execution
            if len(found) == len(wanted):
                break
    return found


def leaves(nodes: Sequence[resources.Node]) -> list[resources.Node]:
    """The nodes that no other node needs. Assets that nobody uses are no result, unless there is nothing else."""
    needed = {source for node in nodes for slot in node.inputs for source in slot.nodes}
    ends = [node for node in nodes if node.name not in needed]
    return [node for node in ends if node.type != "asset"] or ends


def with_sources(wanted: Iterable[resources.Node], nodes: Iterable[resources.Node]) -> set[str]:
    """Resource names of `wanted` and of all that they need, directly or not."""
    sources = {node.name: [source for slot in node.inputs for source in slot.nodes] for node in nodes}
    found: set[str] = set()
    pending = [node.name for node in wanted]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += sources.get(name, ())
    return found


def with_result(nodes: Iterable[resources.Node], run: resources.Run) -> list[resources.Node]:
    """Those of `nodes` that `run` brought, or found, up to date."""
    good = {decided.node for decided in run.nodes if decided.decision in _HAS_RESULT}
    return [node for node in nodes if node.name in good and node.HasField("output")]


async def download_all(client: MontageClient, nodes: Iterable[resources.Node], out: Path) -> list[Path]:
    """Bring the output of each node to `<out>/<node id>.<ext>`."""
    return [await client.download(node.name, out / file_name(node)) for node in nodes]


def file_name(node: resources.Node) -> str:
    """What the output of a node is called on disk, for example `welcome.mp4`."""
    suffix = PurePosixPath(node.output.s3_key).suffix.lower()
    if not _SUFFIX.fullmatch(suffix):
        suffix = mimetypes.guess_extension(node.output.content_type) or ".bin"
    return f"{_stem(node)}{suffix}"


def sheet_name(node: resources.Node) -> str:
    """What the contact sheet of a node is called on disk, for example `welcome.jpg`."""
    return f"{_stem(node)}.jpg"


def _stem(node: resources.Node) -> str:
    """What is made for a draft says so wherever its file goes."""
    return f"{last_id(node.name)}{'-DRAFT' if is_of_draft(node.name) else ''}"
