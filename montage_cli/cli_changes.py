"""Commands that change something by name: pipelines and nodes one by one, and the work on them."""

import os
import sys

import click

from montage_cli.formats import Format
from montage_cli.names import Kind, Name
from montage_cli.options import NameType, open_session, output_option, pairs_of, targets_option

_OF_NODES = ("type", "settings", "inputs", "strict")


@click.command("create")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType(Kind.PIPELINE, Kind.NODE))
@click.option("--type", "type_", metavar="NODE_TYPE", default="", help="Of a node: its type.")
@click.option("--title", default="", help="What people call it.")
@click.option("--version", default="", help="Of a pipeline: free text of the author.")
@click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, callback=pairs_of, help="A mark for filters.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, callback=pairs_of, help="Of a node: a setting.")
@click.option(
    "--input", "inputs", metavar="SLOT=NODE[,NODE]", multiple=True, callback=pairs_of, help="Of a node: its sources."
)
@click.option("--strict", is_flag=True, help="Refuse a node that could not run.")
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Only tell what would be made.")
@output_option()
@click.pass_context
def create(
    context: click.Context,
    name: Name,
    *,
    type_: str,
    title: str,
    version: str,
    labels: dict[str, str],
    settings: dict[str, str],
    inputs: dict[str, str],
    strict: bool,
    is_rehearsal: bool,
    output: Format,
) -> None:
    """Make an empty pipeline, or a node at the end of one."""
    if name.node_id is None and (type_ or settings or inputs or strict):
        raise click.UsageError("--type, --set, --input and --strict are for nodes; name one: PIPELINE/NODE")
    if name.node_id is not None and (not type_ or version):
        raise click.UsageError("a node needs --type; --version is for pipelines")
    from montage_cli import changing

    new = changing.NewThing(
        title=title,
        version=version,
        labels=labels,
        type=type_,
        settings=settings,
        inputs=inputs,
        strict=strict,
        is_rehearsal=is_rehearsal,
    )
    context.exit(open_session(context, output).perform(lambda session: changing.create(session, name, new)))


@click.command("edit")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType(Kind.PIPELINE, Kind.NODE))
@click.option(
    "--set",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    callback=pairs_of,
    help="Change title, labels.KEY or a setting.",
)
@click.option("--unset", metavar="KEY", multiple=True, help="Remove it.")
@click.option("--strict", is_flag=True, help="Refuse a change after which the node could not run.")
@click.option(
    "--dry-run", "is_rehearsal", is_flag=True, help="Only tell what would change; a text that was typed is kept."
)
@output_option()
@click.pass_context
def edit(
    context: click.Context,
    name: Name,
    *,
    given: dict[str, str],
    unset: tuple[str, ...],
    strict: bool,
    is_rehearsal: bool,
    output: Format,
) -> None:
    """Change a pipeline's document in $EDITOR, or a title or a setting by --set.

    What comes back from the editor is shown as a difference and imported, unless somebody else was faster.
    """
    from montage_cli import editing

    settings = editing.Settings(given=given, unset=unset, strict=strict, is_rehearsal=is_rehearsal)
    session = open_session(context, output)
    if given or unset:
        context.exit(session.perform(lambda session: editing.set_(session, name, settings)))
    if name.kind is not Kind.PIPELINE:
        raise click.UsageError(f"a node takes --set or --unset; the whole document: montage edit {name.pipeline_id}")
    if not editing.has_editor(os.environ) and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("there is no terminal to edit on; use --set, or name a program in EDITOR")
    context.exit(session.perform(lambda session: editing.edit(session, name, os.environ, is_rehearsal=is_rehearsal)))


@click.command("delete")
@click.argument("name", metavar="PIPELINE[/NODE]", type=NameType(Kind.PIPELINE, Kind.NODE))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Do not ask, whatever it is by now, and also while something runs.")
@output_option()
@click.pass_context
def delete(context: click.Context, name: Name, *, yes: bool, force: bool, output: Format) -> None:
    """Delete a pipeline with its nodes, or a node and every reference to it. Artifacts and history stay."""
    asks = not (yes or force)
    if asks and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; say --yes")
    from montage_cli import changing

    context.exit(
        open_session(context, output).perform(lambda session: changing.delete(session, name, asks=asks, force=force))
    )


@click.command("plan")
@click.argument("name", metavar="PIPELINE", type=NameType(Kind.PIPELINE))
@targets_option
@click.option("--force", is_flag=True, help="As if all were run again, also where it is current.")
@click.option("--draft", is_flag=True, help="As for a draft.")
@output_option()
@click.pass_context
def plan(
    context: click.Context, name: Name, *, targets: tuple[str, ...], force: bool, draft: bool, output: Format
) -> None:
    """Tell what a run would do with each node that is not kept anyway, and how long it may take.

    Of what is current only the targets are listed. With -o name only the digest of the plan.
    """
    from montage_cli import planning

    context.exit(
        open_session(context, output).perform(
            lambda session: planning.plan(session, name, targets=targets, force=force, draft=draft)
        )
    )


@click.command("execute")
@click.argument("name", metavar="PIPELINE/NODE", type=NameType(Kind.NODE))
@click.option("--force", is_flag=True, help="Also when it is current.")
@output_option()
@click.pass_context
def execute(context: click.Context, name: Name, *, force: bool, output: Format) -> None:
    """Run one node whose inputs are complete; 'montage watch' follows it."""
    from montage_cli import controlling

    context.exit(open_session(context, output).perform(lambda session: controlling.execute(session, name, force=force)))


@click.command("retry")
@click.argument("name", metavar="PIPELINE/NODE", type=NameType(Kind.NODE))
@output_option()
@click.pass_context
def retry(context: click.Context, name: Name, *, output: Format) -> None:
    """Try a failed node again, and what was left out because of it."""
    from montage_cli import controlling

    context.exit(open_session(context, output).perform(lambda session: controlling.retry(session, name)))


@click.command("approve")
@click.argument("name", metavar="PIPELINE/NODE", type=NameType(Kind.NODE))
@click.option("--reject", is_flag=True, help="Let the work fail instead.")
@click.option("--message", default="", help="Why, for the history.")
@output_option()
@click.pass_context
def approve(context: click.Context, name: Name, *, reject: bool, message: str, output: Format) -> None:
    """Decide for a node that waits for a person."""
    from montage_cli import controlling

    context.exit(
        open_session(context, output).perform(
            lambda session: controlling.approve(session, name, rejects=reject, message=message)
        )
    )


@click.command("resolve")
@click.argument("name", metavar="PIPELINE/NODE", type=NameType(Kind.NODE))
@click.option("--adopt", "job_id", metavar="JOB", default="", help="The vendor has it as this job.")
@click.option("--submit-again", is_flag=True, help="The vendor never had it: buy it now.")
@click.option("--give-up", is_flag=True, help="Nobody knows: let the node fail.")
@output_option()
@click.pass_context
def resolve(
    context: click.Context, name: Name, *, job_id: str, submit_again: bool, give_up: bool, output: Format
) -> None:
    """Say what became of a submission that was perhaps accepted, where the vendor cannot be asked."""
    if [bool(job_id), submit_again, give_up].count(True) != 1:
        raise click.UsageError("Expected one of --adopt JOB, --submit-again and --give-up.")
    from montage_cli import controlling

    context.exit(
        open_session(context, output).perform(
            lambda session: controlling.resolve(session, name, job_id=job_id, submits_again=submit_again)
        )
    )


def _control_command(word: str, meaning: str) -> click.Command:
    """`cancel`, `pause` and `resume` differ in the call alone."""

    @click.command(word, help=meaning)
    @click.argument("name", type=NameType(Kind.PIPELINE, Kind.NODE, Kind.RUN))
    @output_option()
    @click.pass_context
    def command(context: click.Context, name: Name, *, output: Format) -> None:
        from montage_cli import controlling

        what = controlling.Control(word)
        context.exit(open_session(context, output).perform(lambda session: controlling.control(session, name, what)))

    return command


cancel = _control_command("cancel", "End the work of a pipeline, a node or a run (its full name); what is done stays.")
pause = _control_command("pause", "Start nothing new of a pipeline, a node or a run; what runs goes on.")
resume = _control_command("resume", "Let a pipeline, a node or a run that was paused go on.")

COMMANDS = (create, edit, delete, plan, execute, retry, cancel, pause, resume, approve, resolve)
