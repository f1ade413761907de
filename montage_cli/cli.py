"""The `montage` command: what can be typed. What it does is in `commands`, imported only when there is something to do.

gRPC, HTTP and the drawing of bars take half a second to import, and `--help` or a shell's completion needs none of
them; that is why the imports stand inside the functions here.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from montage_cli import __version__
from montage_cli.connection import VARIABLES
from montage_cli.errors import ExitCode
from montage_cli.names import InvalidName, Name, parse_name

if TYPE_CHECKING:
    from montage_cli.session import Session

Command = TypeVar("Command", bound=Callable[..., Any])

_DOCUMENT_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_OPTIONS = ("address", "ca_cert", "client_cert", "client_key")


class NameType(click.ParamType[Name]):
    """PIPELINE, PIPELINE/NODE, or a full resource name."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        if isinstance(value, Name):
            return value
        try:
            return parse_name(str(value))
        except InvalidName as err:
            self.fail(str(err), param, ctx)


def output_option(command: Command) -> Command:
    choice = click.Choice(["table", "json"])
    return click.option("-o", "--output", type=choice, default="table", help="json prints only JSON on stdout.")(
        command
    )


def out_option(command: Command) -> Command:
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--out", type=folder, default="out", show_default=True, help="Folder for downloads.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--address", metavar="HOST:PORT", help="The pipeline service [MONTAGE_PIPELINE_ADDR].")
@click.option("--ca-cert", metavar="FILE", help="CA that the service's certificate is checked by [MONTAGE_CA_CERT].")
@click.option("--client-cert", metavar="FILE", help="Certificate that we show [MONTAGE_CLIENT_CERT].")
@click.option("--client-key", metavar="FILE", help="Its key [MONTAGE_CLIENT_KEY].")
@click.pass_context
def cli(context: click.Context, /, **given: str | None) -> None:
    """Turns pipeline documents into finished videos.

    Without options and variables the running bin/dev is found by its .montage/dev.env.

    Exit codes: 0 done, 1 the run failed, 2 usage, 3 refused, 4 unreachable or not admitted,
    5 interrupted while waiting (the run goes on).
    """
    options = {name: given[option] for name, option in zip(VARIABLES, _OPTIONS, strict=True)}
    context.obj = dict(os.environ) | {name: value for name, value in options.items() if value is not None}


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Report all problems and change nothing.")
@click.option("--create-only", is_flag=True, help="Refuse when the pipeline exists.")
@output_option
@click.pass_context
def import_(context: click.Context, file: Path, *, check: bool, create_only: bool, output: str) -> None:
    """Make a pipeline equal to the document FILE, its assets uploaded."""
    from montage_cli import commands

    options = commands.ImportOptions(validate_only=check, create_only=create_only)
    context.exit(_session(context, output).perform(lambda session: commands.import_file(session, file, options)))


@cli.command()
@click.argument("what", metavar="FILE|PIPELINE")
@click.option("--wait/--no-wait", default=None, help="Follow the run to its end. [default: only for a FILE]")
@click.option("--target", "targets", metavar="NODE", multiple=True, help="Bring this node up to date; may be repeated.")
@click.option("--force", is_flag=True, help="Run the targets and all they need again, also where they are current.")
@click.option("--summary", is_flag=True, help="End with what each node took and made.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Download results here. [FILE: out]")
@output_option
@click.pass_context
def run(
    context: click.Context,
    what: str,
    *,
    wait: bool | None,
    targets: tuple[str, ...],
    force: bool,
    summary: bool,
    out: Path | None,
    output: str,
) -> None:
    """Run a pipeline. A document FILE is imported first; then the run is followed and every result downloaded."""
    is_file = is_document(what)
    if wait is False and (summary or out is not None):
        raise click.UsageError("--summary and --out need the end of the run; leave --no-wait out")
    name = None if is_file else NameType().convert(what, None, context)
    if name is not None and (name.node_id or name.run_id):
        raise click.UsageError("expected a document or a pipeline; name nodes with --target")
    from montage_cli import commands

    order = commands.RunOrder(
        document=Path(what) if is_file else None,
        pipeline=name.pipeline if name else None,
        targets=targets,
        force=force,
        waits=is_file or summary or out is not None if wait is None else wait,
        summary=summary,
        out=out if out is not None or not is_file else Path("out"),
    )
    context.exit(_session(context, output).perform(lambda session: commands.run(session, order)))


@cli.command()
@click.argument("name", metavar="PIPELINE", type=NameType())
@click.option("--follow", is_flag=True, help="Go on when nothing is running (any more).")
@output_option
@click.pass_context
def watch(context: click.Context, name: Name, *, follow: bool, output: str) -> None:
    """Show a pipeline while it runs, until nothing runs any more. With -o json one line of JSON per update."""
    from montage_cli import commands

    context.exit(_session(context, output).perform(lambda session: commands.watch(session, name, follows=follow)))


@cli.command("list")
@output_option
@click.pass_context
def list_(context: click.Context, *, output: str) -> None:
    """List the pipelines, newest first."""
    from montage_cli import commands

    context.exit(_session(context, output).perform(commands.list_pipelines))


@cli.command()
@click.argument("name", type=NameType())
@output_option
@click.pass_context
def get(context: click.Context, name: Name, *, output: str) -> None:
    """Show a pipeline, a node (PIPELINE/NODE) or a run (its full name)."""
    from montage_cli import commands

    context.exit(_session(context, output).perform(lambda session: commands.get(session, name)))


@cli.command()
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType())
@out_option
@output_option
@click.pass_context
def download(context: click.Context, name: Name, *, out: Path, output: str) -> None:
    """Download the output of a node, or every finished result of a pipeline."""
    from montage_cli import commands

    context.exit(_session(context, output).perform(lambda session: commands.download(session, name, out)))


@cli.command()
@output_option
def version(output: str) -> None:
    """Show the version of this program."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    click.echo(
        f'{{"version": "{__version__}", "python": "{python}"}}'
        if output == "json"
        else f"montage {__version__} (Python {python})"
    )


def main() -> None:
    """Entry of the program."""
    # A refused handshake is told in our words; gRPC would tell it on stderr in its own, too.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        cli(prog_name="montage", standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def is_document(text: str) -> bool:
    """Whether `run` was given a document; a word that could be a pipeline's id is one."""
    if Path(text).suffix.lower() in _DOCUMENT_SUFFIXES:
        return True
    try:
        parse_name(text)
    except InvalidName:
        return True
    return "/" in text and not text.startswith("pipelines/") and Path(text).is_file()


def _session(context: click.Context, output: str) -> "Session":
    from montage_cli.session import Session

    return Session(variables=context.obj, is_json=output == "json")
