"""What the commands that change something do; `reading`, `history` and others have those that only look.

Each answers the exit code; failures are raised and told by the session.
"""

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from montage.v1 import pipeline_service_pb2 as api
from montage.v1 import resources_pb2 as resources

from montage_cli import output
from montage_cli.board import Board
from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.importing import ImportOptions, import_document, words_of_import
from montage_cli.names import Name, draft_of, last_id, node_of
from montage_cli.running import (
    active_runs,
    download_all,
    follow,
    holds,
    is_over,
    leaves,
    refuse_with_problems,
    updates_until_over,
    with_result,
)
from montage_cli.session import Session
from montage_cli.summary import failure_lines, summarize, what_ran
from montage_cli.text import size
from montage_cli.uploads import shown_uploads

__all__ = ["ImportOptions", "RunOrder", "download", "import_file", "run", "watch"]


@dataclass(frozen=True, kw_only=True)
class RunOrder:
    """What `montage run` was asked for. Either a document or a pipeline."""

    document: Path | None
    pipeline: str | None
    """Resource name."""
    targets: tuple[str, ...]
    """Ids or resource names of nodes; every leaf when empty."""
    force: bool
    waits: bool
    summary: bool
    out: Path | None
    """Where results are downloaded to; None downloads nothing."""
    priority: int = 0
    """-100 to 100; work of a higher one is handed out first."""
    draft: bool = False
    """Whether it is made for free, in the shadow of the pipeline."""
    plan_digest: str = ""
    """Refuses to do anything but what this plan says; empty does without."""
    ends_with_us: bool = False
    """Whether the service goes when we go: then nobody is told that the run goes on."""


async def import_file(session: Session, file: Path, options: ImportOptions) -> ExitCode:
    with shown_uploads(session) as on_upload:
        imported = await import_document(session.client, file, options=options, on_upload=on_upload)
    if session.answer(output.as_json(imported.answer), names=[imported.answer.pipeline.name]):
        return ExitCode.DONE
    if options.validate_only:
        session.say(f"{file} is good; nothing was changed")
    else:
        session.say(words_of_import(imported))
    return ExitCode.DONE


async def run(session: Session, order: RunOrder) -> ExitCode:
    pipeline = order.pipeline or ""
    if order.document is not None:
        with shown_uploads(session) as on_upload:
            imported = await import_document(
                session.client, order.document, options=ImportOptions(), on_upload=on_upload
            )
        session.say(words_of_import(imported))
        pipeline = imported.answer.pipeline.name
    before = await _before(session, pipeline, order)
    for hold in holds(before, []):
        session.say(hold)
    targets = [node_of(pipeline, target) for target in order.targets]
    ask = partial(
        session.client.run,
        pipeline,
        targets=targets,
        force=order.force,
        priority=order.priority,
        plan_digest=order.plan_digest,
        draft=order.draft,
    )
    try:
        started = await ask()
    except MontageError as err:
        if err.status is Status.FAILED_PRECONDITION:
            await refuse_with_problems(session.client, err, pipeline, targets)
        raise
    if not order.waits:
        return await _run_without_waiting(session, started)

    if not order.ends_with_us:
        session.waits_for(started)
    with session.view() as view:
        ended = await follow(session.client, before, started, view=view)
    session.waits_for(None)
    return await _finish(session, ended, targets, order)


async def _before(session: Session, pipeline: str, order: RunOrder) -> resources.Pipeline:
    """The pipeline that the run will be in, as it is; the shadow of one without a draft so far is an empty one."""
    if not order.draft:
        return await session.client.get_pipeline(pipeline)
    try:
        return await session.client.get_pipeline(draft_of(pipeline))
    except MontageError as err:
        if err.status is not Status.NOT_FOUND:
            raise
        return resources.Pipeline(name=draft_of(pipeline))


async def _run_without_waiting(session: Session, started: resources.Run) -> ExitCode:
    if session.answer({"run": output.as_json(started)}, names=[started.name]):
        return ExitCode.DONE
    if is_over(started):
        session.say(f"{started.name}: nothing to do, everything is current")
    else:
        session.say(started.name)
    return ExitCode.DONE


async def _finish(session: Session, ended: resources.Run, targets: list[str], order: RunOrder) -> ExitCode:
    """Download what there is, sum up, and tell what went wrong."""
    pipeline = ended.name.partition("/runs/")[0]
    nodes = [node async for node in session.client.list_nodes(pipeline)]
    wanted_ids = {last_id(target) for target in targets}
    wanted = [node for node in nodes if last_id(node.name) in wanted_ids] if targets else leaves(nodes)
    files: list[Path] = []
    if order.out is not None:
        files = await download_all(session.client, with_result(wanted, ended), order.out)
    for file in files:
        session.say(f"{file} ({size(file.stat().st_size)})")
    session.say(what_ran(ended, nodes, wanted))
    if order.summary or not session.is_for_people:
        summary = await summarize(session.client, ended, nodes, files)
        told = {"run": output.as_json(ended), "summary": output.summary_as_json(summary)}
        if not session.answer(told, names=[ended.name]):
            output.write_summary(summary)
    if ended.state == resources.RUN_STATE_SUCCEEDED:
        return ExitCode.DONE
    word = resources.RunState.Name(ended.state).removeprefix("RUN_STATE_").lower()
    session.complain("\n".join([f"the run {word}: {ended.name}", *failure_lines(ended, nodes)]))
    return ExitCode.RUN_FAILED


async def watch(session: Session, name: Name, *, follows: bool) -> ExitCode:
    client, pipeline = session.client, name.pipeline
    before = await client.get_pipeline(pipeline)
    runs = [] if follows else await active_runs(client, pipeline)
    nodes = [node async for node in client.list_nodes(pipeline)]
    snapshot = api.Snapshot(nodes=nodes, sequence=before.last_sequence, complete=True)
    session.stream(output.as_json(api.WatchPipelineResponse(snapshot=snapshot)))
    if not runs and not follows:
        _write_nodes(session, nodes)
        session.say("nothing is running")
        return ExitCode.DONE
    for hold in holds(before, runs):
        session.say(hold)
    board = Board(nodes)
    session.waits_for(runs[0] if runs else None)
    names = None if follows else [run.name for run in runs]
    updates = updates_until_over(client, pipeline, names, after_sequence=before.last_sequence)
    with session.view() as view:
        view.changed(board, None)
        async with contextlib.aclosing(updates):
            async for update in updates:
                view.changed(board, board.apply(update))
                if update.WhichOneof("update") != "heartbeat":
                    session.stream(output.as_json(update))
    session.waits_for(None)
    ended = [await client.get_run(run.name) for run in runs]
    has_failed = any(run.state != resources.RUN_STATE_SUCCEEDED for run in ended)
    return ExitCode.RUN_FAILED if has_failed else ExitCode.DONE


async def download(session: Session, name: Name, out: Path) -> ExitCode:
    if name.node is not None:
        wanted = [await session.client.get_node(name.node)]
    else:
        wanted = leaves([node async for node in session.client.list_nodes(name.pipeline)])
    ready = [node for node in wanted if node.HasField("output")]
    files = await download_all(session.client, ready, out)
    if not session.answer({"files": [str(file) for file in files]}, names=map(str, files)):
        for file in files:
            session.say(f"{file} ({size(file.stat().st_size)})")
    missing = [
        f"no output yet: {node.name} ({output.state_of(node)})" for node in wanted if not node.HasField("output")
    ]
    if missing or not wanted:
        session.complain("\n".join(missing or [f"{name.pipeline} has no nodes"]))
        return ExitCode.REFUSED
    return ExitCode.DONE


def _write_nodes(session: Session, nodes: list[resources.Node]) -> None:
    if session.is_for_people:
        output.write_nodes(nodes)
