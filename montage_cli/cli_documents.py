"""Commands about documents: begin one, check it, import it, run it, export it."""

from pathlib import Path

import click

from montage_cli.formats import Format
from montage_cli.names import Kind, Name
from montage_cli.options import NAMELESS, NameType, is_document, open_session, output_option, targets_option


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_context
def init(context: click.Context, folder: Path) -> None:
    """Write a commented document and its script into DIR, ready to run. Overwrites nothing."""
    from montage_cli import starting

    context.exit(starting.begin(folder))


@click.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@output_option(*NAMELESS)
@click.pass_context
def validate(context: click.Context, file: Path, output: Format) -> None:
    """Tell everything that is wrong with the document FILE and its assets; change nothing."""
    from montage_cli import validating

    context.exit(open_session(context, output).perform(lambda session: validating.validate(session, file)))


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Report all problems and change nothing.")
@click.option("--create-only", is_flag=True, help="Refuse when the pipeline exists.")
@output_option()
@click.pass_context
def import_(context: click.Context, file: Path, *, check: bool, create_only: bool, output: Format) -> None:
    """Make a pipeline equal to the document FILE, its assets uploaded."""
    from montage_cli import commands

    options = commands.ImportOptions(validate_only=check, create_only=create_only)
    context.exit(open_session(context, output).perform(lambda session: commands.import_file(session, file, options)))


@click.command("run")
@click.argument("what", metavar="FILE|PIPELINE")
@click.option("--wait/--no-wait", default=None, help="Follow the run to its end. [default: only for a FILE]")
@targets_option
@click.option("--force", is_flag=True, help="Run the targets and all they need again, also where they are current.")
@click.option(
    "--draft", is_flag=True, help="For free, by local vendors, beside the pipeline; every picture says DRAFT."
)
@click.option("--plan", "plan_digest", metavar="DIGEST", default="", help="Only if it does what this plan says.")
@click.option("--priority", type=click.IntRange(-100, 100), default=0, help="Higher is handed out first. [default: 0]")
@click.option("--summary", is_flag=True, help="End with what each node took and made.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Download results here. [FILE: out]")
@click.option("--ends-with-us", is_flag=True, hidden=True, help="The service goes when we go, as in bin/demo.")
@output_option()
@click.pass_context
def run(
    context: click.Context,
    what: str,
    *,
    wait: bool | None,
    targets: tuple[str, ...],
    force: bool,
    draft: bool,
    plan_digest: str,
    priority: int,
    summary: bool,
    out: Path | None,
    ends_with_us: bool,
    output: Format,
) -> None:
    """Run a pipeline, or import a document FILE, run it, and download what comes out."""
    is_file = is_document(what)
    if wait is False and (summary or out is not None):
        raise click.UsageError("--summary and --out need the end of the run; leave --no-wait out")
    name = None if is_file else NameType().convert(what, None, context)
    if name is not None and name.kind is not Kind.PIPELINE:
        raise click.UsageError("expected a document or a pipeline; name nodes with --node")
    from montage_cli import commands

    order = commands.RunOrder(
        document=Path(what) if is_file else None,
        pipeline=name.pipeline if name else None,
        targets=targets,
        force=force,
        draft=draft,
        plan_digest=plan_digest,
        priority=priority,
        waits=is_file or summary or out is not None if wait is None else wait,
        summary=summary,
        out=out if out is not None or not is_file else Path("out"),
        ends_with_us=ends_with_us,
    )
    context.exit(open_session(context, output).perform(lambda session: commands.run(session, order)))


@click.command("export")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write this file instead of stdout.")
@click.option("--with-assets", is_flag=True, help="Bring its files along, into assets/ beside the file of --out.")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), help="[default: yaml, for a FILE that ends with .json json]"
)
@click.pass_context
def export(context: click.Context, name: Name, *, out: Path | None, with_assets: bool, output: str | None) -> None:
    """Write a pipeline as a document; the same pipeline gives the same bytes.

    Files that were uploaded are named by their checksums, which only their owner's service knows: for another one
    take them --with-assets.
    """
    if with_assets and out is None:
        raise click.UsageError("--with-assets writes files beside the document; say where by --out FILE")
    from montage_cli import exporting

    is_json = out is not None and out.suffix.lower() == ".json" if output is None else output == "json"
    order = exporting.ExportOrder(pipeline=name.pipeline, is_json=is_json, out=out, with_assets=with_assets)
    context.exit(open_session(context).perform(lambda session: exporting.export(session, order)))


COMMANDS = (init, validate, import_, run, export)
