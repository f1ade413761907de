"""`montage doctor`: every part of the way to the service and behind it, each with what was seen."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from montage_cli.connection import find_connection
from montage_cli.doctor_papers import look_at_papers
from montage_cli.doctor_service import AFTER_ADMISSION, ask_service
from montage_cli.doctor_wire import look_at_port, look_at_server_certificate
from montage_cli.errors import ExitCode, MontageError
from montage_cli.findings import Finding, Result, failed, ok, skipped
from montage_cli.formats import Format
from montage_cli.output import write_table
from montage_cli.session import REPOSITORY, Session

_PAPERS = ("certificate", "identity", "expiry")
_WIRE = ("reachable", "server")
_SERVICE = ("admitted", *AFTER_ADMISSION)


def run(variables: Mapping[str, str], form: Format) -> ExitCode:
    """Look at everything and tell it; UNREACHABLE when a check failed."""
    findings = asyncio.run(diagnose(variables, folder=Path.cwd()))
    session = Session(variables=variables, form=form)
    told = [{"check": one.check, "result": str(one.result), "saw": one.saw} for one in findings]
    if not session.answer({"checks": told}):
        write_table(("CHECK", "RESULT", "SAW"), [(one.check, one.result, one.saw) for one in findings])
        wrong = [one.check for one in findings if one.result is Result.FAILED]
        click.echo(f"{len(wrong)} failed: {', '.join(wrong)}" if wrong else "all is well")
    return ExitCode.UNREACHABLE if any(one.result is Result.FAILED for one in findings) else ExitCode.DONE


async def diagnose(
    variables: Mapping[str, str], *, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Finding]:
    """All checks in the order in which a call depends on them; what cannot be looked at says why."""
    try:
        connection = find_connection(variables, folder=folder, repository=REPOSITORY)
    except MontageError as err:
        rest = [skipped(check, "'connection'") for check in (*_PAPERS, *_WIRE, *_SERVICE)]
        return [failed("connection", err.message), *rest]
    found = [ok("connection", f"{connection.address}, from {connection.origin}")]
    papers = list(look_at_papers(connection, now=clock()))
    found += papers + [skipped(check, "'certificate'") for check in _PAPERS[len(papers) :]]
    found.append(await look_at_port(connection))
    if found[-1].result is Result.OK:
        found.append(await look_at_server_certificate(connection))
    else:
        found.append(skipped("server", "'reachable'"))
    broken = [one.check for one in found if one.result is Result.FAILED]
    if broken:
        return found + [skipped(check, f"'{broken[0]}'") for check in _SERVICE]
    return found + [one async for one in ask_service(connection, clock=clock)]
