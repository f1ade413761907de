"""Commands of operators: secrets of owners at vendors, what is on record, and the store."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from montage_cli.formats import Format
from montage_cli.options import NAMELESS, open_session, output_option

_owner_option = click.option(
    "--owner", metavar="OWNER", default="default", show_default=True, help="Whose it is, for example users/42."
)


@click.group("credentials")
def credentials() -> None:
    """Keep, forget and list secrets of owners at vendors; for operators. Nothing ever shows a value."""


@credentials.command("put")
@click.argument("vendor")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@_owner_option
@click.option(
    "--expire-time",
    metavar="TIME",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]),
    help="When the vendor stops taking it.",
)
@output_option()
@click.pass_context
def put(
    context: click.Context, vendor: str, file: str, *, owner: str, expire_time: datetime | None, output: Format
) -> None:
    """Keep the secret in FILE (- is standard input) in place of the one before."""
    from montage_cli import keeping

    value = keeping.read_value(sys.stdin.buffer if file == "-" else Path(file))
    if not value:
        raise click.UsageError(f"expected a secret in {file}, found nothing")
    secret = keeping.Secret(owner=owner, vendor=vendor, value=value, expire_time=expire_time)
    context.exit(open_session(context, output).perform(lambda session: keeping.put(session, secret)))


@credentials.command("list")
@click.option("--owner", metavar="OWNER", default="", help="Only this owner's.")
@output_option()
@click.pass_context
def list_(context: click.Context, *, owner: str, output: Format) -> None:
    """Which secrets there are, never their values."""
    from montage_cli import keeping

    context.exit(open_session(context, output).perform(lambda session: keeping.list_(session, owner)))


@credentials.command("delete")
@click.argument("vendor")
@_owner_option
@output_option()
@click.pass_context
def delete(context: click.Context, vendor: str, *, owner: str, output: Format) -> None:
    """Forget a secret."""
    from montage_cli import keeping

    context.exit(open_session(context, output).perform(lambda session: keeping.delete(session, owner, vendor)))


@click.group("audit")
def audit() -> None:
    """What was done by whom, and whether anybody has changed the record since; for operators."""


@audit.command("verify")
@click.option("--head", metavar="NUMBER:SHA256", default="", help="An end of the chain that was seen before.")
@output_option(*NAMELESS)
@click.pass_context
def verify(context: click.Context, *, head: str, output: Format) -> None:
    """Hold events and records against their seals; ends with 1 at the first row that is not as it was sealed."""
    from montage_cli import auditing

    expected = auditing.Head.parse(head) if head else None
    context.exit(open_session(context, output).perform(lambda session: auditing.verify(session, expected)))


@audit.command("list")
@click.option("--most", type=click.IntRange(1), default=50, show_default=True, help="So many of them.")
@output_option()
@click.pass_context
def list_records(context: click.Context, *, most: int, output: Format) -> None:
    """Records, newest first."""
    from montage_cli import auditing

    context.exit(open_session(context, output).perform(lambda session: auditing.list_(session, most)))


@click.command("gc")
@click.option("--remove", is_flag=True, help="Remove the orphans; without it nothing is changed.")
@click.option(
    "--grace-hours",
    metavar="HOURS",
    type=click.IntRange(1, 366 * 24),
    default=7 * 24,
    show_default=True,
    help="How long nothing of it may have been written or asked for.",
)
@click.option("--owner", metavar="OWNER", default="", help="Only this owner's.")
@output_option()
@click.pass_context
def gc(context: click.Context, *, remove: bool, grace_hours: int, owner: str, output: Format) -> None:
    """Look for objects that nothing refers to, and for such that are referred to and missing; for operators.

    Ends with 1 when something is missing.
    """
    from montage_cli import collecting

    sweep = collecting.Sweep(owner=owner, grace=timedelta(hours=grace_hours), remove=remove)
    context.exit(open_session(context, output).perform(lambda session: collecting.collect(session, sweep)))


COMMANDS = (credentials, audit, gc)
