"""Commands that look: at pipelines, nodes, results, history, and at what a document may say."""

from pathlib import Path

import click

from montage_cli.formats import Format
from montage_cli.names import Kind, Name
from montage_cli.options import (
    NAMELESS,
    NameType,
    filter_option,
    label_option,
    open_session,
    order_option,
    out_option,
    output_option,
    where_of,
)


@click.command("list")
@click.argument("name", metavar="[PIPELINE]", type=NameType(Kind.PIPELINE), required=False)
@filter_option("state = FAILED AND title:lesson")
@label_option
@order_option
@output_option()
@click.pass_context
def list_(
    context: click.Context,
    name: Name | None,
    *,
    where: str,
    labels: tuple[str, ...],
    order_by: str,
    output: Format,
) -> None:
    """List the pipelines, newest first, or the nodes of one in the order of its document."""
    from montage_cli import reading

    order = reading.ListOrder(where=where_of(where, labels), order_by=order_by)
    context.exit(open_session(context, output).perform(lambda session: reading.list_(session, name, order)))


@click.command("get")
@click.argument("name", type=NameType())
@output_option()
@click.pass_context
def get(context: click.Context, name: Name, *, output: Format) -> None:
    """Show a pipeline, a node (PIPELINE/NODE), or a run or an execution (their full names)."""
    from montage_cli import reading

    context.exit(open_session(context, output).perform(lambda session: reading.get(session, name)))


@click.command("describe")
@click.argument("name", metavar="PIPELINE/NODE", type=NameType(Kind.NODE))
@output_option()
@click.pass_context
def describe(context: click.Context, name: Name, *, output: Format) -> None:
    """Tell all about a node: state, inputs, config, attempts, and why it failed."""
    from montage_cli import describing

    context.exit(open_session(context, output).perform(lambda session: describing.describe(session, name)))


@click.command("executions")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType(Kind.PIPELINE, Kind.NODE))
@filter_option("state = FAILED AND attempt > 1")
@order_option
@output_option()
@click.pass_context
def executions(context: click.Context, name: Name, *, where: str, order_by: str, output: Format) -> None:
    """List the attempts of a node, or of all nodes of a pipeline, newest first."""
    from montage_cli import history

    context.exit(
        open_session(context, output).perform(
            lambda session: history.executions(session, name, where=where, order_by=order_by)
        )
    )


@click.command("runs")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@filter_option("state = FAILED")
@order_option
@output_option()
@click.pass_context
def runs(context: click.Context, name: Name, *, where: str, order_by: str, output: Format) -> None:
    """List the runs of a pipeline, newest first."""
    from montage_cli import history

    context.exit(
        open_session(context, output).perform(
            lambda session: history.runs(session, name, where=where, order_by=order_by)
        )
    )


@click.command("events")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@click.option("--after", metavar="N", type=click.IntRange(min=0), default=0, help="Begin behind this sequence number.")
@filter_option("type = EXECUTION_FAILED AND node = voice")
@output_option(*NAMELESS)
@click.pass_context
def events(context: click.Context, name: Name, *, after: int, where: str, output: Format) -> None:
    """List what happened to a pipeline, oldest first. With -o json a line per event, with yaml a document."""
    from montage_cli import history

    context.exit(
        open_session(context, output).perform(
            lambda session: history.events(session, name, after_sequence=after, where=where)
        )
    )


@click.command("watch")
@click.argument("name", metavar="PIPELINE", type=NameType())
@click.option("--follow", is_flag=True, help="Go on when nothing is running (any more).")
@output_option(*NAMELESS)
@click.pass_context
def watch(context: click.Context, name: Name, *, follow: bool, output: Format) -> None:
    """Show a pipeline while it runs, until nothing runs any more. With -o json a line per update."""
    from montage_cli import commands

    context.exit(open_session(context, output).perform(lambda session: commands.watch(session, name, follows=follow)))


@click.command("types")
@click.argument("node_type", metavar="[NODE_TYPE]", required=False)
@output_option()
@click.pass_context
def types(context: click.Context, node_type: str | None, *, output: Format) -> None:
    """List the node types, or show the slots and settings of one."""
    from montage_cli import node_types

    context.exit(open_session(context, output).perform(lambda session: node_types.show(session, node_type)))


@click.command("download")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType())
@out_option
@output_option()
@click.pass_context
def download(context: click.Context, name: Name, *, out: Path, output: Format) -> None:
    """Download the output of a node, or every finished result of a pipeline."""
    from montage_cli import commands

    context.exit(open_session(context, output).perform(lambda session: commands.download(session, name, out)))


@click.command("preview")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType())
@out_option
@output_option()
@click.pass_context
def preview(context: click.Context, name: Name, *, out: Path, output: Format) -> None:
    """Download twelve frames on one picture: of a node's film, or of every film of a pipeline."""
    from montage_cli import previews

    context.exit(open_session(context, output).perform(lambda session: previews.preview(session, name, out)))


@click.command("doctor")
@output_option(*NAMELESS)
@click.pass_context
def doctor(context: click.Context, *, output: Format) -> None:
    """Tell what is seen on each part of the way to the service, and behind it."""
    from montage_cli import doctor as doctor_

    context.exit(doctor_.run(context.obj, output))


COMMANDS = (list_, get, describe, executions, runs, events, watch, types, download, preview, doctor)
