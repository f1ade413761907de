"""One invocation of the command: its connection, its way of writing, and how its failures become exit codes."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, assert_never

import click
from montage.v1.resources_pb2 import Run
from rich.console import Console

from montage_cli.client import MontageClient
from montage_cli.connection import find_connection
from montage_cli.errors import ExitCode, MontageError
from montage_cli.formats import Format
from montage_cli.hints import DOCTOR, hint_for
from montage_cli.names import last_id
from montage_cli.output import write_json
from montage_cli.problems import InvalidDocument
from montage_cli.refusals import Refused, document_error_as_json, error_as_json, words_of
from montage_cli.text import printable
from montage_cli.tracing import followed
from montage_cli.views import PlainLines, View, bars
from montage_cli.yaml_writer import yaml_text

REPOSITORY = Path(__file__).resolve().parent.parent


class Session:
    """What a command works with; `client` is there while `perform` runs."""

    client: MontageClient

    def __init__(self, *, variables: Mapping[str, str], form: Format) -> None:
        self.form = form
        self._variables = variables
        self._waiting_for: Run | None = None

    def perform(self, action: "Callable[[Session], Awaitable[ExitCode]]") -> ExitCode:
        """Do it; expected failures are told on stderr and become exit codes."""
        try:
            return asyncio.run(self._perform(action))
        except InvalidDocument as err:
            self._refuse(str(err), document_error_as_json(err))
            return ExitCode.REFUSED
        except Refused as err:
            self._refuse(words_of(err.cause, err.hint), error_as_json(err.cause, err.hint))
            if self._waiting_for is not None:
                self._tell_that_it_goes_on()
            return err.cause.exit_code
        except KeyboardInterrupt:
            # All that is left is to say so; a second Ctrl-C must not cut that off.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.complain("interrupted")
            if self._waiting_for is not None:
                self._tell_that_it_goes_on()
            return ExitCode.INTERRUPTED

    def say(self, text: str) -> None:
        """For people; with `-o json` and its like it goes to stderr, because stdout is for the answer only."""
        click.echo(printable(text), err=not self.is_for_people)

    def complain(self, text: str) -> None:
        click.echo(printable(text), err=True)

    def waits_for(self, run: Run | None) -> None:
        """Remember a run that goes on without us, for whoever interrupts the waiting; None once it is over."""
        self._waiting_for = run

    @property
    def is_for_people(self) -> bool:
        return self.form is Format.TABLE

    @property
    def has_terminal(self) -> bool:
        return self.is_for_people and sys.stdout.isatty()

    def answer(self, value: dict[str, Any], *, names: Iterable[str] = ()) -> bool:
        """Write the answer for a program, JSON, YAML or `names`; False when it is a person who reads."""
        match self.form:
            case Format.JSON:
                write_json(value)
            case Format.YAML:
                click.echo(yaml_text(value), nl=False)
            case Format.NAME:
                for name in names:
                    click.echo(name)
            case Format.TABLE:
                return False
            case _:
                assert_never(self.form)
        return True

    def stream(self, value: dict[str, Any]) -> bool:
        """Write one of many answers as soon as it is there: a line of JSON, or a document of YAML; else False."""
        match self.form:
            case Format.JSON:
                write_json(value, lines=True)
            case Format.YAML:
                click.echo(f"---\n{yaml_text(value)}", nl=False)
            case _:
                return False
        return True

    @contextmanager
    def view(self) -> Iterator[View]:
        """How progress is shown: bars on a terminal, lines elsewhere."""
        if not self.has_terminal:
            yield PlainLines(self.say)
            return
        with bars(Console()) as shown:
            yield shown

    async def _perform(self, action: "Callable[[Session], Awaitable[ExitCode]]") -> ExitCode:
        command = click.get_current_context(silent=True)
        try:
            with followed(self._variables, name=command.command_path if command else "montage") as interceptors:
                return await self._act(action, interceptors)
        except MontageError as err:
            raise Refused(err, DOCTOR) from err

    async def _act(self, action: "Callable[[Session], Awaitable[ExitCode]]", interceptors: Sequence[Any]) -> ExitCode:
        try:
            connection = find_connection(self._variables, folder=Path.cwd(), repository=REPOSITORY)
            client = MontageClient(connection, interceptors=interceptors)
        except MontageError as err:
            raise Refused(err, "" if err.exit_code is ExitCode.USAGE else DOCTOR) from err
        async with client:
            self.client = client
            try:
                return await action(self)
            except MontageError as err:
                # Asked for while the connection is still there: the hint may need the names that there are.
                raise Refused(err, await hint_for(client, err)) from err

    def _refuse(self, words: str, value: dict[str, Any]) -> None:
        """Tell what went wrong: people on stderr, programs on stdout in the form that they asked for."""
        # As one of many, so that it also ends a stream.
        if not self.stream(value):
            self.complain(words)

    def _tell_that_it_goes_on(self) -> None:
        if self._waiting_for is not None:
            name = self._waiting_for.name
            pipeline = last_id(name.partition("/runs/")[0])
            self.complain(f"the run goes on: {name}\nwatch it with: montage watch {pipeline}")
