"""`montage create` and `delete`: pipelines and nodes one by one."""

from collections.abc import Mapping
from dataclasses import dataclass

import click
from montage.v1 import resources_pb2 as resources

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.names import Name, node_of
from montage_cli.session import Session
from montage_cli.settings import apply_settings
from montage_cli.text import printable


@dataclass(frozen=True, kw_only=True)
class NewThing:
    """What `montage create` was asked for; `type`, `settings` and `inputs` only of a node."""

    title: str
    version: str
    labels: Mapping[str, str]
    type: str
    settings: Mapping[str, str]
    inputs: Mapping[str, str]
    """By slot: ids of nodes, separated by commas."""
    strict: bool
    is_rehearsal: bool
    """Only tell what would be made."""


async def create(session: Session, name: Name, new: NewThing) -> ExitCode:
    """Make an empty pipeline, or a node at the end of one; tells what a node still lacks."""
    done = "would create" if new.is_rehearsal else "created"
    if name.node_id is None:
        pipeline = await session.client.create_pipeline(
            name.pipeline_id,
            title=new.title,
            version=new.version,
            labels=new.labels,
            validate_only=new.is_rehearsal,
        )
        if not session.answer(output.as_json(pipeline), names=[pipeline.name]):
            session.say(f"{done} {pipeline.name}")
        return ExitCode.DONE
    node = resources.Node(type=new.type, title=new.title, labels=new.labels)
    for slot, sources in new.inputs.items():
        node.inputs.add(slot=slot, nodes=[node_of(name.pipeline, one) for one in sources.split(",")])
    await apply_settings(session.client, node, new.settings)
    made = await session.client.create_node(
        name.pipeline, node, node_id=name.node_id, strict=new.strict, validate_only=new.is_rehearsal
    )
    if not session.answer(output.node_as_json(made), names=[made.name]):
        session.say(f"{done} {made.name}")
        tell_problems(session, made, is_rehearsal=new.is_rehearsal)
    return ExitCode.DONE


async def delete(session: Session, name: Name, *, asks: bool, force: bool) -> ExitCode:
    """Delete a pipeline or a node as it was when the question was asked; with `force` also while something runs."""
    client = session.client
    if name.node is not None:
        node = await client.get_node(name.node)
        if asks and not _is_meant(f"delete {node.name} and every reference to it?"):
            return ExitCode.REFUSED
        await client.delete_node(node.name, etag="" if force else node.etag)
    else:
        pipeline = await client.get_pipeline(name.pipeline)
        words = f"{pipeline.name} ({pipeline.title})" if pipeline.title else pipeline.name
        if asks and not _is_meant(f"delete {words} with its nodes ({output.counts_of(pipeline)})?"):
            return ExitCode.REFUSED
        await client.delete_pipeline(pipeline.name, force=force, etag="" if force else pipeline.etag)
    deleted = name.node or name.pipeline
    if not session.answer({"deleted": deleted}, names=[deleted]):
        session.say(f"deleted {deleted}")
    return ExitCode.DONE


def tell_problems(session: Session, node: resources.Node, *, is_rehearsal: bool = False) -> None:
    """Why a node that was saved cannot run yet, or one that was only tried could not."""
    if not node.is_valid:
        problems = [f"  {one.field}: {one.description}" for one in node.problems]
        session.complain("\n".join(["it could not run yet:" if is_rehearsal else "it cannot run yet:", *problems]))


def _is_meant(question: str) -> bool:
    return click.confirm(printable(question), err=True)
