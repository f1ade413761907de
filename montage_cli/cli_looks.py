"""Commands that look: at pipelines, nodes, results, history, and at what a document may say."""

from pathlib import Path

import click

from montage_cli.formats import Format
from montage_cli.names import Kind, Name
from montage_cli.options import NameType, open_session, out_option, output_option


@click.command("list")
@output_option(Format.YAML, Format.NAME)
@click.pass_context
def list_(context: click.Context, *, output: Format) -> None:
    """List the pipelines, newest first."""
    from montage_cli import reading

    context.exit(open_session(context, output).perform(reading.list_pipelines))


@click.command("get")
@click.argument("name", type=NameType())
@output_option(Format.YAML, Format.NAME)
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
@output_option(Format.NAME)
@click.pass_context
def executions(context: click.Context, name: Name, *, output: Format) -> None:
    """List the attempts of a node, or of all nodes of a pipeline, newest first."""
    from montage_cli import history

    context.exit(open_session(context, output).perform(lambda session: history.executions(session, name)))


@click.command("runs")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@output_option(Format.NAME)
@click.pass_context
def runs(context: click.Context, name: Name, *, output: Format) -> None:
    """List the runs of a pipeline, newest first."""
    from montage_cli import history

    context.exit(open_session(context, output).perform(lambda session: history.runs(session, name)))


@click.command("events")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@click.option("--after", metavar="N", type=click.IntRange(min=0), default=0, help="Begin behind this sequence number.")
@output_option()
@click.pass_context
def events(context: click.Context, name: Name, *, after: int, output: Format) -> None:
    """List what happened to a pipeline, oldest first. With -o json one line of JSON per event."""
    from montage_cli import history

    context.exit(
        open_session(context, output).perform(lambda session: history.events(session, name, after_sequence=after))
    )


@click.command("watch")
@click.argument("name", metavar="PIPELINE", type=NameType())
@click.option("--follow", is_flag=True, help="Go on when nothing is running (any more).")
@output_option()
@click.pass_context
def watch(context: click.Context, name: Name, *, follow: bool, output: Format) -> None:
    """Show a pipeline while it runs, until nothing runs any more. With -o json one line of JSON per update."""
    from montage_cli import commands

    context.exit(open_session(context, output).perform(lambda session: commands.watch(session, name, follows=follow)))


@click.command("types")
@click.argument("node_type", metavar="[NODE_TYPE]", required=False)
@output_option(Format.YAML, Format.NAME)
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


COMMANDS = (list_, get, describe, executions, runs, events, watch, types, download)
