"""What a person decides about work: `montage execute`, `retry`, `cancel`, `pause`, `resume`, `approve`, `resolve`."""

from enum import StrEnum

from google.protobuf.message import Message
from montage.v1 import node_service_pb2 as node_api
from montage.v1 import resources_pb2 as resources

from montage_cli import output
from montage_cli.errors import ExitCode, MontageError, Status
from montage_cli.names import Kind, Name
from montage_cli.running import active_runs
from montage_cli.session import Session


class Control(StrEnum):
    """What can be done to a pipeline, a node or a run alike."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"

    @property
    def past(self) -> str:
        """`cancelled`, `paused`, `resumed`."""
        return "cancelled" if self is Control.CANCEL else f"{self}d"


async def control(session: Session, name: Name, what: Control) -> ExitCode:
    client = session.client
    of_pipeline, of_node, of_run = {
        Control.CANCEL: (client.cancel_pipeline, client.cancel_node, client.cancel_run),
        Control.PAUSE: (client.pause_pipeline, client.pause_node, client.pause_run),
        Control.RESUME: (client.resume_pipeline, client.resume_node, client.resume_run),
    }[what]
    nothing_done = await _why_nothing_changes(session, name, what)
    changed: resources.Pipeline | resources.Node | resources.Run
    if name.run is not None:
        changed = await of_run(name.run)
    elif name.node is not None:
        changed = await of_node(name.node)
    else:
        changed = await of_pipeline(name.pipeline)
    return _tell(session, changed, changed.name, nothing_done or f"{what.past} {changed.name}")


async def _why_nothing_changes(session: Session, name: Name, what: Control) -> str:
    """Why it is as was asked for already, in words; empty where there is something to do.

    Nodes and runs of which nothing can be ended are refused by the service itself.
    """
    client = session.client
    if what is Control.CANCEL:
        if name.kind is not Kind.PIPELINE:
            return ""
        counts = {one.state: one.count for one in (await client.get_pipeline(name.pipeline)).node_state_counts}
        is_idle = not counts.get(resources.NODE_STATE_IN_PROGRESS) and not await active_runs(client, name.pipeline)
        return f"nothing of {name.pipeline} was running" if is_idle else ""
    if name.run is not None:
        was_paused = (await client.get_run(name.run)).state == resources.RUN_STATE_PAUSED
    elif name.node is not None:
        was_paused = (await client.get_node(name.node)).paused
    else:
        was_paused = (await client.get_pipeline(name.pipeline)).paused
    if was_paused is not (what is Control.PAUSE):
        return ""
    return f"{name.run or name.node or name.pipeline} was {'paused already' if was_paused else 'not paused'}"


async def execute(session: Session, name: Name, *, force: bool) -> ExitCode:
    """Run one node whose inputs are complete; does not wait."""
    try:
        execution = await session.client.execute_node(name.node or "", force=force)
    except MontageError as err:
        if err.status is Status.FAILED_PRECONDITION and not force:
            await _refuse_if_current(session, name)
        raise
    state = output.word_of(resources.ExecutionState, execution.state)
    return _tell(session, execution, execution.name, f"{execution.name}: {state}")


async def _refuse_if_current(session: Session, name: Name) -> None:
    """Say by which option a current node is made again: the service knows of fields, not of options."""
    node = await session.client.get_node(name.node or "")
    if node.is_current and not node.HasField("asset"):
        hint = f"'montage execute {name.pipeline_id}/{name.node_id} --force' makes it again"
        raise MontageError(f"{node.name} is current", status=Status.FAILED_PRECONDITION, hint=hint)


async def retry(session: Session, name: Name) -> ExitCode:
    node = await session.client.retry_node(name.node or "")
    return _tell(session, node, node.name, f"{node.name}: {output.state_of(node)}")


async def approve(session: Session, name: Name, *, rejects: bool, message: str) -> ExitCode:
    decision = node_api.APPROVAL_REJECTED if rejects else node_api.APPROVAL_APPROVED
    node = await session.client.approve_node(name.node or "", decision, message=message)
    return _tell(session, node, node.name, f"{'rejected' if rejects else 'approved'} {node.name}")


async def resolve(session: Session, name: Name, *, job_id: str, submits_again: bool) -> ExitCode:
    node = await session.client.resolve_node(name.node or "", job_id=job_id, submits_again=submits_again)
    return _tell(session, node, node.name, f"resolved {node.name}: {output.state_of(node)}")


def _tell(session: Session, changed: Message, name: str, words: str) -> ExitCode:
    if not session.answer(output.as_json(changed), names=[name]):
        session.say(words)
    return ExitCode.DONE
