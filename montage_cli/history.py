"""`montage executions`, `runs` and `events`: what was tried, asked for, and what happened."""

from collections.abc import Sequence

from montage.v1 import resources_pb2 as resources

from montage_cli.errors import ExitCode
from montage_cli.names import Name, last_id
from montage_cli.output import as_json, cost_of, local_time, word_of, write_table
from montage_cli.session import Session
from montage_cli.summary import seconds_between
from montage_cli.text import shortened

_ERROR_WIDTH = 60
_PARTS_BEFORE_PATH = 3
"""Scheme, nothing, and trust domain."""


async def executions(session: Session, name: Name, *, where: str, order_by: str) -> ExitCode:
    if name.node is None:
        # The attempts of nothing are no refusal; asking for the pipeline tells it from a name that does not exist.
        await session.client.get_pipeline(name.pipeline)
    else:
        await session.client.get_node(name.node)
    parent = name.node or f"{name.pipeline}/nodes/-"
    found = [execution async for execution in session.client.list_executions(parent, where=where, order_by=order_by)]
    if not session.answer({"executions": [as_json(one) for one in found]}, names=[one.name for one in found]):
        write_executions(found, with_node=name.node is None)
    return ExitCode.DONE


async def runs(session: Session, name: Name, *, where: str, order_by: str) -> ExitCode:
    found = [run async for run in session.client.list_runs(name.pipeline, where=where, order_by=order_by)]
    if not session.answer({"runs": [as_json(run) for run in found]}, names=[run.name for run in found]):
        rows = [
            (
                last_id(run.name),
                word_of(resources.RunState, run.state),
                local_time(run.create_time),
                f"{seconds_between(run.create_time, run.end_time):.1f}" if run.HasField("end_time") else "-",
                ", ".join(last_id(target) for target in run.targets) or "every leaf",
            )
            for run in found
        ]
        write_table(("RUN", "STATE", "ASKED", "SECONDS", "TARGETS"), rows)
    return ExitCode.DONE


async def events(session: Session, name: Name, *, after_sequence: int, where: str) -> ExitCode:
    listed = session.client.list_events(name.pipeline, after_sequence=after_sequence, where=where)
    if session.is_for_people:
        rows = [_event_row(event) async for event in listed]
        write_table(("NUMBER", "TIME", "EVENT", "NODE", "ATTEMPT", "STATE", "BY", "MESSAGE"), rows)
        return ExitCode.DONE
    async for event in listed:
        # Histories can be long: each event is written when it comes.
        session.stream(as_json(event))
    return ExitCode.DONE


def write_executions(found: Sequence[resources.Execution], *, with_node: bool) -> None:
    """A table of attempts, with their node where they are of several."""
    titles: tuple[str, ...] = (
        "ATTEMPT", "STATE", "PROVIDER", "JOB", "COST", "STARTED", "SECONDS", "EXECUTION", "ERROR",
    )  # fmt: skip
    rows = [_execution_row(execution) for execution in found]
    if with_node:
        titles = ("NODE", *titles)
        rows = [(_node_of(execution), *row) for execution, row in zip(found, rows, strict=True)]
    write_table(titles, rows)


def _execution_row(execution: resources.Execution) -> tuple[str, ...]:
    is_timed = execution.HasField("start_time") and execution.HasField("end_time")
    failure = execution.failure
    return (
        str(execution.attempt),
        word_of(resources.ExecutionState, execution.state),
        execution.provider or "-",
        execution.vendor_job_id or "-",
        cost_of(execution) or "-",
        local_time(execution.start_time) or "-",
        f"{seconds_between(execution.start_time, execution.end_time):.1f}" if is_timed else "-",
        last_id(execution.name),
        shortened(f"{failure.error_type}: {failure.message}", _ERROR_WIDTH) if execution.HasField("failure") else "",
    )


def _event_row(event: resources.Event) -> tuple[str, ...]:
    return (
        str(event.sequence),
        local_time(event.create_time),
        word_of(resources.EventType, event.type),
        last_id(event.node) if event.node else "-",
        str(event.attempt) if event.attempt else "-",
        " → ".join(state.lower() for state in (event.old_state, event.new_state) if state) or "-",
        _who(event.actor) or "-",
        # What is waited for is told as the word of an enum.
        event.message.lower() if event.type == resources.EVENT_TYPE_EXECUTION_WAITING else event.message,
    )


def _who(actor: str) -> str:
    """`client/dev` of `spiffe://montage/client/dev`; others, such as `timer`, as they are."""
    return actor.split("/", _PARTS_BEFORE_PATH)[-1] if actor.startswith("spiffe://") else actor


def _node_of(execution: resources.Execution) -> str:
    return last_id(execution.name.partition("/executions/")[0])
