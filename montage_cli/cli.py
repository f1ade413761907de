"""The `montage` command: what can be typed. What it does is in other modules, imported only when there is work.

gRPC, HTTP and the drawing of bars take half a second to import, and `--help` or a shell's completion needs none of
them; that is why the imports stand inside the functions of the `cli_…` modules.
"""

import os
import sys

import click

from montage_cli import __version__, cli_changes, cli_documents, cli_looks, cli_operations
from montage_cli.connection import CONTEXT, OPTIONS, VARIABLES
from montage_cli.errors import ExitCode
from montage_cli.formats import Format
from montage_cli.options import NAMELESS, output_option

_PROGRAM = "montage"
_SENTENCE = 200
_COMPLETION_VARIABLE = "_MONTAGE_COMPLETE"
"""Click's own name for it: the script of a shell sets it to ask for words."""


class Sectioned(click.Group):
    """Lists its commands by what they are for, in the order in which one needs them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 # click's
        for title, commands in _SECTIONS.items():
            # A first sentence may take two lines; click would cut it off.
            rows = [(command.name or "", command.get_short_help_str(_SENTENCE)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read has what they wanted, as `head` has. Without this, click would end with 1: "the run failed".
            _write_into_nothing()
            ctx.exit(ExitCode.DONE)


@click.group(cls=Sectioned, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--context", "chosen", metavar="NAME", help="A connection of contexts.toml [MONTAGE_CONTEXT].")
@click.option("--address", metavar="HOST:PORT", help="The pipeline service [MONTAGE_PIPELINE_ADDR].")
@click.option("--ca-cert", metavar="FILE", help="CA that the service's certificate is checked by [MONTAGE_CA_CERT].")
@click.option("--client-cert", metavar="FILE", help="Certificate that we show [MONTAGE_CLIENT_CERT].")
@click.option("--client-key", metavar="FILE", help="Its key [MONTAGE_CLIENT_KEY].")
@click.pass_context
def cli(context: click.Context, /, chosen: str | None, **given: str | None) -> None:
    """Turns pipeline documents into finished videos.

    Contexts are kept in ~/.config/montage/contexts.toml. Without options, variables and context the running
    bin/dev is found by its .montage/dev.env.

    Exit codes: 0 done, 1 the run failed, 2 usage, 3 refused, 4 unreachable or not admitted,
    5 interrupted while waiting (the run goes on).
    """
    options = {name: given[option] for name, option in OPTIONS.items()}
    named = {name: value for name, value in options.items() if value is not None}
    if chosen is None:
        context.obj = dict(os.environ) | named
        return
    if named:
        raise click.UsageError("--context has address and certificates already; leave the other options out")
    # What was chosen here counts more than what the shell happens to have.
    context.obj = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {CONTEXT: chosen}


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: eval "$(montage completion bash)"."""
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:
        raise click.UsageError(f"this version of click completes nothing in {shell}")
    click.echo(complete(cli, {}, _PROGRAM, _COMPLETION_VARIABLE).source())


@click.command()
@output_option(*NAMELESS)
def version(output: Format) -> None:
    """Show the version of this program."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    match output:
        case Format.JSON:
            click.echo(f'{{"version": "{__version__}", "python": "{python}"}}')
        case Format.YAML:
            click.echo(f"version: {__version__}\npython: {python}")
        case _:
            click.echo(f"montage {__version__} (Python {python})")


_SECTIONS = {
    "Documents": cli_documents.COMMANDS,
    "Look": cli_looks.COMMANDS,
    "Change and decide": cli_changes.COMMANDS,
    "Operate": cli_operations.COMMANDS,
    "This program": (completion, version),
}
for _commands in _SECTIONS.values():
    for _command in _commands:
        cli.add_command(_command)


def _write_into_nothing() -> None:
    """What is left in buffers is written when the interpreter ends, and must not be refused again then."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nothing, stream.fileno())
    os.close(nothing)


def main() -> None:
    """Entry of the program."""
    # A refused handshake is told in our words; gRPC would tell it on stderr in its own, too.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        cli(prog_name=_PROGRAM, standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
